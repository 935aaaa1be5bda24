import { assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Counters } from "../../../stack/stack.ts";
import { EVERYBODY, IP, MAC, PEER_IP, PEER_MAC, Station } from "../../support/station.ts";
import type { StationInput } from "../../support/station.ts";

/** Delivers a ping and says what became of it: how many answers, and which counters moved. */
function fate(input: StationInput, options: ConstructorParameters<typeof Station>[0] = {}) {
  const station = new Station(options);
  station.introduce();
  const before = drops(station.stack.counters);
  station.deliver({ ...station.ping(), ...input });
  const { ipv4 } = station.stack.counters;
  const moved = Object.entries(drops(station.stack.counters))
    .filter(([name, value]) => value !== before[name]).map(([name]) => name);
  const dropped = moved.some((name) => /^(link|ipv4)\./.test(name));
  assertEquals(ipv4.packetsDelivered, dropped ? 0 : 1);
  assertEquals(ipv4.packetsReceived, moved.some((name) => name.startsWith("link.")) ? 0 : 1);
  return [station.take().length, ...moved];
}

function drops(counters: Counters): Record<string, number> {
  return Object.fromEntries(
    Object.entries(counters).flatMap(([layer, counts]) =>
      Object.entries(counts as Record<string, number>)
        .filter(([name]) => name.startsWith("dropped"))
        .map(([name, value]) => [`${layer}.${name}`, value] as const)
    ),
  );
}

Deno.test("a good packet is answered and nothing counted as dropped", () => {
  assertEquals(fate({}), [1]);
});

Deno.test("a packet with a bad header is dropped for that reason", () => {
  assertEquals(fate({ ip: { version: 5 } }), [0, "ipv4.droppedBadVersion"]);
  assertEquals(fate({ ip: { headerWords: 4 } }), [0, "ipv4.droppedBadLength"]);
  assertEquals(fate({ ip: { totalLength: 2000 } }), [0, "ipv4.droppedBadLength"]);
  assertEquals(fate({ ip: { totalLength: 85 } }), [0, "ipv4.droppedBadLength"]); // one too many
  assertEquals(fate({ ip: { checksum: 0x1234 } }), [0, "ipv4.droppedBadChecksum"]);
});

Deno.test("link padding is not part of the packet", () => {
  const station = new Station();
  station.introduce();
  station.deliver({ ...station.ping(Uint8Array.of(1, 2)), trailer: new Uint8Array(16).fill(0xff) });
  assertEquals(station.takeIcmp().map(({ payload }) => [...payload]), [[1, 2]]);
});

Deno.test("a host minds no TTL (RFC 1122 section 3.2.1.7)", () => {
  assertEquals(fate({ ip: { ttl: 1 } }), [1]);
  assertEquals(fate({ ip: { ttl: 0 } }), [1]);
});

Deno.test("a source that no host has, or that is ours, is dropped", () => {
  const sources = [
    "127.0.0.1",
    "0.0.0.0",
    "224.0.0.5",
    "255.255.255.255",
    "240.1.1.1",
    "192.168.69.255",
    IP, // "LAND"
  ];
  for (const source of sources) {
    assertEquals(fate({ ip: { source } }), [0, "ipv4.droppedBadSource"], source);
  }
});

Deno.test("what is addressed to others is met with silence", () => {
  assertEquals(fate({ ip: { destination: "192.168.69.3" } }), [0, "ipv4.droppedNotForUs"]);
  assertEquals(fate({ ip: { destination: "224.0.0.1" } }), [0, "ipv4.droppedNotForUs"]);
  assertEquals(fate({ ip: { destination: "192.168.70.255" } }), [0, "ipv4.droppedNotForUs"]);
  assertEquals(fate({ ip: { destination: "127.0.0.1" } }), [0, "ipv4.droppedNotForUs"]);
  const tcp = { sourcePort: 1, destinationPort: 2, flags: ["SYN" as const] };
  const station = new Station();
  station.introduce();
  station.deliver({ ip: { destination: "192.168.69.3" }, tcp });
  station.deliver({ ethernet: { destination: "02:00:00:00:00:03" }, tcp });
  assertEquals(station.take(), []);
});

Deno.test("frames for other stations, for groups and from groups go no further", () => {
  assertEquals(fate({ ethernet: { destination: "02:00:00:00:00:03" } }), [
    0,
    "link.droppedNotForUs",
  ]);
  assertEquals(fate({ ethernet: { destination: "01:00:5e:00:00:01" } }), [
    0,
    "link.droppedMulticast",
  ]);
  assertEquals(fate({ ethernet: { source: EVERYBODY } }), [0, "link.droppedBadSource"]);
  assertEquals(fate({ ethernet: { source: "00:00:00:00:00:00" } }), [0, "link.droppedBadSource"]);
  assertEquals(fate({ ethernet: { type: 0x86dd } }), [0, "link.droppedUnknownType"]);
});

