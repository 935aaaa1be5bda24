import { assertEquals } from "@std/assert";
import { encodePacket } from "../../../runtime/testing/packet_encode.ts";
import { IcmpCounters, Ipv4Counters, UdpCounters } from "../../../stack/counters.ts";
import { Icmp } from "../../../stack/icmp/icmp.ts";
import { Prefix } from "../../../stack/ip/address.ts";
import { Ipv4Input } from "../../../stack/ip/ipv4_input.ts";
import type { Ipv4Output } from "../../../stack/ip/ipv4_output.ts";
import { LocalAddresses } from "../../../stack/ip/local_addresses.ts";
import { Udp } from "../../../stack/udp/udp.ts";
import { Frame } from "../../../stack/wire/frame.ts";
import { EVERYBODY, Station } from "../../support/station.ts";

Deno.test("a datagram to a port where nobody is gets that for an answer", () => {
  const station = new Station();
  station.introduce();
  const input = station.datagram();
  station.deliver(input);
  const [error] = station.takeIcmp();
  assertEquals([error!.type, error!.code], [3, 3]);
  assertEquals(error!.payload, station.encode(input).slice(14));
  assertEquals(station.stack.counters.udp.droppedNoPort, 1);
});

Deno.test("damaged datagrams are dropped without an answer", () => {
  const station = new Station();
  station.introduce();
  const { udp } = station.stack.counters;
  station.deliver({ ip: { protocol: 17 }, payload: new Uint8Array(7) });
  const long = station.encode(station.datagram());
  long[34 + 5] = 19; // one byte more than there is
  station.deliver(long);
  assertEquals(udp.droppedBadLength, 2);
  const damaged = station.encode(station.datagram());
  damaged[damaged.length - 1]! ^= 1;
  station.deliver(damaged);
  assertEquals(udp.droppedBadChecksum, 1);
  assertEquals(station.take(), []);
  station.deliver(damaged, { checksum: "partial" }); // it never crossed a wire
  assertEquals(station.take().length, 1);
  assertEquals(udp.datagramsReceived, 4);
});

Deno.test("a datagram to all hosts is not answered", () => {
  const station = new Station();
  station.introduce();
  station.deliver({
    ...station.datagram({}, { destination: "255.255.255.255" }),
    ethernet: { destination: EVERYBODY },
  });
  assertEquals(station.take(), []);
});

Deno.test("whoever binds a port gets its datagrams, as long as it is bound", () => {
  const local = new LocalAddresses([Prefix.parse("10.0.0.2/24")!]);
  const input = new Ipv4Input(local, new Ipv4Counters(), () => {});
  let unreachable = 0;
  const output = { route: () => void unreachable++ } as unknown as Ipv4Output;
  const icmp = new Icmp(
    output,
    local,
    { icmpError() {}, neighborUnreachable() {} },
    new IcmpCounters(),
  );
  const counters = new UdpCounters();
  const udp = new Udp(icmp, counters);
  const got: string[] = [];
  const deliver = (port: number, text: string) => {
    const frame = new Frame(encodePacket({
      ethernet: { destination: "02:00:00:00:00:02", source: "02:00:00:00:00:01" },
      ip: { source: "10.0.0.1", destination: "10.0.0.2" },
      udp: { sourcePort: 9, destinationPort: port, payload: new TextEncoder().encode(text) },
      trailer: new Uint8Array(5),
    }));
    udp.receive(input.receive(frame, "unicast", 3)!, 3);
  };
  const bound = udp.bind(68, (packet, offset, length, now) => {
    const text = new TextDecoder().decode(packet.bytes.subarray(offset, offset + length));
    got.push(`${packet.source} ${text} ${now}`);
  });
  assertEquals([bound, udp.bind(68, () => {})], [true, false]);
  deliver(68, "hello");
  deliver(68, "");
  deliver(67, "elsewhere");
  assertEquals([got, unreachable], [["10.0.0.1 hello 3", "10.0.0.1  3"], 1]);
  udp.unbind(68);
  deliver(68, "gone");
  assertEquals([got.length, unreachable], [2, 2]);
  assertEquals([counters.datagramsDelivered, counters.droppedNoPort], [2, 2]);
});
