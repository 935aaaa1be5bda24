import { assert, assertEquals } from "@std/assert";
import { seededRandom } from "../../../runtime/device/random.ts";
import type { TcpSegment } from "../../../runtime/testing/packet.ts";
import { decodePacket } from "../../../runtime/testing/packet_decode.ts";
import { encodePacket } from "../../../runtime/testing/packet_encode.ts";
import { IpAddress } from "../../../stack/ip/address.ts";
import type { Stack } from "../../../stack/stack.ts";
import type { Connection } from "../../../stack/tcp/api.ts";
import { FIRST_LOCAL_PORT } from "../../../stack/tcp/ports.ts";
import { Frame } from "../../../stack/wire/frame.ts";
import { SharedHost } from "./shared_host.ts";

const HOST = IpAddress.parse("192.168.69.2")!;
const PEER = IpAddress.parse("192.168.69.1")!;

/** Sends back what it receives, and closes when the peer does. */
function echo(connection: Connection): void {
  const work = () => {
    const bytes = new Uint8Array(4096);
    const length = connection.read(bytes);
    if (length > 0) connection.write(bytes.subarray(0, length));
    if (connection.ended) connection.close();
  };
  connection.observer = { readable: work, writable() {}, closed() {} };
}

/** Connects, says 1,000 bytes and goodbye; tells what came back and how it ended. */
function say(stack: Stack, to: IpAddress, port: number): { echoed: number; end: string } {
  const heard = { echoed: 0, end: "pending" };
  stack.connect({ address: to, port }, {
    established(connection) {
      const readable = () => {
        heard.echoed += connection.read(new Uint8Array(4096));
      };
      connection.observer = {
        readable,
        writable() {},
        closed(reason) {
          readable();
          heard.end = reason;
        },
      };
      connection.write(new Uint8Array(1000));
      connection.closeWrite();
    },
    failed(reason) {
      heard.end = reason;
    },
  });
  return heard;
}

/** Every frame on a queue of its own choice. */
function anyQueue(count: number) {
  const random = seededRandom(7);
  return () => random() % count;
}

const TO_HOST = { destination: "02:00:00:00:00:02", source: "02:00:00:00:00:01" };
const FROM_PEER = { source: "192.168.69.1", destination: "192.168.69.2" };
const HEARD = { echoed: 1000, end: "closed" };

for (const count of [2, 3, 5]) {
  Deno.test(`connections to ${count} stacks live, whatever queue each frame comes on`, () => {
    const host = new SharedHost(count, anyQueue(count));
    for (const stack of host.stacks) stack.listen({ port: 7 }, echo);
    const heard = Array.from({ length: 40 }, () => {
      const one = say(host.peer, HOST, 7);
      host.settle();
      return one;
    });
    host.advance(120_000);
    assertEquals(heard, heard.map(() => HEARD));
    assertEquals(host.peer.counters.tcp.resetsReceived, 0);
    const served = host.stacks.map(({ counters }) => counters.tcp.connectionsEstablished);
    assertEquals(served.reduce((sum, one) => sum + one), 40, "each by one stack only");
    assert(served.every((one) => one > 0), `served by ${served}`);
  });

  Deno.test(`connections of ${count} stacks live, whatever queue each frame comes on`, () => {
    const host = new SharedHost(count, anyQueue(count));
    host.peer.listen({ port: 7 }, echo);
    const heard = Array.from({ length: 40 }, (_, i) => {
      const one = say(host.stacks[i % count]!, PEER, 7);
      host.settle();
      return one;
    });
    host.advance(120_000);
    assertEquals(heard, heard.map(() => HEARD));
    for (const { counters } of host.stacks) assertEquals(counters.tcp.resetsSent, 0);
  });
}

Deno.test("stacks choose different local ports for the same remote end", () => {
  const host = new SharedHost(3, () => 0);
  host.peer.listen({ port: 7 }, () => {});
  for (let i = 0; i < 30; i++) say(host.stacks[i % 3]!, PEER, 7);
  host.settle();
  const ports = host.sent.map((frames) =>
    frames.map((frame) => decodePacket(frame.view()).tcp).filter((tcp) =>
      tcp?.flags.includes("SYN")
    )
      .map((tcp) => tcp!.sourcePort)
  );
  assertEquals(ports.map((own) => new Set(own).size), [10, 10, 10]);
  for (const [index, own] of ports.entries()) {
    assertEquals(new Set(own.map((port) => (port - FIRST_LOCAL_PORT) % 3)), new Set([index]));
  }
});

