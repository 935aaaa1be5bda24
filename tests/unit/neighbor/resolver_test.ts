import { assertEquals, assertStrictEquals } from "@std/assert";
import { ArpCounters, LinkCounters } from "../../../stack/counters.ts";
import { IpAddress, Prefix } from "../../../stack/ip/address.ts";
import { LocalAddresses } from "../../../stack/ip/local_addresses.ts";
import { LinkOutput } from "../../../stack/link_output.ts";
import { ArpOutput } from "../../../stack/neighbor/arp_output.ts";
import type { Neighbor } from "../../../stack/neighbor/neighbor.ts";
import {
  CACHE_CAPACITY,
  EXPIRES_AFTER,
  FAILED_FOR,
  FRESH_FOR,
  MAX_TRIES,
  MAX_WAITING,
  MAX_WAITING_BYTES,
  Resolver,
  RETRY_INTERVAL,
} from "../../../stack/neighbor/resolver.ts";
import type { NeighborUnreachableNotice } from "../../../stack/notice.ts";
import { Frame } from "../../../stack/wire/frame.ts";
import { formatMac, parseMac } from "../../../stack/wire/mac.ts";

const OWN_MAC = parseMac("02:00:00:00:00:02")!;
const MAC = parseMac("02:00:00:00:00:01")!;
const OTHER_MAC = parseMac("02:00:00:00:00:09")!;
const EVERYBODY = "ff:ff:ff:ff:ff:ff";
const ADDRESS = IpAddress.parse("10.0.0.1")!;

/** A resolver whose link notes what it is given: "arp to MAC for IP", or "N to MAC". */
class Setup {
  readonly sent: string[] = [];
  readonly notices: NeighborUnreachableNotice[] = [];
  readonly undeliverable: number[] = [];
  readonly counters = new ArpCounters();
  readonly resolver: Resolver;
  linkUp = true;

  constructor() {
    const local = new LocalAddresses([Prefix.parse("10.0.0.2/8")!]);
    const link = new LinkOutput({
      capabilities: { mtu: 1500, maxFrame: 1514, transmitChecksum: false, segmentation: false },
      transmit: (frame) => {
        const bytes = frame.view();
        const isArp = bytes[12] === 8 && bytes[13] === 6;
        const what = isArp ? `who has ${bytes.slice(38, 42).join(".")}` : `frame ${bytes[14]}`;
        if (this.linkUp) this.sent.push(`${what} to ${formatMac(bytes)}`);
        return this.linkUp;
      },
    }, new LinkCounters());
    this.resolver = new Resolver({
      link,
      arp: new ArpOutput(link, OWN_MAC, local, this.counters),
      local,
      counters: this.counters,
      notice: (notice) => this.notices.push(notice),
      undeliverable: (frame) => this.undeliverable.push(frame.bytes[frame.offset + 14]!),
    });
  }

  take(): string[] {
    return this.sent.splice(0);
  }

  transmit(neighbor: Neighbor, number: number, now: number, length = 60): boolean {
    const bytes = new Uint8Array(length + 5);
    bytes[5 + 14] = number;
    const sent = this.resolver.transmit(neighbor, new Frame(bytes, 5, length), now);
    bytes.fill(0xee); // the bytes were only lent
    return sent;
  }

  learn(address: IpAddress, mac: Uint8Array, now: number, wantsUs = false): void {
    this.resolver.learn(address.word3, Uint8Array.of(0, ...mac), 1, wantsUs, now);
  }

  /** A neighbor that is known from a time on. */
  known(now = 0): Neighbor {
    this.learn(ADDRESS, MAC, now, true);
    return this.resolver.neighbor(ADDRESS, now);
  }
}

