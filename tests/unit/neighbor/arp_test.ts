import { assertEquals } from "@std/assert";
import { EVERYBODY, IP, MAC, PEER_IP, PEER_MAC, Station } from "../../support/station.ts";

const OTHER_MAC = "02:00:00:00:00:09";

Deno.test("start asks for each of our addresses in nobody's name, and announces it to everybody", () => {
  const station = new Station({ addresses: [`${IP}/24`, "10.1.2.3/8"] });
  station.stack.start(0);
  const sent = station.take();
  assertEquals(new Set(sent.map((packet) => packet.ethernet.destination)), new Set([EVERYBODY]));
  assertEquals(
    sent.map(({ arp }) => [arp!.operation, arp!.senderMac, arp!.senderIp, arp!.targetIp]),
    [
      [1, MAC, "0.0.0.0", IP],
      [1, MAC, IP, IP],
      [1, MAC, "0.0.0.0", "10.1.2.3"],
      [1, MAC, "10.1.2.3", "10.1.2.3"],
    ],
  );
  const { announcementsSent, probesSent } = station.stack.counters.arp;
  assertEquals([announcementsSent, probesSent], [2, 2]);
});

Deno.test("a request for our address is answered to its sender alone", () => {
  const station = new Station();
  station.deliverArp();
  assertEquals(station.take(), [{
    ethernet: { destination: PEER_MAC, source: MAC, type: 0x0806 },
    arp: {
      operation: 2,
      senderMac: MAC,
      senderIp: IP,
      targetMac: PEER_MAC,
      targetIp: PEER_IP,
    },
    faults: [],
  }]);
  assertEquals(station.stack.counters.arp.requestsReceived, 1);
  assertEquals(station.stack.counters.arp.repliesSent, 1);
});

Deno.test("each of several addresses is answered for by itself", () => {
  const station = new Station({ addresses: [`${IP}/24`, "192.168.69.3/24"] });
  station.deliverArp({ targetIp: "192.168.69.3" });
  assertEquals(station.takeArp().map((arp) => arp.senderIp), ["192.168.69.3"]);
});

Deno.test("a padded request is answered", () => {
  const station = new Station();
  station.deliver({
    ethernet: { destination: EVERYBODY },
    arp: {
      operation: 1,
      senderMac: PEER_MAC,
      senderIp: PEER_IP,
      targetMac: EVERYBODY, // whatever: nobody reads it
      targetIp: IP,
    },
    trailer: new Uint8Array(18),
  });
  assertEquals(station.takeArp().length, 1);
});

Deno.test("a request for another address is not answered", () => {
  const station = new Station();
  station.deliverArp({ targetIp: "192.168.69.77" });
  assertEquals(station.take(), []);
});

Deno.test("a probe for our address is answered, and its sender is not learned", () => {
  const station = new Station();
  station.deliverArp({ senderIp: "0.0.0.0" });
  assertEquals(station.takeArp().map((arp) => [arp.operation, arp.targetIp]), [[2, "0.0.0.0"]]);
  assertEquals(station.notices, []);
});

Deno.test("packets of another format, or from nobody, are counted and dropped", () => {
  const station = new Station();
  const request = station.encode({
    ethernet: { destination: EVERYBODY },
    arp: {
      operation: 1,
      senderMac: PEER_MAC,
      senderIp: PEER_IP,
      targetMac: PEER_MAC,
      targetIp: IP,
    },
  });
  const wrong = request.slice();
  wrong[14 + 1] = 6; // IEEE 802
  station.deliver(wrong);
  station.deliver(request.subarray(0, 14 + 27));
  for (const senderMac of [EVERYBODY, "01:00:5e:00:00:01", "00:00:00:00:00:00"]) {
    station.deliver({
      ethernet: { destination: EVERYBODY },
      arp: { operation: 1, senderMac, senderIp: PEER_IP, targetMac: PEER_MAC, targetIp: IP },
    });
  }
  for (const senderIp of ["255.255.255.255", "192.168.69.255", "224.0.0.1", "127.0.0.1"]) {
    station.deliver({
      ethernet: { destination: EVERYBODY },
      arp: { operation: 1, senderMac: PEER_MAC, senderIp, targetMac: PEER_MAC, targetIp: IP },
    });
  }
  assertEquals(station.take(), []);
  assertEquals(station.stack.counters.arp.droppedMalformed, 9);
});

Deno.test("what counts is the sender that the packet names, not that of the frame", () => {
  const station = new Station();
  station.deliver({
    ethernet: { destination: EVERYBODY, source: "02:00:00:00:00:05" }, // a proxy, a wireless bridge
    arp: { operation: 1, senderMac: PEER_MAC, senderIp: PEER_IP, targetMac: MAC, targetIp: IP },
  });
  assertEquals(station.take().map(({ ethernet, arp }) => [ethernet.destination, arp!.targetMac]), [
    [PEER_MAC, PEER_MAC],
  ]);
  station.deliver(station.ping());
  assertEquals(station.take().map(({ ethernet }) => ethernet.destination), [PEER_MAC]);
});

Deno.test("a reply is counted, asked for or not", () => {
  const station = new Station();
  station.deliverArp({ operation: 2 }, MAC);
  assertEquals(station.stack.counters.arp.repliesReceived, 1);
  assertEquals(station.stack.counters.arp.requestsReceived, 0);
});

Deno.test("a station that claims our address is named once in ten seconds, and told off", () => {
  const station = new Station();
  const claim = () => station.deliverArp({ senderMac: OTHER_MAC, senderIp: IP, targetIp: IP });
  for (let i = 0; i < 50; i++) claim();
  assertEquals(station.stack.counters.arp.conflicts, 50);
  assertEquals(
    station.takeArp().map((arp) => [arp.operation, arp.senderMac, arp.senderIp, arp.targetIp]),
    [[1, MAC, IP, IP]],
  );
  assertEquals(
    station.notices.map((notice) =>
      notice.type === "address-conflict" && `${notice.address} ${notice.mac}`
    ),
    [`${IP} ${OTHER_MAC}`],
  );
  station.advance(9_999);
  claim();
  assertEquals([station.takeArp().length, station.notices.length], [0, 1]);
  station.advance(1);
  claim();
  assertEquals([station.takeArp().length, station.notices.length], [1, 2]);
});

Deno.test("each of our addresses is defended by itself", () => {
  const station = new Station({ addresses: [`${IP}/24`, "192.168.69.3/24"] });
  station.deliverArp({ senderMac: OTHER_MAC, senderIp: IP, targetIp: IP });
  station.deliverArp({ operation: 2, senderMac: OTHER_MAC, senderIp: "192.168.69.3" });
  assertEquals(station.takeArp().map((arp) => arp.senderIp), [IP, "192.168.69.3"]);
});

Deno.test("our own announcement, come back to us, is no conflict", () => {
  const station = new Station();
  station.stack.start(0);
  const [announcement] = station.takeFrames();
  station.deliver(announcement!.view().slice());
  assertEquals(station.stack.counters.arp.conflicts, 0);
  assertEquals([station.take(), station.notices], [[], []]);
});
