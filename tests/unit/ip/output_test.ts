import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { decodePacket } from "../../../runtime/testing/packet_decode.ts";
import { ArpCounters, Ipv4Counters, LinkCounters } from "../../../stack/counters.ts";
import { IpAddress, Prefix } from "../../../stack/ip/address.ts";
import { Ipv4Output, MAX_LOOPED, MAX_LOOPED_BYTES } from "../../../stack/ip/ipv4_output.ts";
import { LocalAddresses } from "../../../stack/ip/local_addresses.ts";
import { TRANSPORT_OFFSET } from "../../../stack/ip/output.ts";
import type { LinkCapabilities } from "../../../stack/link.ts";
import { LinkOutput } from "../../../stack/link_output.ts";
import { ArpOutput } from "../../../stack/neighbor/arp_output.ts";
import { CACHE_CAPACITY, Resolver } from "../../../stack/neighbor/resolver.ts";
import type { Frame } from "../../../stack/wire/frame.ts";
import { parseMac } from "../../../stack/wire/mac.ts";

const MAC = "02:00:00:00:00:02";
const PEER_MAC = "02:00:00:00:00:01";
const TCP = 6;
const UDP = 17;

function ip(text: string): IpAddress {
  return IpAddress.parse(text)!;
}

/** An output over a link that keeps what it is given; every neighbor has PEER_MAC. */
class Setup {
  readonly frames: Frame[] = [];
  readonly counters = new Ipv4Counters();
  readonly resolver: Resolver;
  readonly output: Ipv4Output;
  pending = 0;
  linkUp = true;

  constructor(
    { addresses = ["10.0.0.2/24"], gateway = "10.0.0.1", capabilities = {}, random = () => 7 }: {
      addresses?: string[];
      gateway?: string;
      capabilities?: Partial<LinkCapabilities>;
      random?: () => number;
    } = {},
  ) {
    const mac = parseMac(MAC)!;
    const local = new LocalAddresses(addresses.map((text) => Prefix.parse(text)!));
    const link = {
      capabilities: {
        mtu: 1500,
        maxFrame: 1514,
        transmitChecksum: false,
        segmentation: false,
        ...capabilities,
      },
      transmit: (frame: Frame) => {
        if (this.linkUp) this.frames.push(frame.clone());
        return this.linkUp;
      },
    };
    const linkOutput = new LinkOutput(link, new LinkCounters());
    const counters = new ArpCounters();
    this.resolver = new Resolver({
      link: linkOutput,
      arp: new ArpOutput(linkOutput, mac, local, counters),
      local,
      counters,
      notice: () => {},
      undeliverable: () => {},
    });
    this.output = new Ipv4Output({
      capabilities: link.capabilities,
      resolver: this.resolver,
      mac,
      local,
      gateway: gateway === "" ? undefined : ip(gateway),
      random,
      counters: this.counters,
      pending: () => this.pending++,
    });
  }

  /** Makes an address known. */
  introduce(address: string): void {
    this.resolver.learn(ip(address).word3, parseMac(PEER_MAC)!, 0, true, 0);
  }

  /** Writes numbers as a transport's bytes, and sends them. */
  send(to: string, protocol: number, length: number, from?: string): boolean {
    const route = this.output.route(ip(to), from === undefined ? undefined : ip(from))!;
    const bytes = this.output.frame.bytes;
    for (let i = 0; i < length; i++) bytes[TRANSPORT_OFFSET + i] = pattern(i);
    return this.output.send(route, protocol, length, 0);
  }

  take(): Frame[] {
    return this.frames.splice(0);
  }
}

function pattern(i: number): number {
  return (i * 31 + (i >> 8)) & 255;
}

function hops({ output }: Setup, to: string, from?: string): string {
  const route = output.route(ip(to), from === undefined ? undefined : ip(from));
  return route === undefined ? "none" : `${route.local} via ${route.nextHop ?? "loopback"}`;
}

Deno.test("neighbors are reached directly, others through the gateway, ourselves inside", () => {
  const t = new Setup();
  assertEquals(hops(t, "10.0.0.9"), "10.0.0.2 via 10.0.0.9");
  assertEquals(hops(t, "8.8.8.8"), "10.0.0.2 via 10.0.0.1");
  assertEquals(hops(t, "10.0.0.2"), "10.0.0.2 via loopback");
});