Deno.test("a packet to one host in a frame to all is dropped", () => {
  assertEquals(fate({ ethernet: { destination: EVERYBODY } }), [0, "ipv4.droppedLinkBroadcast"]);
});

Deno.test("broadcasts are received, and TCP and ICMP keep silent about them", () => {
  for (const destination of ["255.255.255.255", "192.168.69.255"]) {
    const ethernet = { destination: EVERYBODY };
    assertEquals(fate({ ethernet, ip: { destination } }), [0, "icmp.droppedGroup"]);
    const udp = { sourcePort: 1, destinationPort: 2, payload: new Uint8Array(1) };
    assertEquals(fate({ ethernet, ip: { destination }, icmp: undefined, udp }), [
      0,
      "udp.droppedNoPort",
    ]);
    const tcp = { sourcePort: 1, destinationPort: 2, flags: ["SYN" as const] };
    assertEquals(fate({ ethernet, ip: { destination }, icmp: undefined, tcp }), [
      0,
      "tcp.droppedGroup",
    ]);
    const station = new Station();
    station.introduce();
    station.deliver({ ethernet, ip: { destination, protocol: 99 } });
    assertEquals(station.take(), []);
  }
});

Deno.test("options are skipped, but for a source route that leads on", () => {
  assertEquals(fate({ ip: { options: Uint8Array.of(1, 1, 1, 0) } }), [1]);
  assertEquals(fate({ ip: { options: Uint8Array.of(7, 7, 4, 0, 0, 0, 0, 0) } }), [1]);
  assertEquals(fate({ ip: { options: Uint8Array.of(131, 7, 8, 10, 0, 0, 9, 0) } }), [1]);
  assertEquals(fate({ ip: { options: Uint8Array.of(131, 7, 4, 10, 0, 0, 9, 0) } }), [
    0,
    "ipv4.droppedSourceRoute",
  ]);
  assertEquals(fate({ ip: { options: Uint8Array.of(7, 40, 4, 0) } }), [
    0,
    "ipv4.droppedBadOptions",
  ]);
});

Deno.test("another of our addresses is as good as the first", () => {
  const station = new Station({ addresses: [`${IP}/24`, "192.168.69.7/32"] });
  station.introduce();
  station.deliver(station.ping(undefined, { destination: "192.168.69.7" }));
  assertEquals(station.take().map(({ ip }) => ip!.source), ["192.168.69.7"]);
});

Deno.test("frames shorter than an Ethernet header are dropped", () => {
  const station = new Station();
  for (let length = 0; length < 14; length++) station.deliver(new Uint8Array(length));
  assertEquals(station.stack.counters.link.droppedShort, 14);
  assertEquals(station.stack.counters.link.framesReceived, 14);
});

Deno.test("a checksum that the device vouches for is not verified again", () => {
  for (const checksum of ["partial", "verified", "complete"] as const) {
    const station = new Station();
    station.introduce();
    station.deliver(
      { ip: {}, tcp: { sourcePort: 1, destinationPort: 2, flags: ["SYN"], checksum: "bad" } },
      { checksum },
    );
    const answered = station.take().length === 1;
    assertEquals(answered, checksum !== "complete", checksum);
  }
});

Deno.test("no bytes whatever make the stack throw", () => {
  const station = new Station();
  station.introduce();
  const header = [...station.encode(station.ping(new Uint8Array(0))).subarray(0, 34)];
  fc.assert(
    fc.property(
      fc.nat(34),
      fc.uint8Array({ maxLength: 120, size: "max" }),
      fc.constantFrom("complete", "partial", "verified"),
      (keep, noise, checksum) => {
        const bytes = Uint8Array.from([...header.slice(0, keep), ...noise]);
        station.deliver(bytes, { checksum } as Record<string, string>);
      },
    ),
    { numRuns: 3000 },
  );
});

Deno.test("no mutation of a good packet makes the stack throw", () => {
  const station = new Station();
  station.introduce();
  const inputs: StationInput[] = [
    station.ping(),
    station.ping(undefined, { mf: true, df: false, id: 7 }),
    station.datagram(),
    { tcp: { sourcePort: 1, destinationPort: 2, flags: ["SYN"] } },
    { icmp: { type: 3, code: 4, rest: 600, payload: station.encode({ ip: {} }).subarray(14) } },
    {
      ethernet: { destination: EVERYBODY },
      arp: { operation: 1, senderMac: PEER_MAC, senderIp: PEER_IP, targetMac: MAC, targetIp: IP },
    },
  ];
  fc.assert(
    fc.property(
      fc.constantFrom(...inputs),
      fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 6 }),
      fc.nat(100),
      (input, changes, cut) => {
        const bytes = station.encode(input);
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        // The device vouches for checksums, so that the codecs behind them are reached.
        station.deliver(bytes.subarray(0, Math.max(14, bytes.length - cut % 30)), {
          checksum: "verified",
        });
        station.frames = [];
      },
    ),
    { numRuns: 3000 },
  );
});