Deno.test("packets wait for the answer and then leave in order", () => {
  const t = new Setup();
  const neighbor = t.resolver.neighbor(ADDRESS, 0);
  assertEquals(t.take(), [`who has 10.0.0.1 to ${EVERYBODY}`]);
  for (const number of [1, 2, 3]) assertEquals(t.transmit(neighbor, number, number), true);
  assertEquals(t.take(), []);
  t.learn(ADDRESS, MAC, 10);
  const mac = formatMac(MAC);
  assertEquals(t.take(), [`frame 1 to ${mac}`, `frame 2 to ${mac}`, `frame 3 to ${mac}`]);
  assertEquals(t.transmit(neighbor, 4, 11), true);
  assertEquals(t.take(), [`frame 4 to ${mac}`]);
  assertEquals(t.counters.packetsQueued, 3);
  assertEquals(t.resolver.nextDeadline(), Infinity);
});

Deno.test("a request is repeated each second, then the packets are dropped and we say so", () => {
  const t = new Setup();
  const neighbor = t.resolver.neighbor(ADDRESS, 100);
  t.transmit(neighbor, 1, 100);
  t.transmit(neighbor, 2, 100);
  for (let tries = 1; tries <= MAX_TRIES; tries++) {
    assertEquals(t.take(), [`who has 10.0.0.1 to ${EVERYBODY}`]);
    const deadline = 100 + tries * RETRY_INTERVAL;
    assertEquals(t.resolver.nextDeadline(), deadline);
    t.resolver.poll(deadline - 0.001);
    assertEquals(t.take(), []);
    t.resolver.poll(deadline);
  }
  assertEquals(t.take(), []);
  assertEquals(t.resolver.nextDeadline(), Infinity);
  assertEquals(t.undeliverable, [1, 2]);
  assertEquals(t.notices.map(({ address, dropped }) => `${address} ${dropped}`), ["10.0.0.1 2"]);
  assertEquals([t.counters.resolutionsFailed, t.counters.droppedUnresolved], [1, 2]);
});

Deno.test("a neighbor that failed is left in peace for a while, then asked for again", () => {
  const t = new Setup();
  const neighbor = t.resolver.neighbor(ADDRESS, 0);
  for (let tries = 1; tries <= MAX_TRIES; tries++) t.resolver.poll(tries * RETRY_INTERVAL);
  const failedAt = MAX_TRIES * RETRY_INTERVAL;
  t.take();
  assertEquals(t.transmit(neighbor, 1, failedAt + FAILED_FOR - 1), false);
  assertEquals(t.counters.droppedUnresolved, 1);
  assertEquals(t.take(), []);
  assertEquals(t.transmit(neighbor, 2, failedAt + FAILED_FOR), true);
  assertEquals(t.take(), [`who has 10.0.0.1 to ${EVERYBODY}`]);
  t.learn(ADDRESS, MAC, failedAt + FAILED_FOR + 1);
  assertEquals(t.take(), [`frame 2 to ${formatMac(MAC)}`]);
});

Deno.test("a neighbor that failed is back as soon as it is heard of", () => {
  const t = new Setup();
  const neighbor = t.resolver.neighbor(ADDRESS, 0);
  for (let tries = 1; tries <= MAX_TRIES; tries++) t.resolver.poll(tries * RETRY_INTERVAL);
  t.learn(ADDRESS, MAC, 3_500);
  t.take();
  assertEquals(t.transmit(neighbor, 1, 3_501), true);
  assertEquals(t.take(), [`frame 1 to ${formatMac(MAC)}`]);
});

Deno.test("an old entry in use is confirmed with the neighbor itself, without a pause", () => {
  const t = new Setup();
  const neighbor = t.known();
  const mac = formatMac(MAC);
  assertEquals(t.transmit(neighbor, 1, FRESH_FOR - 1), true);
  assertEquals(t.take(), [`frame 1 to ${mac}`]);
  t.transmit(neighbor, 2, FRESH_FOR);
  t.transmit(neighbor, 3, FRESH_FOR + 1);
  assertEquals(t.take(), [`who has 10.0.0.1 to ${mac}`, `frame 2 to ${mac}`, `frame 3 to ${mac}`]);
  t.learn(ADDRESS, MAC, FRESH_FOR + 2);
  assertEquals(t.resolver.nextDeadline(), Infinity);
  t.transmit(neighbor, 4, 2 * FRESH_FOR);
  assertEquals(t.take(), [`frame 4 to ${mac}`]);
});

