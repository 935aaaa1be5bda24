import { seqGeq } from "./sequence.ts";
import type { CongestionControl } from "./congestion.ts";
import type { TcpCounters } from "./counters.ts";

/** What the search for the segment size needs to know of a connection: it is a part of the TCB. */
export interface Segmenting {
  readonly services: { readonly counters: TcpCounters };
  readonly congestion: CongestionControl;
  readonly sndUna: number;
  /** Expiries of the retransmission timer without an answer. */
  readonly retries: number;
  /** Largest payload of a segment that we send. */
  sndMss: number;
}

/** Timeouts in a row after which large segments are suspected to fall into a black hole. */
const SUSPICIOUS_TIMEOUTS = 3;
/** Payloads that are tried then, one timeout each. Less than 536 takes every IPv4 path (RFC 791). */
const FALLBACKS = [1024, 512] as const;
/**
 * ICMP makes no payload smaller than this, that of a packet of 552 bytes with timestamps: anybody
 * may forge it, and have us send headers for the most part. Below it routers may fragment.
 */
const SMALLEST_PAYLOAD = 500;
/** Time until the former size is tried, when smaller segments have come through: perhaps nothing
 * came through before. In milliseconds. */
const FIRST_PROBE = 10_000;
/** Time until it is tried again, or after ICMP (RFC 8899 section 5.1.1: PMTU_RAISE_TIMER). */
const NEXT_PROBE = 600_000;

/**
 * What is known of the largest segment that the path takes.
 *
 * - ICMP "too large" is believed at once where no segment of that size was ever acknowledged, and
 *   else only when a timeout confirms it (RFC 5927 section 7.2).
 * - Where ICMP names less than is worth a packet, segments stay at {@link SMALLEST_PAYLOAD}, and may
 *   be fragmented on the way from then on (RFC 1191 section 3).
 * - Without ICMP, large segments that time out again and again are made smaller (RFC 4821 in
 *   spirit). If that brings no answer either, it was not their size.
 * - Later the former size is tried with a single segment.
 */
export class PathMtu {
  /** When a larger segment is to be tried, in milliseconds; `Infinity`: not. */
  probeAt = Infinity;
  /** The size before it was first lowered; 0: it never was. */
  #ceiling = 0;
  #proven: number;
  #mayFragment = false;
  /** Payload of a larger one in flight, and where it ends; 0: there is none. */
  #awaited = 0;
  #awaitedEnd = 0;
  /** What ICMP has said and was not believed, and SND.UNA at that time; 0: nothing. */
  #doubted = 0;
  #doubtedUna = 0;
  /** The size to return to if the present one does not help; 0: it is no trial. */
  #before = 0;
  /** Smaller segments did not help: no more of that before there is progress. */
  #dismissed = false;

  /** @param proven Largest payload of a segment that was acknowledged. */
  constructor(proven = 0) {
    this.#proven = proven;
  }

  /** Largest payload of a segment that was acknowledged. */
  get proven(): number {
    return this.#proven;
  }

  /** The path takes less than it seemed to: this is worth more than {@link PathMtu.proven} says. */
  get wasLowered(): boolean {
    return this.#ceiling !== 0;
  }

  /**
   * Routers may fragment what is sent, because the path takes less than we make of it. Not the
   * single segments of a larger size that are tried: they are to show what the path takes whole.
   */
  get mayFragment(): boolean {
    return this.#mayFragment;
  }

  /** A segment with this payload, which ends here, leaves for the first time. */
  sent(payload: number, end: number): void {
    if (this.#awaited !== 0 || payload <= this.#proven) return;
    this.#awaited = payload;
    this.#awaitedEnd = end;
    if (payload === this.#ceiling) this.probeAt = Infinity;
  }

  /** Something is sent again: a larger segment that was tried is taken for lost. */
  repeated(tcb: Segmenting, now: number): void {
    if (this.#awaited <= tcb.sndMss) return;
    this.#awaited = 0;
    this.probeAt = now + NEXT_PROBE;
  }

  /** SND.UNA advances to `ack`. */
  acknowledged(tcb: Segmenting, ack: number, now: number): void {
    if (this.#before !== 0) {
      this.#before = 0;
      this.probeAt = now + FIRST_PROBE;
    }
    this.#dismissed = false;
    if (this.#awaited === 0 || !seqGeq(ack, this.#awaitedEnd)) return;
    this.#proven = this.#awaited;
    this.#awaited = 0;
    if (this.#proven <= tcb.sndMss) return;
    tcb.services.counters.pathMtuRaised++;
    this.#mayFragment = false;
    resize(tcb, this.#proven);
  }

  /**
   * The size of the next new segment: `sndMss`, or for once the former size.
   *
   * @param tcb The connection.
   * @param room What may be sent now, in bytes.
   */
  tries(tcb: Segmenting, room: number): number {
    if (room < this.#ceiling) return tcb.sndMss;
    this.#awaited = 0;
    return this.#ceiling;
  }

  /**
   * ICMP says that a segment was too large.
   *
   * @param tcb The connection.
   * @param size The payload that is said to fit, less than `sndMss`.
   * @param now Time in milliseconds.
   * @returns Whether it is believed now, and news.
   */
  tooLarge(tcb: Segmenting, size: number, now: number): boolean {
    const { counters } = tcb.services;
    // It is about a packet that left before it could be fragmented.
    if (this.#mayFragment && tcb.sndMss <= SMALLEST_PAYLOAD) return false;
    if (size < this.#proven && tcb.retries === 0) {
      counters.pathMtuDoubted++;
      this.#doubted = size;
      this.#doubtedUna = tcb.sndUna;
      return false;
    }
    counters.pathMtuLowered++;
    if (size < SMALLEST_PAYLOAD && !this.#mayFragment) {
      counters.pathMtuTiny++;
      this.#mayFragment = true;
    }
    this.#lower(tcb, Math.min(tcb.sndMss, Math.max(size, SMALLEST_PAYLOAD)));
    this.probeAt = now + NEXT_PROBE;
    return true;
  }

  /**
   * The retransmission timer has expired.
   *
   * @param tcb The connection.
   * @param payload What the segment that is sent again carries, in bytes.
   * @param now Time in milliseconds.
   */
  timedOut(tcb: Segmenting, payload: number, now: number): void {
    const doubted = this.#doubted;
    this.#doubted = 0;
    if (doubted > 0 && doubted < tcb.sndMss && this.#doubtedUna === tcb.sndUna) {
      this.tooLarge(tcb, doubted, now); // There was a timeout: now it is believed.
      return;
    }
    if (tcb.retries < SUSPICIOUS_TIMEOUTS || this.#dismissed) return;
    const { counters } = tcb.services;
    const next = FALLBACKS.find((size) => size < tcb.sndMss && size < payload);
    if (next !== undefined) {
      counters.blackHolesSuspected++;
      if (this.#before === 0) this.#before = tcb.sndMss;
      this.#lower(tcb, next);
    } else if (this.#before > 0) {
      counters.blackHolesDismissed++;
      this.#dismissed = true;
      resize(tcb, this.#before);
      this.#before = 0;
    }
  }

  #lower(tcb: Segmenting, size: number): void {
    this.#ceiling = Math.max(this.#ceiling, tcb.sndMss);
    this.#proven = this.#awaited = 0;
    this.probeAt = Infinity;
    resize(tcb, size);
  }
}

function resize(tcb: Segmenting, size: number): void {
  tcb.sndMss = size;
  tcb.congestion.setSegmentSize(size);
}
