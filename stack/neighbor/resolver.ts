import type { ArpCounters } from "../counters.ts";
import { IpAddress } from "../ip/address.ts";
import type { LocalAddresses } from "../ip/local_addresses.ts";
import type { LinkOutput } from "../link_output.ts";
import type { NeighborUnreachableNotice } from "../notice.ts";
import { TokenBucket } from "../token_bucket.ts";
import { DESTINATION } from "../wire/ethernet.ts";
import type { Frame } from "../wire/frame.ts";
import { writeMac } from "../wire/mac.ts";
import type { ArpOutput } from "./arp_output.ts";
import { NeighborCache } from "./cache.ts";
import type { Neighbor } from "./neighbor.ts";

/** Neighbors known at a time. */
export const CACHE_CAPACITY = 1024;
/** How long an entry is used without asking again, in ms (RFC 1122 section 2.3.2.1: a minute). */
export const FRESH_FOR = 60_000;
/** Age in ms from which an entry is not used at all before it is asked for anew. */
export const EXPIRES_AFTER = 600_000;
/** Time between two requests for an address, in ms (RFC 1122 section 2.3.2.1: one a second). */
export const RETRY_INTERVAL = 1_000;
/** Requests sent to everybody, and before that to the neighbor itself, until we give up. */
export const MAX_TRIES = 3;
/** How long after that packets are dropped without asking again, in ms. */
export const FAILED_FOR = 5_000;
/** Packets that wait for one neighbor. */
export const MAX_WAITING = 128;
/** Bytes of packets that wait, for all neighbors together. */
export const MAX_WAITING_BYTES = 1 << 20;

/** What a {@link Resolver} works with. */
export interface ResolverOptions {
  /** Where frames leave. */
  readonly link: LinkOutput;
  /** Asks. */
  readonly arp: ArpOutput;
  /** Our addresses. */
  readonly local: LocalAddresses;
  /** What is counted. */
  readonly counters: ArpCounters;
  /** Told when a neighbor does not answer, at a bounded rate. */
  notice(notice: NeighborUnreachableNotice): void;
  /** Gets each frame that waited for a neighbor that does not answer. */
  undeliverable(frame: Frame, now: number): void;
}

/** Finds neighbors' MAC addresses, keeps them fresh, and sends frames to them. */
export class Resolver {
  readonly #options: ResolverOptions;
  readonly #cache = new NeighborCache(CACHE_CAPACITY);
  /** Entries that are being asked for. Every wait is equally long, so they stand in order. */
  readonly #asking = new Set<Neighbor>();
  readonly #noticeLimit = new TokenBucket(10, 1);
  #waitingBytes = 0;

  /** @param options What to work with. */
  constructor(options: ResolverOptions) {
    this.#options = options;
  }

  /** The entry of an address on the link; if there is none, one is made and asked for. */
  neighbor(address: IpAddress, now: number): Neighbor {
    const known = this.#cache.get(address.word3);
    if (known !== undefined) return known;
    if (!this.#cache.hasRoom) this.#evict();
    const neighbor = this.#cache.add(address, now);
    this.#resolve(neighbor, now);
    return neighbor;
  }

  /**
   * Sends a frame that is complete but for the destination's MAC address, or keeps a copy until the
   * address is known.
   *
   * @param neighbor An entry that is not `"evicted"`.
   * @returns `false` if the frame is lost.
   */
  transmit(neighbor: Neighbor, frame: Frame, now: number): boolean {
    neighbor.usedAt = now;
    if (neighbor.state === "reachable" && now - neighbor.confirmedAt < FRESH_FOR) {
      return this.#send(neighbor, frame, now);
    }
    return this.#transmitStale(neighbor, frame, now);
  }

  #transmitStale(neighbor: Neighbor, frame: Frame, now: number): boolean {
    switch (neighbor.state) {
      case "probing":
        return this.#send(neighbor, frame, now);
      case "reachable":
        if (now - neighbor.confirmedAt < EXPIRES_AFTER) {
          neighbor.state = "probing";
          neighbor.tries = 0;
          this.#ask(neighbor, now);
          return this.#send(neighbor, frame, now);
        }
        this.#resolve(neighbor, now);
        break;
      case "failed":
        if (now < neighbor.deadline) {
          this.#options.counters.droppedUnresolved++;
          return false;
        }
        this.#resolve(neighbor, now);
        break;
    }
    return this.#wait(neighbor, frame);
  }

