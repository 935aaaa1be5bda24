import { DeliveryRate } from "./delivery_rate.ts";
import { RangeTree } from "./range_tree.ts";
import { seqDiff, seqGeq, seqGt, seqLeq, seqLt } from "./sequence.ts";
import { giveTransmission, takeTransmission, type Transmission } from "./transmission.ts";

/**
 * Where SACK blocks may cut what left as one, at most: a thousand holes, where 16 MB in segments of
 * 1,460 bytes have 350 if 3 % are lost. Past that a peer wears us out with pieces.
 */
const MOST_CUTS = 2_048;

/** Told of each range that is given up. */
export interface LossObserver {
  /**
   * A range is taken for lost; called when it has been counted.
   *
   * @param range The range, with what was noted when it was sent.
   * @param delivery What has been counted.
   */
  lost(range: Transmission, delivery: DeliveryRate): void;
}

/** Told of each range that the peer turns out to have. */
export interface DeliveryObserver {
  /** The range has arrived; called before it is marked or forgotten. */
  delivered(transmission: Transmission): void;
}

/**
 * What is in flight: the retransmission queue and SACK scoreboard, as ranges.
 *
 * ```text
 *   SND.UNA                                              SND.NXT
 *      |  head          ->            ->            tail  |
 *      [ lost ][ repeated ][  sacked  ][    in flight     )
 * ```
 *
 * Two lists run through the ranges: by sequence number, and, for those that are neither sacked nor
 * given up, by time of sending, which is what RACK walks (RFC 8985). A tree finds the range that a
 * SACK block begins in and the one to be sent again first. So the work of an acknowledgment is that
 * of the ranges that it is about, however many others there are and wherever they are.
 */
export class Flight {
  /** The lowest range. */
  head: Transmission | undefined = undefined;
  /** How fast it arrives. */
  readonly delivery: DeliveryRate = new DeliveryRate();
  readonly #lossObserver: LossObserver | undefined;
  /** The highest range. */
  tail: Transmission | undefined = undefined;
  /** The range sent longest ago of those that may yet arrive. */
  oldest: Transmission | undefined = undefined;
  #newest: Transmission | undefined = undefined;
  readonly #tree = new RangeTree();
  /** Number of ranges that a SACK block has cut off. */
  #cuts = 0;
  /** Bytes in all ranges. */
  bytes = 0;
  /** Bytes that the peer has ahead of SND.UNA. */
  sackedBytes = 0;
  /** Bytes taken for lost. */
  lostBytes = 0;
  /** Bytes of them that have been sent again and are in flight. */
  repeatedBytes = 0;

  /** @param lossObserver Told of losses. */
  constructor(lossObserver?: LossObserver) {
    this.#lossObserver = lossObserver;
  }

  /** Bytes that are thought to be on the way (RFC 6675 section 4, "pipe"). */
  get pipe(): number {
    return this.bytes - this.sackedBytes - this.lostBytes + this.repeatedBytes;
  }

  /** Adds what has just been sent for the first time. */
  append(start: number, end: number, now: number): void {
    const { tail, delivery } = this;
    const length = seqDiff(end, start);
    this.bytes += length;
    if (
      tail !== undefined && tail === this.#newest && tail.sentAt === now && !tail.retransmitted &&
      delivery.wouldStampAlike(tail)
    ) {
      tail.end = end;
      tail.txInFlight += length;
      return;
    }
    if (tail === undefined) delivery.flightBegins(now);
    const range = takeTransmission(start, end, now);
    range.previous = tail;
    if (tail === undefined) this.head = range;
    else tail.next = range;
    this.tail = range;
    this.#tree.insert(range);
    this.#link(range);
    delivery.stamp(range, this.pipe);
  }

  /**
   * Takes off all below SND.UNA.
   *
   * @param una The new SND.UNA.
   * @param observer Told of what had not been sacked before.
   */
  acknowledge(una: number, observer: DeliveryObserver): void {
    for (let range = this.head; range !== undefined && seqLt(range.start, una);) {
      if (seqGt(range.end, una)) this.#split(range, una);
      if (!range.sacked) observer.delivered(range);
      const next: Transmission | undefined = range.next;
      this.#remove(range);
      range = next;
    }
  }