Deno.test("a port that one stack alone listens on is found from every queue", () => {
  const host = new SharedHost(3, () => 2);
  host.stacks[1]!.listen({ port: 50_021 }, echo);
  const heard = say(host.peer, HOST, 50_021);
  host.advance(60_000);
  assertEquals(heard, HEARD);
});

Deno.test("what no stack knows is refused once, by the last that is asked", () => {
  const host = new SharedHost(3, () => 0);
  const heard = say(host.peer, HOST, 81);
  host.settle();
  assertEquals(heard.end, "refused");
  assertEquals(host.stacks.map(({ counters }) => counters.tcp.handedOver), [1, 1, 0]);
  const resets = host.stacks.map(({ counters }) => counters.tcp.resetsSent);
  assertEquals(resets.reduce((sum, one) => sum + one), 1);
});

Deno.test("a stack's connection to itself that is refused is nobody else's business", () => {
  const host = new SharedHost(2, () => 0);
  host.stacks[1]!.listen({ port: 7 }, echo);
  const heard = say(host.stacks[0]!, HOST, 7);
  host.settle();
  assertEquals(heard.end, "refused");
  assertEquals(host.stacks[0]!.counters.tcp.handedOver, 0);
});

Deno.test("what is handed over is bounded; the rest is lost and counted", () => {
  const host = new SharedHost(2, () => 0, 1024);
  const packets = Array.from({ length: 100 }, (_, i) => {
    const tcp = { sourcePort: 4000 + i, destinationPort: 81, flags: ["ACK" as const], window: 100 };
    return encodePacket({ ethernet: TO_HOST, ip: FROM_PEER, tcp });
  });
  for (const packet of packets) host.inject(0, packet);
  host.settle();
  // Each takes 54 bytes, 12 for the ring, and 2 of padding.
  const [first, second] = host.stacks.map(({ counters }) => counters.tcp);
  assertEquals(first!.handedOver, Math.floor(1024 / 68));
  assertEquals(first!.droppedHandOver, 100 - first!.handedOver);
  assertEquals(second!.resetsSent, first!.handedOver);
});

Deno.test("what others hand over does not keep a stack from its own queue", () => {
  const host = new SharedHost(2, () => 0);
  const tcp = { sourcePort: 4000, destinationPort: 81, flags: ["RST" as const], window: 100 };
  const rst = encodePacket({ ethernet: TO_HOST, ip: FROM_PEER, tcp });
  const [own, other] = host.devices;
  const frame = new Frame();
  for (let i = 0; i < 4; i++) {
    host.inject(1, rst);
    other!.receive(frame, 0);
    host.stacks[1]!.receive(frame, 0);
    host.inject(0, Uint8Array.from(rst));
  }
  const kinds = [];
  while (own!.receive(frame, 0)) kinds.push(frame.checksum);
  assertEquals(kinds.slice(0, 4), ["verified", "complete", "verified", "complete"]);
  assertEquals(kinds.length, 8);
});

Deno.test("the acknowledgment of a SYN cookie reaches the stack that made it", () => {
  const isSyn = (frame: Frame) => decodePacket(frame.view()).tcp?.flags.includes("SYN") === true;
  const host = new SharedHost(2, (frame) => isSyn(frame) ? 0 : 1, 1 << 17, { halfOpenLimit: 0 });
  for (const stack of host.stacks) stack.listen({ port: 7 }, echo);
  const heard = [say(host.peer, HOST, 7), say(host.peer, HOST, 7)];
  host.advance(60_000);
  assertEquals(heard, [HEARD, HEARD]);
  const tcp = host.stacks.map(({ counters }) => counters.tcp);
  assertEquals(tcp.map(({ synCookiesAccepted }) => synCookiesAccepted), [2, 0]);
  assertEquals(tcp.map(({ synCookiesRejected }) => synCookiesRejected), [0, 0]);
});

