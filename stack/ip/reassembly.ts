import type { Ipv4Counters } from "../counters.ts";
import { read16, read32, write16 } from "../wire/bytes.ts";
import * as ipv4 from "../wire/ipv4.ts";

/** Datagrams under reassembly at a time. */
export const MAX_DATAGRAMS = 64;
/** Fragments of one datagram: 64 KiB in fragments for the smallest MTU (576) are 119. */
export const MAX_FRAGMENTS = 128;
/** Bytes of payload held, all datagrams together. */
export const MAX_BYTES = 1 << 20;
/**
 * How long the fragments of a datagram may take, in ms, from the first that arrives. RFC 1122
 * section 3.3.2 asked for a minute or more; at today's rates identifications come round sooner, and
 * fragments of different datagrams would be mixed (RFC 4963). Linux waits as long.
 */
export const TIMEOUT = 30_000;

/** A piece of a datagram's payload. */
interface Fragment {
  /** Offset of its first byte in the payload. */
  readonly start: number;
  /** Offset behind its last byte. */
  readonly end: number;
  /** The piece, copied. */
  readonly bytes: Uint8Array;
}

/** A datagram of which some fragments are missing. */
class Datagram {
  /** In order, without overlaps. */
  fragments: Fragment[] = [];
  /** Bytes in the fragments. */
  held = 0;
  /** Length of the payload, once the last fragment is there. */
  total: number | undefined;
  /** Header of the fragment with offset zero, once it is there. */
  header: Uint8Array | undefined;
  /** Fragments overlap: all that come are dropped until the time is up (RFC 5722). */
  poisoned = false;

  constructor(
    readonly source: number,
    readonly destination: number,
    readonly protocol: number,
    readonly identification: number,
    readonly deadline: number,
  ) {}
}

/** Where a fragment fits in: its place in the list, or why there is none. */
type Place = number | "duplicate" | "overlap";

/**
 * Puts fragmented IPv4 datagrams together again (RFC 791 section 3.2). Bounded in datagrams,
 * fragments, bytes and time; when a bound is reached the oldest datagram gives way. A datagram with
 * overlapping fragments, which only attacks have, is dropped as a whole (RFC 5722); an exact
 * repetition of a fragment is ignored (RFC 8200 section 4.5 allows both).
 */
export class Reassembly {
  readonly #counters: Ipv4Counters;
  readonly #expired: (packet: Uint8Array, now: number) => void;
  /** Oldest first; all wait equally long, so that is the order of their deadlines too. */
  readonly #datagrams: Datagram[] = [];
  #bytes = 0;

  /**
   * @param counters What is counted.
   * @param expired Gets the first fragment, header and payload, of each datagram whose time is up;
   *   not called for a datagram whose first fragment never came.
   */
  constructor(counters: Ipv4Counters, expired: (packet: Uint8Array, now: number) => void) {
    this.#counters = counters;
    this.#expired = expired;
  }

  /**
   * Takes in a fragment.
   *
   * @param bytes Where it lies.
   * @param at Index of its IPv4 header, whose lengths were checked.
   * @returns The whole packet, if this was the last missing piece: its header is that of the first
   *   fragment, with length, fragment field and checksum of a packet that was never fragmented.
   */
  add(bytes: Uint8Array, at: number, now: number): Uint8Array | undefined {
    const counters = this.#counters;
    counters.fragmentsReceived++;
    const headerLength = ipv4.headerLength(bytes, at);
    const field = read16(bytes, at + ipv4.FRAGMENT);
    const length = read16(bytes, at + ipv4.TOTAL_LENGTH) - headerLength;
    const start = (field & ipv4.FRAGMENT_OFFSET) * 8;
    const end = start + length;
    const isLast = (field & ipv4.MORE_FRAGMENTS) === 0;
    if (length === 0 || !isLast && length % 8 !== 0 || headerLength + end > ipv4.MAX_LENGTH) {
      counters.droppedBadFragment++;
      return undefined;
    }

    const datagram = this.#find(bytes, at, now);
    if (datagram.poisoned) {
      counters.droppedOverlap++;
      return undefined;
    }
    const payload = bytes.subarray(at + headerLength, at + headerLength + length);
    const place = placeOf(datagram, start, end, isLast, payload);
    if (place === "duplicate") {
      counters.droppedDuplicateFragment++;
      return undefined;
    }
    if (place === "overlap") {
      counters.droppedOverlap += datagram.fragments.length + 1;
      this.#clear(datagram);
      datagram.poisoned = true;
      return undefined;
    }
    if (!this.#makeRoom(datagram, length)) {
      counters.droppedReassemblyFull++;
      return undefined;
    }
    datagram.fragments.splice(place, 0, { start, end, bytes: payload.slice() });
    datagram.held += length;
    this.#bytes += length;
    if (isLast) datagram.total = end;
    if (start === 0) datagram.header = bytes.slice(at, at + headerLength);
    return datagram.held === datagram.total ? this.#complete(datagram) : undefined;
  }