  /**
   * Marks a range that the peer says it has. Where blocks have cut the flight into too many pieces
   * already, another piece is not marked, since a block is no more than a hint (RFC 2018 section 8);
   * what is reported whole or next to what the peer has is.
   *
   * @param start First sequence number, not below SND.UNA.
   * @param end Sequence number after the last, not beyond SND.NXT.
   * @param observer Told of what is new.
   * @returns Whether all of it is marked now.
   */
  sack(start: number, end: number, observer: DeliveryObserver): boolean {
    let all = true;
    let range = this.#tree.find(start);
    while (range !== undefined && seqLt(range.start, end)) {
      if (!range.sacked && !this.#mayCut(range, start, end)) all = false;
      else if (!range.sacked) {
        if (seqLt(range.start, start)) range = this.#cut(range, start);
        if (seqGt(range.end, end)) this.#cut(range, end);
        observer.delivered(range);
        this.#markSacked(range);
        range = this.#joinSacked(range);
      }
      range = range.next;
    }
    return all;
  }

  /** Whether the part of a range that lies in a block may become a piece. */
  #mayCut(range: Transmission, start: number, end: number): boolean {
    if (this.#cuts < MOST_CUTS) return true;
    const first = seqGeq(range.start, start), last = seqLeq(range.end, end);
    return first && last || first && range.previous?.sacked === true ||
      last && range.next?.sacked === true;
  }

  #cut(range: Transmission, at: number): Transmission {
    const rest = this.#split(range, at);
    rest.cut = true;
    this.#cuts++;
    return rest;
  }

  /** Gives up a range that is neither sacked nor waits to be sent again. */
  markLost(range: Transmission): void {
    const length = seqDiff(range.end, range.start);
    const wasInFlight = range.repeated || !range.lost;
    if (range.repeated) {
      range.repeated = false;
      this.repeatedBytes -= length;
    }
    if (!range.lost) {
      range.lost = true;
      this.lostBytes += length;
    }
    this.#unlink(range);
    this.#tree.refresh(range);
    if (!wasInFlight) return;
    this.delivery.lost += length;
    this.#lossObserver?.lost(range, this.delivery);
  }

  /**
   * Gives up the first `length` bytes, or as many as the first range has, for a peer without SACK.
   *
   * @returns Whether there was anything that had not been given up.
   */
  markFirstLost(length: number): boolean {
    const range = this.head;
    if (range === undefined || range.sacked || (range.lost && !range.repeated)) return false;
    if (seqDiff(range.end, range.start) > length) this.#split(range, (range.start + length) | 0);
    this.markLost(range);
    return true;
  }

  /** Gives up everything that is not sacked. */
  markAllLost(): void {
    for (let range = this.head; range !== undefined; range = range.next) {
      if (!range.sacked) this.markLost(range);
    }
  }

  /** Takes back that anything is lost; what was sent again counts as in flight once. */
  unmarkLost(): void {
    if (this.lostBytes === 0) return;
    for (let range = this.head; range !== undefined; range = range.next) {
      if (!range.lost) continue;
      const length = seqDiff(range.end, range.start);
      this.lostBytes -= length;
      if (range.repeated) this.repeatedBytes -= length;
      range.lost = false;
      range.repeated = false;
      this.#tree.refresh(range);
    }
    this.#sortByTime();
  }

  /** The lowest range that is lost and has not been sent again; `undefined` if there is none. */
  get firstLost(): Transmission | undefined {
    return this.#tree.firstWaiting;
  }

  /**
   * The beginning of a range is sent again.
   *
   * @param range The range.
   * @param length How much of it: the rest stays a range of its own.
   */
  markRepeated(range: Transmission, length: number, now: number): void {
    const all = seqDiff(range.end, range.start);
    if (length < all) this.#split(range, (range.start + length) | 0);
    range.retransmitted = true;
    range.sentAt = now;
    if (range.lost && !range.repeated) {
      range.repeated = true;
      this.repeatedBytes += length;
      this.#tree.refresh(range);
    }
    this.#unlink(range);
    this.#link(range);
    this.delivery.stamp(range, this.pipe);
  }

  /** The last `length` bytes as a range of their own, unless they are sacked. */
  lastRange(length: number): Transmission | undefined {
    const tail = this.tail;
    if (tail === undefined || tail.sacked) return undefined;
    return seqDiff(tail.end, tail.start) > length
      ? this.#split(tail, (tail.end - length) | 0)
      : tail;
  }

