import { assert, assertEquals } from "@std/assert";
import { IpAddress } from "../../stack/ip/address.ts";
import { TIMEOUT } from "../../stack/ip/reassembly.ts";
import { RETRY_INTERVAL } from "../../stack/neighbor/resolver.ts";
import type { Connection } from "../../stack/tcp/api.ts";
import { IP, Station } from "../support/station.ts";

const OURS = IpAddress.parse(IP)!;

Deno.test("a stack that nothing happens to waits for nothing", () => {
  const station = new Station();
  assertEquals(station.stack.nextDeadline(), Infinity);
  station.stack.start(0);
  assertEquals(station.takeArp().length, 2);
  station.advance(5_000);
  assertEquals(station.takeArp().length, 4);
  station.stack.listen({ port: 80 }, () => {});
  station.introduce();
  assertEquals(station.stack.nextDeadline(), Infinity);
  assertEquals(station.stack.census(), {
    connections: 0,
    halfOpen: 0,
    orphans: 0,
    timeWait: 0,
    resting: 0,
    listeners: 1,
    timers: 0,
    memory: 0,
  });
});

Deno.test("the next deadline is that of whichever layer is due first", () => {
  const station = new Station();
  station.deliver(station.ping(undefined, { mf: true, df: false, source: "192.168.69.9" }));
  assertEquals(station.stack.nextDeadline(), TIMEOUT);
  station.now = 100;
  station.deliver(station.ping()); // from a neighbor that we have to ask for
  assertEquals(station.stack.nextDeadline(), 100 + RETRY_INTERVAL);
  station.deliverArp();
  assertEquals(station.stack.nextDeadline(), TIMEOUT);
  station.advance(TIMEOUT);
  assertEquals(station.stack.counters.ipv4.droppedReassemblyTimeout, 1);
});

Deno.test("a call from outside asks for a poll, what a frame brings about does not", () => {
  const station = new Station();
  let connection: Connection | undefined;
  station.stack.listen({ port: 80 }, (accepted) => {
    connection = accepted;
    accepted.write(new Uint8Array(10));
  });
  station.introduce();
  const tcp = { sourcePort: 4000, destinationPort: 80, window: 65535 };
  station.deliver({ tcp: { ...tcp, flags: ["SYN"], seq: 100 } });
  const [synAck] = station.take();
  const ack = synAck!.tcp!.seq + 1;
  station.deliver({ tcp: { ...tcp, flags: ["ACK"], seq: 101, ack } });
  assert(connection);
  assertEquals(station.wakes, 0);
  assert(station.stack.nextDeadline() <= station.now);
  station.stack.poll(station.now);
  assertEquals(station.take().map((packet) => packet.tcp!.payload.length), [10]);
  station.now = 5;
  connection.write(new Uint8Array(20));
  assertEquals(station.wakes, 1);
  assert(station.stack.nextDeadline() <= station.now);
});

Deno.test("a stack talks to itself without a link", () => {
  const station = new Station();
  station.linkUp = false;
  const received: number[] = [];
  station.stack.listen({ port: 7 }, (connection) => {
    connection.observer = {
      readable() {
        const bytes = new Uint8Array(100);
        const length = connection.read(bytes);
        connection.write(bytes.subarray(0, length));
        if (connection.ended) connection.close();
      },
      writable() {},
      closed() {},
    };
  });
  station.stack.connect({ address: OURS, port: 7 }, {
    established(connection) {
      connection.observer = {
        readable() {
          const bytes = new Uint8Array(100);
          received.push(...bytes.subarray(0, connection.read(bytes)));
          if (received.length === 3) connection.close();
        },
        writable() {},
        closed() {},
      };
      connection.write(Uint8Array.of(1, 2, 3));
    },
    failed: (reason) => assertEquals(reason, ""),
  });
  assert(station.wakes > 0);
  station.advance(1_000);
  assertEquals(received, [1, 2, 3]);
  station.advance(300_000);
  assertEquals(station.stack.census().connections, 0);
  const { ipv4, link } = station.stack.counters;
  assertEquals([link.framesSent, link.sendRefused], [0, 0]);
  assertEquals(ipv4.packetsLooped, ipv4.packetsDelivered);
});

Deno.test("a reset to ourselves, from outside a poll, asks for one", () => {
  const station = new Station();
  let connection: Connection | undefined;
  station.stack.listen({ port: 7 }, () => {});
  station.stack.connect({ address: OURS, port: 7 }, {
    established: (established) => connection = established,
    failed: (reason) => assertEquals(reason, ""),
  });
  station.advance(1_000);
  station.wakes = 0;
  connection!.abort();
  assert(station.wakes > 0);
  assert(station.stack.nextDeadline() <= station.now);
  station.advance(1);
  assertEquals(station.stack.census().connections, 0);
});

Deno.test("after close new connections are refused, and the stack still answers pings", () => {
  const station = new Station();
  station.stack.listen({ port: 80 }, () => {});
  station.introduce();
  station.stack.close();
  station.deliver({ tcp: { sourcePort: 4000, destinationPort: 80, flags: ["SYN"], seq: 1 } });
  assertEquals(station.take().map((packet) => packet.tcp!.flags), [["RST", "ACK"]]);
  station.deliver(station.ping());
  assertEquals(station.takeIcmp().length, 1);
});

Deno.test("abort resets every connection at once, and listens no more", () => {
  const station = new Station();
  station.stack.listen({ port: 80 }, () => {});
  station.introduce();
  const tcp = { sourcePort: 4000, destinationPort: 80, window: 65535 };
  station.deliver({ tcp: { ...tcp, flags: ["SYN"], seq: 100 } });
  const ack = station.take()[0]!.tcp!.seq + 1;
  station.deliver({ tcp: { ...tcp, flags: ["ACK"], seq: 101, ack } });
  station.stack.abort();
  assertEquals(station.take().map((packet) => packet.tcp!.flags.includes("RST")), [true]);
  const { connections, listeners } = station.stack.census();
  assertEquals([connections, listeners], [0, 0]);
});

Deno.test("frames and bytes are counted both ways, and those that the link refuses", () => {
  const station = new Station();
  station.introduce();
  const { link } = station.stack.counters;
  const before = { ...link };
  station.deliver(station.ping(new Uint8Array(56)));
  assertEquals(link.framesReceived - before.framesReceived, 1);
  assertEquals(link.bytesReceived - before.bytesReceived, 98);
  assertEquals(link.framesSent - before.framesSent, 1);
  assertEquals(link.bytesSent - before.bytesSent, 98);
  station.linkUp = false;
  station.deliver(station.ping());
  assertEquals(link.sendRefused, 1);
});

Deno.test("a received super-segment reaches TCP whole", () => {
  const station = new Station();
  let connection: Connection | undefined;
  station.stack.listen({ port: 9 }, (accepted) => connection = accepted);
  station.introduce();
  const tcp = { sourcePort: 4000, destinationPort: 9, window: 65535 };
  station.deliver({ tcp: { ...tcp, flags: ["SYN"], seq: 100 } });
  const ack = station.take()[0]!.tcp!.seq + 1;
  station.deliver({ tcp: { ...tcp, flags: ["ACK"], seq: 101, ack } });
  const payload = new Uint8Array(40_000);
  station.deliver(
    { tcp: { ...tcp, flags: ["ACK"], seq: 101, ack, payload, checksum: "bad" } },
    { checksum: "partial", segmentSize: 1460, headerLength: 54 },
  );
  assertEquals(connection!.readableBytes, 40_000);
});