  /** Drops the datagrams whose time is up. */
  poll(now: number): void {
    while (this.#datagrams.length > 0 && this.#datagrams[0]!.deadline <= now) {
      const datagram = this.#datagrams.shift()!;
      const { header, fragments } = datagram;
      this.#counters.droppedReassemblyTimeout += fragments.length;
      this.#clear(datagram);
      if (header !== undefined) this.#expired(concat([header, fragments[0]!.bytes]), now);
    }
  }

  /** When {@link poll} has something to do; `Infinity` if never. */
  nextDeadline(): number {
    return this.#datagrams.length === 0 ? Infinity : this.#datagrams[0]!.deadline;
  }

  #find(bytes: Uint8Array, at: number, now: number): Datagram {
    const source = read32(bytes, at + ipv4.SOURCE);
    const destination = read32(bytes, at + ipv4.DESTINATION);
    const protocol = bytes[at + ipv4.PROTOCOL]!;
    const identification = read16(bytes, at + ipv4.IDENTIFICATION);
    for (const datagram of this.#datagrams) {
      if (
        datagram.identification === identification && datagram.source === source &&
        datagram.destination === destination && datagram.protocol === protocol
      ) return datagram;
    }
    if (this.#datagrams.length === MAX_DATAGRAMS) this.#giveUp(this.#datagrams[0]!);
    const datagram = new Datagram(source, destination, protocol, identification, now + TIMEOUT);
    this.#datagrams.push(datagram);
    return datagram;
  }

  /** Keeps the bounds; `false` if the datagram itself had to go for it. */
  #makeRoom(datagram: Datagram, length: number): boolean {
    if (datagram.fragments.length === MAX_FRAGMENTS) {
      this.#giveUp(datagram);
      return false;
    }
    while (this.#bytes + length > MAX_BYTES) {
      const oldest = this.#datagrams[0]!;
      this.#giveUp(oldest);
      if (oldest === datagram) return false;
    }
    return true;
  }

  #giveUp(datagram: Datagram): void {
    this.#counters.droppedReassemblyFull += datagram.fragments.length;
    this.#remove(datagram);
  }

  #complete(datagram: Datagram): Uint8Array | undefined {
    const { header, fragments, total } = datagram;
    this.#remove(datagram);
    // The header that counts is that of the first fragment: it may be longer than the others'.
    if (header!.length + total! > ipv4.MAX_LENGTH) {
      this.#counters.droppedBadFragment += fragments.length;
      return undefined;
    }
    const packet = concat([header!, ...fragments.map((fragment) => fragment.bytes)]);
    write16(packet, ipv4.TOTAL_LENGTH, packet.length);
    write16(packet, ipv4.FRAGMENT, 0);
    ipv4.emitChecksum(packet, 0);
    this.#counters.reassembled++;
    return packet;
  }

  #remove(datagram: Datagram): void {
    this.#datagrams.splice(this.#datagrams.indexOf(datagram), 1);
    this.#clear(datagram);
  }

  #clear(datagram: Datagram): void {
    this.#bytes -= datagram.held;
    datagram.held = 0;
    datagram.fragments = [];
    datagram.header = undefined;
  }
}

function placeOf(
  datagram: Datagram,
  start: number,
  end: number,
  isLast: boolean,
  payload: Uint8Array,
): Place {
  const { fragments, total } = datagram;
  // From the end: fragments usually arrive in order.
  let place = fragments.length;
  while (place > 0 && fragments[place - 1]!.start >= start) place--;
  const next = fragments[place];
  if (
    next !== undefined && next.start === start && next.end === end && isLast === (total === end) &&
    payload.every((byte, i) => byte === next.bytes[i])
  ) return "duplicate";
  const overlaps = place > 0 && fragments[place - 1]!.end > start ||
    next !== undefined && next.start < end;
  // Nothing lies behind the last fragment, and there is one only.
  const contradictsEnd = isLast
    ? total !== undefined || fragments.length > place
    : total !== undefined && end >= total;
  return overlaps || contradictsEnd ? "overlap" : place;
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