  /** Forgets what the peer said it has: it may have thrown it away (RFC 2018 section 8). */
  forgetSacked(): void {
    for (let range = this.head; range !== undefined; range = range.next) {
      if (!range.sacked) continue;
      range.sacked = false;
    }
    this.sackedBytes = 0;
    this.#sortByTime();
  }

  /** Forgets everything. */
  clear(): void {
    for (let range = this.head; range !== undefined;) {
      const next: Transmission | undefined = range.next;
      giveTransmission(range);
      range = next;
    }
    this.head =
      this.tail =
      this.oldest =
      this.#newest =
        undefined;
    this.#tree.clear();
    this.#cuts =
      this.bytes =
      this.sackedBytes =
      this.lostBytes =
      this.repeatedBytes =
        0;
  }

  #markSacked(range: Transmission): void {
    const length = seqDiff(range.end, range.start);
    if (range.lost) this.lostBytes -= length;
    if (range.repeated) this.repeatedBytes -= length;
    range.lost = false;
    range.repeated = false;
    range.sacked = true;
    this.sackedBytes += length;
    this.#unlink(range);
    this.#tree.refresh(range);
  }

  /** Joins a sacked range with its sacked neighbors, so that holes are what is counted. */
  #joinSacked(range: Transmission): Transmission {
    const { previous, next } = range;
    if (next !== undefined && next.sacked) {
      range.end = next.end;
      this.#drop(next);
    }
    if (previous !== undefined && previous.sacked) {
      previous.end = range.end;
      this.#drop(range);
      return previous;
    }
    return range;
  }

  /** Cuts a range in two at `at`; returns the second. */
  #split(range: Transmission, at: number): Transmission {
    const rest = takeTransmission(at, range.end, range.sentAt);
    rest.retransmitted = range.retransmitted;
    rest.sacked = range.sacked;
    rest.lost = range.lost;
    rest.repeated = range.repeated;
    rest.delivered = range.delivered;
    rest.deliveredTime = range.deliveredTime;
    rest.firstSentTime = range.firstSentTime;
    rest.lostBefore = range.lostBefore;
    rest.txInFlight = range.txInFlight;
    rest.isAppLimited = range.isAppLimited;
    range.txInFlight -= seqDiff(range.end, at);
    range.end = at;
    rest.previous = range;
    rest.next = range.next;
    if (range.next !== undefined) range.next.previous = rest;
    else this.tail = rest;
    range.next = rest;
    this.#tree.insert(rest);
    if (range.timed) {
      rest.timed = true;
      rest.earlier = range;
      rest.later = range.later;
      if (range.later !== undefined) range.later.earlier = rest;
      else this.#newest = rest;
      range.later = rest;
    }
    return rest;
  }

  #remove(range: Transmission): void {
    const length = seqDiff(range.end, range.start);
    this.bytes -= length;
    if (range.sacked) this.sackedBytes -= length;
    if (range.lost) this.lostBytes -= length;
    if (range.repeated) this.repeatedBytes -= length;
    this.#unlink(range);
    this.#drop(range);
  }

  /** Takes a range out of the order of sequence numbers; its bytes have been dealt with. */
  #drop(range: Transmission): void {
    const { previous, next } = range;
    if (range.cut) this.#cuts--;
    this.#tree.remove(range);
    if (previous !== undefined) previous.next = next;
    else this.head = next;
    if (next !== undefined) next.previous = previous;
    else this.tail = previous;
    giveTransmission(range);
  }

  /** Lists anew, in the order of sending, what may yet arrive. Takes long, and happens seldom. */
  #sortByTime(): void {
    const ranges: Transmission[] = [];
    for (let range = this.head; range !== undefined; range = range.next) {
      this.#unlink(range);
      if (!range.sacked && (!range.lost || range.repeated)) ranges.push(range);
    }
    ranges.sort((a, b) => a.sentAt - b.sentAt); // Stable: at one time in the order of numbers.
    for (const range of ranges) this.#link(range);
  }

  #link(range: Transmission): void {
    range.timed = true;
    range.earlier = this.#newest;
    range.later = undefined;
    if (this.#newest === undefined) this.oldest = range;
    else this.#newest.later = range;
    this.#newest = range;
  }

  #unlink(range: Transmission): void {
    if (!range.timed) return;
    const { earlier, later } = range;
    if (earlier !== undefined) earlier.later = later;
    else this.oldest = later;
    if (later !== undefined) later.earlier = earlier;
    else this.#newest = earlier;
    range.timed = false;
    range.earlier = range.later = undefined;
  }
}