  /**
   * Takes in what an ARP packet says of its sender: every packet updates an entry that exists
   * (RFC 826), but only one that wants something of us makes a new one, and it evicts none.
   *
   * @param bits The sender's Internet address, as 32 signed bits.
   * @param bytes Where its MAC address lies.
   * @param at Index of it.
   * @param wantsUs The packet asks for one of our addresses, so we will soon send to its sender.
   */
  learn(bits: number, bytes: Uint8Array, at: number, wantsUs: boolean, now: number): void {
    let neighbor = this.#cache.get(bits);
    if (neighbor === undefined) {
      if (!wantsUs || !this.#cache.hasRoom) return;
      const address = IpAddress.v4(bits);
      if (this.#options.local.onLink(address) === undefined) return;
      neighbor = this.#cache.add(address, now);
    }
    neighbor.mac.set(bytes.subarray(at, at + neighbor.mac.length));
    neighbor.state = "reachable";
    neighbor.confirmedAt = now;
    this.#asking.delete(neighbor);
    for (const frame of this.#takeWaiting(neighbor)) this.#send(neighbor, frame, now);
  }

  /** Asks again where no answer came, or gives up. */
  poll(now: number): void {
    if (this.#asking.size === 0) return; // an iterator would be allocated in vain
    for (const neighbor of this.#asking) {
      if (neighbor.deadline > now) break;
      if (neighbor.tries < MAX_TRIES) this.#ask(neighbor, now);
      else if (neighbor.state === "probing") this.#resolve(neighbor, now);
      else this.#fail(neighbor, now);
    }
  }

  /** When {@link poll} has something to do; `Infinity` if never. */
  nextDeadline(): number {
    if (this.#asking.size === 0) return Infinity;
    for (const neighbor of this.#asking) return neighbor.deadline;
    return Infinity;
  }

  #resolve(neighbor: Neighbor, now: number): void {
    neighbor.state = "incomplete";
    neighbor.tries = 0;
    this.#ask(neighbor, now);
  }

  #ask(neighbor: Neighbor, now: number): void {
    neighbor.tries++;
    neighbor.deadline = now + RETRY_INTERVAL;
    this.#asking.delete(neighbor);
    this.#asking.add(neighbor);
    const to = neighbor.state === "probing" ? neighbor.mac : undefined;
    this.#options.arp.request(neighbor.address, to, now);
  }

  #fail(neighbor: Neighbor, now: number): void {
    const { counters, notice, undeliverable } = this.#options;
    neighbor.state = "failed";
    neighbor.deadline = now + FAILED_FOR;
    this.#asking.delete(neighbor);
    const frames = this.#takeWaiting(neighbor);
    counters.resolutionsFailed++;
    counters.droppedUnresolved += frames.length;
    if (this.#noticeLimit.take(now)) {
      notice({ type: "neighbor-unreachable", address: neighbor.address, dropped: frames.length });
    }
    for (const frame of frames) undeliverable(frame, now);
  }

  #evict(): void {
    const { counters } = this.#options;
    const neighbor = this.#cache.evict();
    this.#asking.delete(neighbor);
    counters.evicted++;
    counters.droppedUnresolved += this.#takeWaiting(neighbor).length;
  }

  /** Keeps a copy; the newest packets are worth most (RFC 1122 section 2.3.2.2). */
  #wait(neighbor: Neighbor, frame: Frame): boolean {
    const { counters } = this.#options;
    const { waiting } = neighbor;
    if (waiting.length === MAX_WAITING) {
      this.#waitingBytes -= waiting.shift()!.length;
      counters.droppedQueueFull++;
    }
    if (this.#waitingBytes + frame.length > MAX_WAITING_BYTES) {
      counters.droppedQueueFull++;
      return false;
    }
    counters.packetsQueued++;
    this.#waitingBytes += frame.length;
    waiting.push(frame.clone());
    return true;
  }

  #takeWaiting(neighbor: Neighbor): Frame[] {
    const frames = neighbor.waiting.splice(0);
    for (const frame of frames) this.#waitingBytes -= frame.length;
    return frames;
  }

  #send(neighbor: Neighbor, frame: Frame, now: number): boolean {
    writeMac(frame.bytes, frame.offset + DESTINATION, neighbor.mac);
    return this.#options.link.transmit(frame, now);
  }
}
