import type { IpAddress } from "../ip/address.ts";
import type { IpPacket } from "../ip/packet.ts";
import { read32 } from "../wire/bytes.ts";

/** What a {@link FlowTable} holds: something with a 4-tuple. */
export interface FlowEntry {
  /** Our address. */
  readonly localAddress: IpAddress;
  /** Our port. */
  readonly localPort: number;
  /** The peer's address. */
  readonly remoteAddress: IpAddress;
  /** The peer's port. */
  readonly remotePort: number;
  /** Hash of the 4-tuple under the table's seed; set by the table. */
  flowHash: number;
}

const SMALLEST = 64;

/**
 * The connection table: one hash lookup on the 4-tuple, straight from a packet's bytes.
 *
 * Open addressing with linear probing; a removal moves later entries back, so there are no
 * tombstones and a lookup ends at the first empty slot. The seed keeps a stranger from choosing
 * 4-tuples that collide.
 */
export class FlowTable<T extends FlowEntry> {
  /** Number of entries. */
  size = 0;
  #entries: (T | undefined)[] = new Array(SMALLEST).fill(undefined);
  /** The hash of each entry: what lies near another is told from it without looking at either. */
  #hashes = new Int32Array(SMALLEST);
  #mask = SMALLEST - 1;
  readonly #seed: number;

  /** @param seed 32 random bits. */
  constructor(seed: number) {
    this.#seed = seed | 0;
  }

  /**
   * The entry for a received packet: its source is the remote end, its destination ours.
   *
   * @param packet The packet.
   * @param remotePort Source port of its segment.
   * @param localPort Destination port of its segment.
   */
  find(packet: IpPacket, remotePort: number, localPort: number): T | undefined {
    const { bytes, sourceOffset, destinationOffset } = packet;
    let hash = mix(this.#seed, remotePort << 16 | localPort);
    const width = packet.version === 4 ? 4 : 16;
    for (let i = 0; i < width; i += 4) {
      hash = mix(hash, read32(bytes, sourceOffset + i));
      hash = mix(hash, read32(bytes, destinationOffset + i));
    }
    hash = finish(hash);
    const entries = this.#entries;
    const hashes = this.#hashes;
    for (let i = hash & this.#mask;; i = (i + 1) & this.#mask) {
      const entry = entries[i];
      if (entry === undefined) return undefined;
      if (
        hashes[i] === hash && entry.remotePort === remotePort &&
        entry.localPort === localPort && entry.remoteAddress.version === packet.version &&
        entry.remoteAddress.matches(bytes, sourceOffset) &&
        entry.localAddress.matches(bytes, destinationOffset)
      ) return entry;
    }
  }

  /** The entry with a 4-tuple. */
  get(
    local: IpAddress,
    localPort: number,
    remote: IpAddress,
    remotePort: number,
  ): T | undefined {
    const hash = this.#hashOf(local, localPort, remote, remotePort);
    for (let i = hash & this.#mask;; i = (i + 1) & this.#mask) {
      const entry = this.#entries[i];
      if (entry === undefined) return undefined;
      if (
        this.#hashes[i] === hash && entry.remotePort === remotePort &&
        entry.localPort === localPort && entry.remoteAddress.equals(remote) &&
        entry.localAddress.equals(local)
      ) return entry;
    }
  }

  /** Adds an entry whose 4-tuple is not in the table. */
  add(entry: T): void {
    if (this.size * 2 >= this.#entries.length) this.#grow();
    entry.flowHash = this.#hashOf(
      entry.localAddress,
      entry.localPort,
      entry.remoteAddress,
      entry.remotePort,
    );
    this.#place(entry);
    this.size++;
  }

  /** Puts an entry in the place of another with the same 4-tuple, which is in the table. */
  replace(old: T, entry: T): void {
    entry.flowHash = old.flowHash;
    let i = old.flowHash & this.#mask;
    while (this.#entries[i] !== old) i = (i + 1) & this.#mask;
    this.#entries[i] = entry;
  }

  /** Removes an entry that is in the table. */
  remove(entry: T): void {
    const entries = this.#entries;
    const hashes = this.#hashes;
    const mask = this.#mask;
    let hole = entry.flowHash & mask;
    while (entries[hole] !== entry) {
      if (entries[hole] === undefined) return;
      hole = (hole + 1) & mask;
    }
    for (let i = (hole + 1) & mask;; i = (i + 1) & mask) {
      const later = entries[i];
      if (later === undefined) break;
      // It may move into the hole unless its own place lies behind the hole.
      const displacement = (i - (hashes[i]! & mask)) & mask;
      if (displacement >= ((i - hole) & mask)) {
        entries[hole] = later;
        hashes[hole] = hashes[i]!;
        hole = i;
      }
    }
    entries[hole] = undefined;
    this.size--;
  }

  /** All entries as they are now; the table may be changed while they are gone through. */
  values(): T[] {
    return this.#entries.filter((entry) => entry !== undefined);
  }

  #place(entry: T): void {
    let i = entry.flowHash & this.#mask;
    while (this.#entries[i] !== undefined) i = (i + 1) & this.#mask;
    this.#entries[i] = entry;
    this.#hashes[i] = entry.flowHash;
  }

  #grow(): void {
    const old = this.#entries;
    this.#entries = new Array(old.length * 2).fill(undefined);
    this.#hashes = new Int32Array(old.length * 2);
    this.#mask = this.#entries.length - 1;
    for (const entry of old) if (entry !== undefined) this.#place(entry);
  }

  #hashOf(local: IpAddress, localPort: number, remote: IpAddress, remotePort: number): number {
    let hash = mix(this.#seed, remotePort << 16 | localPort);
    if (remote.version === 6) {
      hash = mix(mix(hash, remote.word0), local.word0);
      hash = mix(mix(hash, remote.word1), local.word1);
      hash = mix(mix(hash, remote.word2), local.word2);
    }
    return finish(mix(mix(hash, remote.word3), local.word3));
  }
}

/** One step of MurmurHash3 (Appleby, public domain). */
function mix(hash: number, value: number): number {
  value = Math.imul(value, 0xcc9e2d51);
  value = Math.imul(value << 15 | value >>> 17, 0x1b873593);
  hash ^= value;
  return (Math.imul(hash << 13 | hash >>> 19, 5) + 0xe6546b64) | 0;
}

function finish(hash: number): number {
  hash = Math.imul(hash ^ hash >>> 16, 0x85ebca6b);
  hash = Math.imul(hash ^ hash >>> 13, 0xc2b2ae35);
  return hash ^ hash >>> 16;
}