Deno.test("without a gateway nothing leads off the link", () => {
  const t = new Setup({ gateway: "" });
  assertEquals(hops(t, "10.0.0.9"), "10.0.0.2 via 10.0.0.9");
  assertEquals(hops(t, "8.8.8.8"), "none");
  assertEquals(t.counters.noRoute, 1);
});

Deno.test("no route leads to groups, to nobody or to another version", () => {
  const t = new Setup();
  for (const to of ["0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255", "10.0.0.255"]) {
    assertEquals(hops(t, to), "none", to);
  }
  assertEquals(t.output.route(IpAddress.read(new Uint8Array(16).fill(1), 0, 6)), undefined);
});

Deno.test("our address is the one of the network that the next hop is in, unless it is given", () => {
  const t = new Setup({ addresses: ["10.0.0.2/24", "10.1.0.2/16", "10.1.1.2/24"] });
  assertEquals(hops(t, "10.1.9.9"), "10.1.0.2 via 10.1.9.9");
  assertEquals(hops(t, "10.1.1.9"), "10.1.1.2 via 10.1.1.9");
  assertEquals(hops(t, "8.8.8.8"), "10.0.0.2 via 10.0.0.1");
  assertEquals(hops(t, "8.8.8.8", "10.1.1.2"), "10.1.1.2 via 10.0.0.1");
  assertEquals(hops(t, "10.1.1.2", "10.0.0.2"), "10.0.0.2 via loopback");
  assertEquals(hops(t, "8.8.8.8", "10.9.9.9"), "none");
});

Deno.test("a packet leaves with its headers before it and everything in them right", () => {
  const t = new Setup();
  t.introduce("10.0.0.9");
  assertEquals(t.send("10.0.0.9", 99, 100), true);
  const [frame] = t.take();
  assertEquals(frame!.length, 14 + 20 + 100);
  const { ethernet, ip, faults } = decodePacket(frame!.view());
  assertEquals(faults, []);
  assertEquals(ethernet, { destination: PEER_MAC, source: MAC, type: 0x0800 });
  assertEquals(ip, {
    source: "10.0.0.2",
    destination: "10.0.0.9",
    protocol: 99,
    ttl: 64,
    id: 7,
    tos: 0,
    df: false,
    mf: false,
    fragmentOffset: 0,
    options: new Uint8Array(0),
  });
  assertEquals(frame!.view().subarray(34), Uint8Array.from({ length: 100 }, (_, i) => pattern(i)));
});

Deno.test("a TCP packet may not be fragmented and needs no identification", () => {
  const t = new Setup();
  t.introduce("10.0.0.9");
  t.send("10.0.0.9", TCP, 20);
  const { ip } = decodePacket(t.take()[0]!.view());
  assertEquals([ip!.df, ip!.id], [true, 0]);
});

Deno.test("TCP larger than the path is refused rather than fragmented", () => {
  const t = new Setup();
  t.introduce("10.0.0.9");
  assertEquals(t.send("10.0.0.9", TCP, 1481), false);
  assertEquals(t.send("10.0.0.9", UDP, 65516), false);
  assertEquals(t.send("10.0.0.9", UDP, 65515), true);
  assertEquals(t.take().length, 45);
  assertEquals(t.send("10.0.0.9", TCP, 1480), true);
  assertEquals(t.take().length, 1);
  assertEquals(t.counters.tooLarge, 2);
  assertEquals(t.take(), []);
});

Deno.test("fragments fit the path, share an identification and make up the whole", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 65515 }),
      fc.integer({ min: 576, max: 9000 }),
      fc.boolean(),
      (any, mtu, known) => {
        const length = any % 3 === 0 ? 3 * ((mtu - 20) & ~7) : any; // often, whole fragments only
        const t = new Setup({
          capabilities: { mtu, maxFrame: mtu + 14 },
          random: () => 0xabcd1234,
        });
        if (known) t.introduce("10.0.0.9");
        assertEquals(t.send("10.0.0.9", UDP, length), true);
        if (!known) {
          t.take(); // the request
          t.introduce("10.0.0.9"); // the copies leave
          if (length > 16 * ((mtu - 20) & ~7)) return; // more than may wait
        }
        let at = 0;
        for (const frame of t.take()) {
          const { ip, faults } = decodePacket(frame.view());
          const payload = frame.view().subarray(34);
          if (length + 20 <= mtu) assertEquals([ip!.mf, ip!.fragmentOffset], [false, 0]);
          else assertEquals(faults, []);
          assertEquals([ip!.id, ip!.fragmentOffset], [0x1234, at]);
          assert(frame.length <= mtu + 14);
          assert(payload.every((byte, i) => byte === pattern(at + i)));
          at += payload.length;
          assertEquals(ip!.mf, at < length);
        }
        assertEquals(at, length);
      },
    ),
    { numRuns: 60 },
  );
});

