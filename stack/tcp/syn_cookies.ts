import type { Segment } from "../wire/tcp.ts";
import type { FlowEntry } from "./flow_table.ts";
import type { SecretNumbers } from "./isn.ts";

/** How long one count of the cookie's clock lasts, in milliseconds. */
const PERIOD = 60_000;
/** A cookie counts in the period that it was made in and in the next: for one to two minutes. */
const PERIODS = 2;
/** The maximum segment sizes that a cookie can name; the largest that is not above the peer's. */
const SEGMENT_SIZES = [64, 256, 536, 1220, 1360, 1440, 1460, 8960] as const;

const CLOCK_SHIFT = 31;
const SIZE_SHIFT = 28;
const SIZE_MASK = SEGMENT_SIZES.length - 1;
const HASH_MASK = (1 << SIZE_SHIFT) - 1;

/** Low bits of a timestamp that carry the options of the SYN. */
const OPTION_MASK = 0x1f;
const SACK_PERMITTED = 0x10;
const SCALE_MASK = 0x0f;
const NO_SCALE = 0x0f;
/** Said to the hash: there are timestamps, and so options. */
const WITH_OPTIONS = 0x100;

/** Addresses and ports of a connection. */
export type Ends = Omit<FlowEntry, "flowHash">;

/** Cookies of one period that are remembered as spent, at most. */
const MOST_SPENT = 65_536;

/** What a cookie keeps of a SYN. */
export interface KeptSyn {
  /** Its sequence number, IRS. */
  readonly seq: number;
  /** Its maximum segment size, rounded down to one of a few. */
  readonly mss: number;
  /** Its window scale, 0 to 14; -1 if it had none, or no timestamps. */
  readonly windowScale: number;
  /** Whether it permitted SACK, and had timestamps. */
  readonly sackPermitted: boolean;
}

/**
 * SYN cookies (Bernstein 1996; RFC 4987 section 3.6): when there is no room for another half-open
 * connection, all that must be known of one is put into the initial sequence number of the SYN-ACK,
 * and comes back in the acknowledgment. Nothing is kept.
 *
 * ```text
 *   ISS - mask = | clock: 1 | size: 3 | SipHash of addresses, ports, IRS, clock, size, options: 28 |
 *   TSval      = | our timestamp, rounded down                         | SACK: 1 | window scale: 4 |
 * ```
 *
 * The mask is a second hash, of addresses and ports alone, so that a stranger must guess 32 bits of
 * the number and not 28. The options are those of a peer with timestamps, which echoes them in each
 * segment; without timestamps only the segment size survives.
 *
 * A cookie is good for one connection. What is remembered to this end is of connections that were
 * made, never of SYNs: else a duplicate of a first segment, come late, would make another one, and
 * what it carries would be delivered twice.
 *
 * What statelessness costs (RFC 4987 section 3.6): a SYN-ACK is not sent again; a client whose
 * acknowledgment is lost and that has nothing to say waits; one whose data overtakes it is reset.
 */
export class SynCookies {
  readonly #secrets: SecretNumbers;
  #lastMade = -Infinity;
  /** Cookies spent in this period and in the one before. */
  #spent = new Set<number>();
  #spentBefore = new Set<number>();
  #clock = 0;

  /** @param secrets The stack's. */
  constructor(secrets: SecretNumbers) {
    this.#secrets = secrets;
  }

  /**
   * Whether an acknowledgment for no connection may be that of a cookie: one was made so lately
   * that it may still count.
   */
  mayArrive(now: number): boolean {
    return now - this.#lastMade < PERIODS * PERIOD;
  }

  /**
   * The initial sequence number that answers a SYN.
   *
   * @param ends The connection's addresses and ports.
   * @param syn The SYN.
   * @param options {@link SynCookies.optionsOf} of it if the SYN-ACK has timestamps.
   * @param now Time in milliseconds.
   */
  make(ends: Ends, syn: Segment, options: number | undefined, now: number): number {
    this.#lastMade = now;
    return this.#number(ends, syn.seq, Math.floor(now / PERIOD), sizeClass(syn.mss), options);
  }

