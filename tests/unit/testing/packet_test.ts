import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { internetChecksum, type TcpOption } from "../../../runtime/testing/packet.ts";
import { decodePacket } from "../../../runtime/testing/packet_decode.ts";
import { encodePacket, type PacketInit } from "../../../runtime/testing/packet_encode.ts";

const A = "02:00:00:00:00:01";
const B = "02:00:00:00:00:02";

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(hex.replaceAll(" ", "").match(/../g)!, (byte) => parseInt(byte, 16));
}

function segment(more: Partial<NonNullable<PacketInit["tcp"]>> = {}): PacketInit {
  return {
    ethernet: { source: A, destination: B },
    ip: { source: "10.0.0.1", destination: "10.0.0.2" },
    tcp: { sourcePort: 40000, destinationPort: 80, seq: 1, ack: 2, flags: ["ACK"], ...more },
  };
}

function faults(packet: PacketInit): string[] {
  return decodePacket(encodePacket(packet)).faults;
}

Deno.test("the checksum of RFC 1071's example and of a header from a book is right", () => {
  assertEquals(internetChecksum(bytesOf("00 01 f2 03 f4 f5 f6 f7")), 0xffff - 0xddf2);
  assertEquals(
    internetChecksum(bytesOf("45000073000040004011 0000 c0a80001c0a800c7")),
    0xb861,
  );
});

Deno.test("a SYN-ACK that a Linux kernel sent is read without a fault, and built to the same bytes", () => {
  // Captured on lo, where the kernel leaves the checksum to the device.
  const frame = bytesOf(
    `000000000000 000000000000 0800 4500003c000040004006 3cba 7f000001 7f000001
     c049 d26c 2c09f530 4e0c6920 a012 ffcb fe30 0000 0204ffd7 0402 080a8c884bfb6aa0cc7f 01 03030a`
      .replaceAll(/\s/g, ""),
  );
  const packet = decodePacket(frame, { checksum: "partial" });
  assertEquals(packet.faults, []);
  assertEquals(packet.tcp, {
    sourcePort: 49225,
    destinationPort: 53868,
    seq: 738850096,
    ack: 1309436192,
    flags: ["SYN", "ACK"],
    window: 65483,
    urgent: 0,
    options: [
      { kind: "mss", size: 65495 },
      { kind: "sackok" },
      { kind: "ts", value: 0x8c884bfb, echo: 0x6aa0cc7f },
      { kind: "nop" },
      { kind: "ws", shift: 10 },
    ],
    payload: new Uint8Array(0),
  });
  const { ethernet, ip, tcp } = packet;
  assertEquals(encodePacket({ ethernet, ip, tcp: { ...tcp!, checksum: 0xfe30 } }), frame);
});

Deno.test("each lie in a segment is found", () => {
  assertEquals(faults(segment()), []);
  assert(faults(segment({ checksum: "bad" }))[0]!.includes("TCP checksum"));
  assert(faults(segment({ dataOffset: 4 }))[0]!.includes("TCP lengths"));
  assert(faults(segment({ dataOffset: 15 }))[0]!.includes("TCP lengths"));
  assert(faults(segment({ flags: ["SYN"] }))[0]!.includes("without the ACK flag"));
  const option = (hex: string): TcpOption[] => [{ kind: "raw", bytes: bytesOf(hex) }];
  assert(faults(segment({ options: option("02030101") }))[0]!.includes("option 2 has length 3"));
  assert(faults(segment({ options: option("fd000000") }))[0]!.includes("option 253 has length 0"));
  assert(faults(segment({ options: option("fd090000") }))[0]!.includes("option 253 has length 9"));
  assert(faults(segment({ options: option("00000001") }))[0]!.includes("behind the end"));
  const ip = (more: Partial<NonNullable<PacketInit["ip"]>>) => {
    const packet = segment();
    return faults({ ...packet, ip: { ...packet.ip!, ...more } });
  };
  assert(ip({ checksum: 1 })[0]!.includes("IPv4 header checksum"));
  assert(ip({ version: 5 })[0]!.includes("IP version 5"));
  assert(ip({ headerWords: 4 })[0]!.includes("IPv4 lengths"));
  assert(ip({ totalLength: 4000 })[0]!.includes("IPv4 lengths"));
  assert(ip({ ttl: 0 })[0]!.includes("time to live"));
});

Deno.test("one wrong bit anywhere in the segment is a fault", () => {
  const good = encodePacket(segment({ payload: bytesOf("0102030405") }));
  for (let bit = 14 * 8; bit < good.length * 8; bit++) {
    const bad = good.slice();
    bad[bit >> 3]! ^= 1 << (bit & 7);
    // Bits that turn the frame into one of another kind leave nothing of TCP to look at.
    const packet = decodePacket(bad);
    assert(packet.faults.length > 0 || packet.tcp === undefined, `bit ${bit}`);
  }
});

Deno.test("padding behind the packet is no part of it", () => {
  const frame = encodePacket({ ...segment(), trailer: new Uint8Array(6) });
  assertEquals(frame.length, 60);
  assertEquals(decodePacket(frame).tcp!.payload.length, 0);
});

Deno.test("what is built is what is read: ARP, UDP, ICMP", () => {
  const ethernet = { source: A, destination: B };
  const arp = {
    operation: 1,
    senderMac: A,
    senderIp: "10.0.0.1",
    targetMac: B,
    targetIp: "10.0.0.2",
  };
  assertEquals(decodePacket(encodePacket({ ethernet, arp })), {
    ethernet: { ...ethernet, type: 0x0806 },
    arp,
    faults: [],
  });
  const ip = { source: "10.0.0.1", destination: "10.0.0.2" };
  const udp = { sourcePort: 7, destinationPort: 9, payload: bytesOf("010203") };
  assertEquals(decodePacket(encodePacket({ ethernet, ip, udp })).udp, udp);
  const icmp = { type: 8, code: 0, rest: 0x12340001, payload: bytesOf("0102030405") };
  assertEquals(decodePacket(encodePacket({ ethernet, ip, icmp })).icmp, icmp);
  assert(faults({ ethernet, ip, udp: { ...udp, checksum: 1 } })[0]!.includes("UDP checksum"));
  assert(faults({ ethernet, ip, icmp: { ...icmp, checksum: 1 } })[0]!.includes("ICMP checksum"));
});

Deno.test("random bytes never make the decoder throw", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
    decodePacket(bytes);
    if (bytes.length > 14) bytes.set([8, 0, 0x45], 12);
    decodePacket(bytes);
  }));
});
