import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { ERROR_BURST, ERRORS_PER_SECOND } from "../../../stack/icmp/icmp.ts";
import { MAX_TRIES, RETRY_INTERVAL } from "../../../stack/neighbor/resolver.ts";
import { IpAddress } from "../../../stack/ip/address.ts";
import { EVERYBODY, IP, PEER_IP, PEER_MAC, Station } from "../../support/station.ts";

function introduced(): Station {
  const station = new Station();
  station.introduce();
  return station;
}

Deno.test("an echo comes back whole, to its sender, from the address it was sent to", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 1472, size: "max" }),
      fc.nat(0xffffffff),
      (payload, rest) => {
        const station = introduced();
        station.deliver({ icmp: { type: 8, code: 0, rest, payload } });
        const [answer] = station.take();
        assertEquals(answer!.ethernet.destination, PEER_MAC);
        assertEquals([answer!.ip!.source, answer!.ip!.destination], [IP, PEER_IP]);
        assertEquals(answer!.icmp, { type: 0, code: 0, rest, payload });
      },
    ),
  );
});

Deno.test("an echo from a stranger off the link is answered through the gateway", () => {
  const station = new Station({ gateway: PEER_IP });
  station.introduce();
  station.deliver(station.ping(undefined, { source: "8.8.8.8" }));
  const [answer] = station.take();
  assertEquals([answer!.ethernet.destination, answer!.ip!.destination], [PEER_MAC, "8.8.8.8"]);
});

Deno.test("an echo from a stranger that nothing leads to is dropped and counted", () => {
  const station = introduced();
  station.deliver(station.ping(undefined, { source: "8.8.8.8" }));
  assertEquals(station.take(), []);
  assertEquals(station.stack.counters.ipv4.noRoute, 1);
});

Deno.test("an echo from a neighbor that we do not know waits for its address", () => {
  const station = new Station();
  station.deliver(station.ping());
  assertEquals(station.takeArp().map((arp) => arp.targetIp), [PEER_IP]);
  station.deliverArp({ operation: 2 });
  assertEquals(station.takeIcmp().map(({ type }) => type), [0]);
});

Deno.test("an echo to a broadcast address is met with silence", () => {
  for (const destination of ["192.168.69.255", "255.255.255.255"]) {
    const station = introduced();
    const input = station.ping(undefined, { destination });
    station.deliver({ ...input, ethernet: { destination: EVERYBODY } });
    assertEquals(station.take(), []);
    assertEquals(station.stack.counters.icmp.droppedGroup, 1);
  }
});

Deno.test("messages that are short, damaged or of no use are counted and dropped", () => {
  const station = introduced();
  const { icmp } = station.stack.counters;
  station.deliver({ ip: { protocol: 1 }, payload: new Uint8Array(7) });
  assertEquals(icmp.droppedBadLength, 1);
  const payload = new Uint8Array(8);
  station.deliver({ icmp: { type: 8, code: 0, rest: 0, payload, checksum: 1 } });
  assertEquals(icmp.droppedBadChecksum, 1);
  for (const type of [0, 5, 4, 9, 10, 13, 15, 17, 30, 255]) {
    station.deliver({ icmp: { type, code: 0, rest: 0, payload } });
  }
  assertEquals(icmp.droppedUnknownType, 10);
  assertEquals(icmp.messagesReceived, 12);
  assertEquals(station.take(), []);
});

Deno.test("an unknown protocol is answered with what it was", () => {
  const station = introduced();
  station.deliver(station.ping()); // what was sent before must not show through
  station.take();
  const input = { ip: { protocol: 99 }, payload: new Uint8Array(40).fill(7) };
  station.deliver(input);
  const [error] = station.takeIcmp();
  const { icmp, ipv4 } = station.stack.counters;
  assertEquals([icmp.echoesAnswered, icmp.errorsSent, icmp.messagesSent], [1, 1, 2]);
  assertEquals([ipv4.packetsSent, ipv4.droppedUnknownProtocol], [2, 1]);
  assertEquals([error!.type, error!.code, error!.rest], [3, 2, 0]);
  assertEquals(error!.payload, station.encode(input).slice(14));
});

Deno.test("an error quotes no more than fits into 576 bytes, and options with the header", () => {
  const station = introduced();
  const ip = { protocol: 99, options: Uint8Array.of(1, 1, 1, 0) };
  const input = { ip, payload: new Uint8Array(1400).fill(7), trailer: new Uint8Array(3) };
  station.deliver(input);
  const [frame] = station.takeFrames();
  assertEquals(frame!.length, 14 + 576);
  assertEquals(frame!.view().slice(14 + 28), station.encode(input).slice(14, 14 + 548));
});

Deno.test("link padding is not quoted", () => {
  const station = introduced();
  station.deliver({
    ip: { protocol: 99 },
    payload: new Uint8Array(3),
    trailer: new Uint8Array(23),
  });
  assertEquals(station.takeIcmp().map(({ payload }) => payload.length), [23]);
});

Deno.test("errors are sent within a burst and a rate", () => {
  const station = introduced();
  const input = { ip: { protocol: 99 }, payload: new Uint8Array(8) };
  const sent = (count: number) => {
    for (let i = 0; i < count; i++) station.deliver(input);
    return station.take().length;
  };
  assertEquals(sent(ERROR_BURST + 100), ERROR_BURST);
  assertEquals(station.stack.counters.icmp.errorsLimited, 100);
  station.now += 100;
  assertEquals(sent(1000), ERRORS_PER_SECOND / 10);
  station.now += 10_000;
  assertEquals(sent(1000), ERROR_BURST);
  assertEquals(
    station.stack.counters.icmp.errorsSent,
    2 * ERROR_BURST + ERRORS_PER_SECOND / 10,
  );
});

Deno.test("echoes are answered even when the errors are used up", () => {
  const station = introduced();
  const input = { ip: { protocol: 99 }, payload: new Uint8Array(8) };
  for (let i = 0; i < ERROR_BURST + 1; i++) station.deliver(input);
  station.take();
  station.deliver(station.ping());
  assertEquals(station.take().length, 1);
});

Deno.test("no error is sent about the fragments of an error", () => {
  for (const [type, errors] of [[3, 0], [11, 0], [12, 0], [8, 1]] as const) {
    const station = introduced();
    const message = Uint8Array.from([type, 0, 0, 0, 0, 0, 0, 0]);
    station.deliver({ ip: { protocol: 1, mf: true, df: false }, payload: message });
    station.advance(60_000);
    assertEquals(station.take().length, errors, `type ${type}`);
  }
});

Deno.test("a connection to a neighbor that is not there fails when nobody has answered", () => {
  const station = new Station();
  const outcomes: string[] = [];
  station.stack.connect({ address: IpAddress.parse(PEER_IP)!, port: 80 }, {
    established: () => outcomes.push("established"),
    failed: (reason) => outcomes.push(reason),
  });
  station.advance(MAX_TRIES * RETRY_INTERVAL - 100);
  assertEquals(outcomes, []);
  station.advance(200);
  assertEquals(outcomes, ["unreachable"]);
  assertEquals(station.takeArp().length, MAX_TRIES);
});