  /**
   * What the low bits of the SYN-ACK's timestamp are to say.
   *
   * @param windowScale The peer's, 0 to 14; -1 if it has none.
   * @param sackPermitted Whether both sides permit SACK.
   */
  optionsOf(windowScale: number, sackPermitted: boolean): number {
    const scale = windowScale < 0 ? NO_SCALE : windowScale;
    return scale | (sackPermitted ? SACK_PERMITTED : 0);
  }

  /**
   * Writes options into the low bits of a timestamp; the result is not later than it was.
   *
   * @param timestamp TSval of this moment.
   * @param options {@link SynCookies.optionsOf}.
   */
  stamp(timestamp: number, options: number): number {
    const stamped = timestamp & ~OPTION_MASK | options;
    return ((stamped - timestamp) | 0) > 0 ? (stamped - OPTION_MASK - 1) | 0 : stamped;
  }

  /**
   * Looks whether a segment acknowledges a cookie that we have made and that still counts. It is
   * the first segment after the SYN, or one that begins at the same number.
   *
   * @param ends The segment's addresses and ports.
   * @param segment The segment, with ACK.
   * @param now Time in milliseconds.
   * @returns What the SYN said; `undefined` if it is no cookie, or one that was spent.
   */
  open(ends: Ends, segment: Segment, now: number): KeptSyn | undefined {
    const irs = (segment.seq - 1) | 0;
    const number = (segment.ack - 1) | 0;
    const options = segment.hasTimestamps ? segment.timestampEcho & OPTION_MASK : undefined;
    const plain = number - this.#mask(ends);
    const size = plain >>> SIZE_SHIFT & SIZE_MASK;
    let clock = Math.floor(now / PERIOD);
    if ((clock & 1) !== plain >>> CLOCK_SHIFT) clock--;
    if (this.#number(ends, irs, clock, size, options) !== number) return undefined;
    const name = nameOf(segment);
    if (this.#spent.has(name) || this.#spentBefore.has(name)) return undefined;
    const scale = options === undefined ? NO_SCALE : options & SCALE_MASK;
    return {
      seq: irs,
      mss: SEGMENT_SIZES[size]!,
      windowScale: scale === NO_SCALE ? -1 : scale,
      sackPermitted: options !== undefined && (options & SACK_PERMITTED) !== 0,
    };
  }

  /**
   * A connection has been made of a cookie: there will be no other.
   *
   * @param segment The segment that acknowledges it.
   * @param now Time in milliseconds.
   */
  spend(segment: Segment, now: number): void {
    const clock = Math.floor(now / PERIOD);
    if (clock !== this.#clock) {
      this.#spentBefore = clock === this.#clock + 1 ? this.#spent : new Set();
      this.#spent = new Set();
      this.#clock = clock;
    }
    if (this.#spent.size < MOST_SPENT) this.#spent.add(nameOf(segment));
  }

  #number(
    ends: Ends,
    irs: number,
    clock: number,
    size: number,
    options: number | undefined,
  ): number {
    const { localAddress, localPort, remoteAddress, remotePort } = ends;
    const data = size << 16 | (options === undefined ? 0 : options | WITH_OPTIONS);
    const hash = this.#secrets
      .cookie(localAddress, localPort, remoteAddress, remotePort, irs, clock, data);
    const plain = clock << CLOCK_SHIFT | size << SIZE_SHIFT | hash & HASH_MASK;
    return (plain + this.#mask(ends)) | 0;
  }

  #mask({ localAddress, localPort, remoteAddress, remotePort }: Ends): number {
    return this.#secrets.cookieMask(localAddress, localPort, remoteAddress, remotePort);
  }
}

/** What tells a cookie from all others: its number, and the peer's port. */
function nameOf({ ack, sourcePort }: Segment): number {
  return (ack >>> 0) * 65_536 + sourcePort;
}

/** Index of the size that stands for a peer's maximum segment size; 0: it announced none. */
function sizeClass(mss: number): number {
  const size = mss || 536; // RFC 9293 section 3.7.1
  let index = SEGMENT_SIZES.length - 1;
  while (index > 0 && SEGMENT_SIZES[index]! > size) index--;
  return index;
}
