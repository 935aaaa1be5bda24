import type { IpAddress } from "../ip/address.ts";
import { Neighbor } from "./neighbor.ts";

/** A bounded set of neighbors, found by IPv4 address. */
export class NeighborCache {
  readonly #entries = new Map<number, Neighbor>();
  readonly #capacity: number;

  /** @param capacity How many neighbors it holds. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Whether the next entry evicts none. */
  get hasRoom(): boolean {
    return this.#entries.size < this.#capacity;
  }

  /** Finds an entry by its IPv4 address, as 32 signed bits. */
  get(bits: number): Neighbor | undefined {
    return this.#entries.get(bits);
  }

  /** Adds a new entry; when {@link hasRoom} is false, {@link evict} first. */
  add(address: IpAddress, now: number): Neighbor {
    const neighbor = new Neighbor(address, now);
    this.#entries.set(address.word3, neighbor);
    return neighbor;
  }

  /**
   * Takes out the entry that has gone unused for the longest time. Looks at all of them: it happens
   * once per new neighbor, and only when the cache is full.
   */
  evict(): Neighbor {
    let oldest: Neighbor | undefined;
    for (const neighbor of this.#entries.values()) {
      if (oldest === undefined || neighbor.usedAt < oldest.usedAt) oldest = neighbor;
    }
    this.#entries.delete(oldest!.address.word3);
    oldest!.state = "evicted";
    return oldest!;
  }
}
