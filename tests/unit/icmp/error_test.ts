import { assertEquals } from "@std/assert";
import { encodePacket } from "../../../runtime/testing/packet_encode.ts";
import type { PacketInit } from "../../../runtime/testing/packet_encode.ts";
import { IcmpCounters, Ipv4Counters } from "../../../stack/counters.ts";
import { errorType } from "../../../stack/icmp/error.ts";
import { Icmp } from "../../../stack/icmp/icmp.ts";
import { Prefix } from "../../../stack/ip/address.ts";
import { Ipv4Input } from "../../../stack/ip/ipv4_input.ts";
import type { Ipv4Output } from "../../../stack/ip/ipv4_output.ts";
import { LocalAddresses } from "../../../stack/ip/local_addresses.ts";
import { Frame } from "../../../stack/wire/frame.ts";

const US = "10.0.0.2";
const ROUTER = "10.0.0.254";
const ETHERNET = { destination: "02:00:00:00:00:02", source: "02:00:00:00:00:01" };

/** A packet of ours, as an error quotes it. */
function ours(init: Partial<PacketInit> = {}, length = 28): Uint8Array {
  return encodePacket({
    ethernet: ETHERNET,
    ip: { source: US, destination: "8.8.8.8" },
    tcp: { sourcePort: 49152, destinationPort: 80, seq: 0xfedcba98 },
    ...init,
  }).slice(14, 14 + length);
}

/** Delivers an error; what TCP hears of it, and the counters. */
function report(type: number, code: number, rest: number, payload: Uint8Array) {
  const local = new LocalAddresses([Prefix.parse(`${US}/24`)!]);
  const counters = new IcmpCounters();
  const heard: string[] = [];
  const icmp = new Icmp(
    {} as Ipv4Output, // an error is never answered
    local,
    {
      icmpError(type, quoted, mtu, now) {
        const at = quoted.payloadOffset;
        const ports = [0, 2].map((i) => quoted.bytes[at + i]! * 256 + quoted.bytes[at + i + 1]!);
        const { source, destination, payloadLength } = quoted;
        heard.push(
          `${type} ${source}:${ports[0]} ${destination}:${ports[1]} ${payloadLength} ${mtu} ${now}`,
        );
      },
      neighborUnreachable() {},
    },
    counters,
  );
  const frame = new Frame(encodePacket({
    ethernet: ETHERNET,
    ip: { source: ROUTER, destination: US },
    icmp: { type, code, rest, payload },
  }));
  icmp.receive(new Ipv4Input(local, new Ipv4Counters(), () => {}).receive(frame, "unicast", 5)!, 5);
  return { heard, counters };
}

Deno.test("an error about a segment of ours is handed to TCP with what it says", () => {
  const { heard, counters } = report(3, 1, 0, ours());
  assertEquals(heard, [`host-unreachable ${US}:49152 8.8.8.8:80 8 0 5`]);
  assertEquals(counters.errorsDelivered, 1);
});

Deno.test("each type and code has its meaning", () => {
  const meanings = Array.from({ length: 17 }, (_, code) => errorType(3, code));
  assertEquals(meanings, [
    "net-unreachable",
    "host-unreachable",
    "protocol-unreachable",
    "port-unreachable",
    "fragmentation-needed",
    "source-route-failed",
    "net-unreachable",
    "host-unreachable",
    "host-unreachable",
    "admin-prohibited",
    "admin-prohibited",
    "net-unreachable",
    "host-unreachable",
    "admin-prohibited",
    "admin-prohibited",
    "admin-prohibited",
    undefined,
  ]);
  assertEquals([errorType(11, 0), errorType(11, 1)], ["time-exceeded", "time-exceeded"]);
  assertEquals(errorType(12, 0), "parameter-problem");
  // Source quench is deprecated, a redirect is not for a host with one gateway.
  assertEquals([errorType(4, 0), errorType(5, 1), errorType(0, 0)], [
    undefined,
    undefined,
    undefined,
  ]);
});

Deno.test("only fragmentation needed has an MTU", () => {
  assertEquals(report(3, 4, 1400, ours()).heard, [
    `fragmentation-needed ${US}:49152 8.8.8.8:80 8 1400 5`,
  ]);
  assertEquals(report(3, 1, 1400, ours()).heard, [`host-unreachable ${US}:49152 8.8.8.8:80 8 0 5`]);
});

Deno.test("where a router does not say its MTU, it is the plateau below the packet (RFC 1191 section 7)", () => {
  const lengths = [[65_535, 32_000], [1500, 1492], [1492, 1006], [1006, 508], [297, 296], [
    296,
    68,
  ]];
  for (const [length, plateau] of lengths) {
    const quoted = ours();
    new DataView(quoted.buffer).setUint16(2, length!);
    assertEquals(report(3, 4, 0, quoted).heard, [
      `fragmentation-needed ${US}:49152 8.8.8.8:80 8 ${plateau} 5`,
    ]);
  }
});

Deno.test("the options of a quoted header are stepped over, and a longer quote is used", () => {
  const ip = { source: US, destination: "8.8.8.8", options: Uint8Array.of(1, 1, 1, 0) };
  const tcp = { sourcePort: 49152, destinationPort: 80, payload: new Uint8Array(500) };
  assertEquals(report(3, 0, 0, ours({ ip, tcp }, 200)).heard, [
    `net-unreachable ${US}:49152 8.8.8.8:80 176 0 5`,
  ]);
});

Deno.test("a quote whose checksum a translator left wrong is believed", () => {
  const ip = { source: US, destination: "8.8.8.8", checksum: 0x1234 };
  assertEquals(report(3, 1, 0, ours({ ip })).heard.length, 1);
});

Deno.test("a quote that cannot be of a packet of ours is counted and dropped", () => {
  const ip = { source: US, destination: "8.8.8.8" };
  const quotes = {
    "too short for a header": ours().slice(0, 19),
    "too short for the ports": ours().slice(0, 27),
    "of another host": ours({ ip: { ...ip, source: "10.0.0.3" } }),
    "of another version": ours({ ip: { ...ip, version: 6 } }),
    "with an impossible header": ours({ ip: { ...ip, headerWords: 4 } }),
    "with a header longer than the quote": ours({ ip: { ...ip, headerWords: 15 } }),
    "with a total length below the header's": ours({ ip: { ...ip, totalLength: 10 } }),
    "of a later fragment": ours({ ip: { ...ip, fragmentOffset: 64 } }),
    "empty": new Uint8Array(0),
  };
  for (const [name, quote] of Object.entries(quotes)) {
    const { heard, counters } = report(3, 1, 0, quote);
    assertEquals([heard.length, counters.droppedBadQuote], [0, 1], name);
  }
});

Deno.test("errors about packets that are not TCP concern nobody yet", () => {
  const udp = { sourcePort: 1, destinationPort: 2, payload: new Uint8Array(8) };
  const { heard, counters } = report(3, 3, 0, ours({ tcp: undefined, udp }));
  assertEquals([heard.length, counters.droppedUnknownType], [0, 1]);
});