Deno.test("an entry that nobody uses asks for nothing and arms no timer", () => {
  const t = new Setup();
  t.known();
  assertEquals(t.resolver.nextDeadline(), Infinity);
  t.resolver.poll(10 * EXPIRES_AFTER);
  assertEquals(t.take(), []);
});

Deno.test("when the neighbor does not confirm, everybody is asked", () => {
  const t = new Setup();
  const neighbor = t.known();
  t.transmit(neighbor, 1, FRESH_FOR);
  for (let tries = 1; tries <= MAX_TRIES; tries++) {
    t.resolver.poll(FRESH_FOR + tries * RETRY_INTERVAL);
  }
  const mac = formatMac(MAC);
  assertEquals(t.take(), [
    `who has 10.0.0.1 to ${mac}`,
    `frame 1 to ${mac}`,
    `who has 10.0.0.1 to ${mac}`,
    `who has 10.0.0.1 to ${mac}`,
    `who has 10.0.0.1 to ${EVERYBODY}`,
  ]);
  const now = FRESH_FOR + MAX_TRIES * RETRY_INTERVAL;
  t.transmit(neighbor, 2, now); // waits
  t.learn(ADDRESS, OTHER_MAC, now + 1); // another card has the address now
  assertEquals(t.take(), [`frame 2 to ${formatMac(OTHER_MAC)}`]);
});

Deno.test("an entry that went unused for long is asked for before it is used", () => {
  const t = new Setup();
  const neighbor = t.known(5_000);
  t.transmit(neighbor, 1, 5_000 + EXPIRES_AFTER);
  assertEquals(t.take(), [`who has 10.0.0.1 to ${EVERYBODY}`]);
  t.learn(ADDRESS, MAC, 5_000 + EXPIRES_AFTER + 1);
  assertEquals(t.take(), [`frame 1 to ${formatMac(MAC)}`]);
});

Deno.test("up to that age it is used at once, and confirmed", () => {
  const t = new Setup();
  const neighbor = t.known(5_000);
  const mac = formatMac(MAC);
  t.transmit(neighbor, 1, 5_000 + EXPIRES_AFTER - 1);
  assertEquals(t.take(), [`who has 10.0.0.1 to ${mac}`, `frame 1 to ${mac}`]);
});

Deno.test("each neighbor is asked again in its own time", () => {
  const t = new Setup();
  t.resolver.neighbor(ADDRESS, 0);
  t.resolver.neighbor(IpAddress.parse("10.0.0.3")!, 400);
  t.take();
  const asked: string[] = [];
  for (let now = t.resolver.nextDeadline(); now <= 2_400; now = t.resolver.nextDeadline()) {
    t.resolver.poll(now);
    asked.push(...t.take().map((line) => `${now} ${line.split(" ")[2]}`));
  }
  assertEquals(asked, ["1000 10.0.0.1", "1400 10.0.0.3", "2000 10.0.0.1", "2400 10.0.0.3"]);
  assertEquals(t.counters.requestsSent, 6);
});

Deno.test("any ARP packet updates an entry that is there", () => {
  const t = new Setup();
  const neighbor = t.known();
  t.learn(ADDRESS, OTHER_MAC, 5);
  t.transmit(neighbor, 1, 6);
  assertEquals(t.take(), [`frame 1 to ${formatMac(OTHER_MAC)}`]);
});

Deno.test("what nobody needs is not learned", () => {
  const t = new Setup();
  t.learn(ADDRESS, MAC, 0);
  t.resolver.neighbor(ADDRESS, 0);
  assertEquals(t.take(), [`who has 10.0.0.1 to ${EVERYBODY}`]);
});

Deno.test("a station off our networks that asks for us is not learned", () => {
  const t = new Setup();
  const far = IpAddress.parse("11.0.0.1")!;
  t.learn(far, MAC, 0, true);
  t.resolver.neighbor(far, 0);
  assertEquals(t.take(), [`who has 11.0.0.1 to ${EVERYBODY}`]);
});