Deno.test("offload is passed on, counted from the start of the frame", () => {
  const t = new Setup({
    capabilities: { transmitChecksum: true, segmentation: true, maxFrame: 65549 },
  });
  t.introduce("10.0.0.9");
  assertEquals(t.output.transmitChecksum, true);
  assertEquals(t.output.segmentationLimit, 65515);
  const { frame } = t.output;
  frame.checksum = "partial";
  frame.checksumOffset = 16;
  frame.segmentSize = 1460;
  frame.headerLength = 20;
  assertEquals(t.send("10.0.0.9", TCP, 50_000), true);
  const [sent] = t.take();
  assertEquals(
    [sent!.checksum, sent!.checksumStart, sent!.checksumOffset],
    ["partial", 34, 16],
  );
  assertEquals([sent!.segmentSize, sent!.headerLength, sent!.length], [1460, 54, 50_034]);
});

Deno.test("the transmit frame has no offload when the next transport takes it", () => {
  const t = new Setup({ capabilities: { transmitChecksum: true } });
  t.introduce("10.0.0.9");
  t.output.frame.checksum = "partial";
  t.send("10.0.0.9", TCP, 40);
  t.send("10.0.0.9", 1, 40);
  const [partial, complete] = t.take();
  assertEquals([partial!.checksum, partial!.headerLength], ["partial", 0]);
  assertEquals([complete!.checksum, complete!.checksumStart], ["complete", 0]);
});

Deno.test("super-segments are as large as the link takes and a packet can be", () => {
  const limit = (segmentation: boolean, maxFrame: number) =>
    new Setup({ capabilities: { segmentation, maxFrame } }).output.segmentationLimit;
  assertEquals(limit(true, 16_000), 16_000 - 14 - 20);
  assertEquals(limit(true, 65_549), 65_535 - 20);
  assertEquals(limit(true, 100_000), 65_535 - 20);
  assertEquals(limit(false, 65_549), 0);
});

Deno.test("a route finds its neighbor again after it was evicted", () => {
  const t = new Setup({ addresses: ["10.0.0.2/8"] });
  t.introduce("10.0.0.9");
  const route = t.output.route(ip("10.0.0.9"))!;
  assertEquals(t.output.send(route, TCP, 20, 0), true);
  t.output.now = 1;
  for (let i = 0; i < CACHE_CAPACITY; i++) t.resolver.neighbor(IpAddress.v4(0x0a010000 + i), 1);
  t.take();
  assertEquals(route.neighbor!.state, "evicted");
  assertEquals(t.output.send(route, TCP, 20, 0), true); // waits
  assertEquals(decodePacket(t.take()[0]!.view()).arp!.targetIp, "10.0.0.9");
  t.introduce("10.0.0.9");
  assertEquals(t.take().length, 1);
});

Deno.test("packets to ourselves wait for the poll, and we ask for one", () => {
  const t = new Setup();
  assertEquals(t.output.hasLooped, false);
  assertEquals(t.send("10.0.0.2", 99, 10), true);
  assertEquals(t.send("10.0.0.2", 99, 11), true);
  assertEquals([t.pending, t.output.hasLooped], [1, true]);
  const looped = t.output.takeLooped();
  assertEquals(looped.map((frame) => frame.length), [44, 45]);
  assertEquals(decodePacket(looped[0]!.view()).faults, []);
  assertEquals([t.output.hasLooped, t.take()], [false, []]);
});

Deno.test("packets to ourselves are bounded in number and bytes", () => {
  const t = new Setup();
  for (let i = 0; i < MAX_LOOPED; i++) assertEquals(t.send("10.0.0.2", 99, 10), true);
  assertEquals(t.send("10.0.0.2", 99, 10), false);
  t.output.takeLooped();
  let bytes = 0;
  while (t.send("10.0.0.2", 99, 60_000)) bytes += 60_034;
  assert(bytes <= MAX_LOOPED_BYTES && bytes > MAX_LOOPED_BYTES - 60_034);
  assertEquals(t.counters.droppedLoopFull, 2);
});

Deno.test("a packet that the link refuses is lost", () => {
  const t = new Setup();
  t.introduce("10.0.0.9");
  t.linkUp = false;
  assertEquals(t.send("10.0.0.9", TCP, 20), false);
});