Deno.test("a segment that came in fragments is handed over whole", () => {
  const host = new SharedHost(2, () => 0);
  const heard: number[] = [];
  host.stacks[1]!.listen({ port: 50_021 }, (connection) => {
    const readable = () => void heard.push(connection.read(new Uint8Array(4096)));
    connection.observer = { readable, writable() {}, closed() {} };
  });
  const ports = { sourcePort: 4000, destinationPort: 50_021, window: 65_535 };
  const send = (tcp: Partial<TcpSegment>) =>
    encodePacket({ ethernet: TO_HOST, ip: FROM_PEER, tcp: { ...ports, ...tcp } });
  host.peerHears = false;
  host.inject(0, send({ flags: ["SYN"], seq: 99 }));
  host.settle();
  host.inject(
    0,
    encodePacket({
      ethernet: TO_HOST,
      arp: {
        operation: 2,
        senderMac: TO_HOST.source,
        senderIp: FROM_PEER.source,
        targetMac: TO_HOST.destination,
        targetIp: FROM_PEER.destination,
      },
    }),
  );
  host.settle();
  const synAck = host.sent[1]!.map((frame) => decodePacket(frame.view())).find(({ tcp }) => tcp)!;
  const whole = send({
    flags: ["ACK"],
    seq: 100,
    ack: synAck.tcp!.seq + 1,
    payload: new Uint8Array(500),
  });
  const segment = whole.subarray(34);
  const fragment = (from: number, to: number) =>
    encodePacket({
      ethernet: TO_HOST,
      ip: {
        ...FROM_PEER,
        protocol: 6,
        id: 7,
        df: false,
        mf: to < segment.length,
        fragmentOffset: from,
      },
      payload: segment.slice(from, to),
    });
  host.inject(0, fragment(0, 256));
  host.inject(0, fragment(256, segment.length));
  host.settle();
  assertEquals(heard, [500]);
});

Deno.test("ARP is asked and announced by one stack, answered once, and heard by all", () => {
  const host = new SharedHost(2, () => 1);
  for (const stack of host.stacks) stack.start(0);
  host.settle();
  const announcements = host.sent.map((frames) => frames.length);
  assertEquals(announcements, [2, 0], "probe and announcement");

  // Replies come on queue 1, to whomever has asked.
  host.peer.listen({ port: 7 }, echo);
  const heard = host.stacks.map((stack) => say(stack, PEER, 7));
  host.advance(60_000);
  assertEquals(heard, [HEARD, HEARD]);

  const before = host.stacks[1]!.counters.arp.repliesSent;
  host.inject(
    1,
    encodePacket({
      ethernet: { destination: "ff:ff:ff:ff:ff:ff", source: "02:00:00:00:00:09" },
      arp: {
        operation: 1,
        senderMac: "02:00:00:00:00:09",
        senderIp: "192.168.69.9",
        targetMac: "00:00:00:00:00:00",
        targetIp: "192.168.69.2",
      },
    }),
  );
  host.settle();
  assertEquals(host.stacks[1]!.counters.arp.repliesSent, before + 1);
  assertEquals(host.stacks[0]!.counters.arp.repliesSent, 0);
});

Deno.test("an ICMP error reaches the stack whose connection it is about, and no other", () => {
  const host = new SharedHost(3, () => 1);
  host.peer.listen({ port: 7 }, echo);
  say(host.stacks[0]!, PEER, 7);
  host.advance(60_000);
  host.peerHears = false;
  const heard = say(host.stacks[0]!, PEER, 7);
  host.settle();
  const syn = host.sent[0]!.at(-1)!.view();
  const icmp = { type: 3, code: 3, rest: 0, payload: syn.slice(14, 14 + 28) };
  host.inject(1, encodePacket({ ethernet: TO_HOST, ip: FROM_PEER, icmp }));
  host.settle();
  assertEquals(host.stacks.map(({ counters }) => counters.tcp.icmpErrorsAccepted), [1, 0, 0]);
  assertEquals(host.stacks.map(({ counters }) => counters.tcp.icmpErrorsIgnored), [0, 0, 0]);
  assertEquals(heard.end, "refused");
});