Deno.test("of more packets than may wait, the newest are kept", () => {
  const t = new Setup();
  const neighbor = t.resolver.neighbor(ADDRESS, 0);
  t.take();
  for (let number = 1; number <= MAX_WAITING + 3; number++) {
    assertEquals(t.transmit(neighbor, number, 0), true);
  }
  assertEquals(t.counters.droppedQueueFull, 3);
  t.learn(ADDRESS, MAC, 1);
  const numbers = t.take().map((line) => Number(line.split(" ")[1]));
  assertEquals(numbers, Array.from({ length: MAX_WAITING }, (_, i) => i + 4));
});

Deno.test("bytes that wait are bounded for all neighbors together, and freed again", () => {
  const t = new Setup();
  const length = MAX_WAITING_BYTES / MAX_WAITING;
  const first = t.resolver.neighbor(ADDRESS, 0);
  const second = t.resolver.neighbor(IpAddress.parse("10.0.0.3")!, 0);
  for (let i = 0; i < MAX_WAITING - 1; i++) t.transmit(first, i, 0, length);
  assertEquals(t.transmit(second, 1, 0, length), true);
  assertEquals(t.transmit(second, 2, 0, 60), false);
  assertEquals(t.counters.droppedQueueFull, 1);
  t.learn(ADDRESS, MAC, 1);
  assertEquals(t.transmit(second, 3, 2, length), true);
});

Deno.test("a full cache makes room for what we need by the entry unused for longest", () => {
  const t = new Setup();
  const entries = Array.from(
    { length: CACHE_CAPACITY },
    (_, i) => t.resolver.neighbor(IpAddress.v4(0x0a010000 + i), i),
  );
  for (const entry of entries) t.learn(entry.address, MAC, CACHE_CAPACITY);
  t.transmit(entries[0]!, 1, CACHE_CAPACITY + 1); // in use: the second is the oldest now
  const another = t.resolver.neighbor(ADDRESS, CACHE_CAPACITY + 2);
  assertEquals(entries.filter(({ state }) => state === "evicted"), [entries[1]!]);
  assertEquals(t.counters.evicted, 1);
  assertStrictEquals(t.resolver.neighbor(ADDRESS, CACHE_CAPACITY + 3), another);
});

Deno.test("a full cache evicts nobody for a station that asks for us", () => {
  const t = new Setup();
  const entries = Array.from(
    { length: CACHE_CAPACITY },
    (_, i) => t.resolver.neighbor(IpAddress.v4(0x0a010000 + i), i),
  );
  t.learn(ADDRESS, MAC, 0, true);
  assertEquals(entries.filter(({ state }) => state === "evicted"), []);
});

Deno.test("packets that wait for an evicted entry are dropped and counted", () => {
  const t = new Setup();
  const first = t.resolver.neighbor(ADDRESS, 0);
  t.transmit(first, 1, 0);
  for (let i = 0; i < CACHE_CAPACITY; i++) t.resolver.neighbor(IpAddress.v4(0x0a010000 + i), 1);
  assertEquals(first.state, "evicted");
  assertEquals(t.counters.droppedUnresolved, 1);
  t.take();
  t.learn(ADDRESS, MAC, 2, true);
  assertEquals(t.take(), []);
  t.resolver.poll(RETRY_INTERVAL); // its own next try would be due, the others' not yet
  assertEquals(t.take(), []);
  const again = t.resolver.neighbor(ADDRESS, 3);
  assertEquals([again.state, again === first], ["incomplete", false]);
});

Deno.test("neighbors by the thousand that do not answer are not all told of", () => {
  const t = new Setup();
  for (let i = 0; i < 500; i++) t.resolver.neighbor(IpAddress.v4(0x0a010000 + i), 0);
  for (let tries = 1; tries <= MAX_TRIES; tries++) t.resolver.poll(tries * RETRY_INTERVAL);
  assertEquals(t.counters.resolutionsFailed, 500);
  assertEquals(t.notices.length, 10);
});

Deno.test("a frame that the link refuses is lost, not kept", () => {
  const t = new Setup();
  const neighbor = t.known();
  t.linkUp = false;
  assertEquals(t.transmit(neighbor, 1, 1), false);
});
