import { DeliveryRate } from "./delivery_rate.ts";
import { seqDiff, seqGeq, seqGt, seqLeq, seqLt } from "./sequence.ts";
import { giveTransmission, takeTransmission, type Transmission } from "./transmission.ts";

/** Ranges that a flight may fall into however small it is. */
const FREE_RANGES = 256;
/** Bytes in flight for each range more: smaller pieces are no segments, but a peer that wears us out. */
const BYTES_PER_RANGE = 256;

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
 * given up, by time of sending, which is what RACK walks (RFC 8985). An acknowledgment touches the
 * ranges that it is about and their neighbors, however many others there are.
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
  /** No range below this one waits to be sent again; `undefined`: none at all may. */
  #firstLost: Transmission | undefined = undefined;
  /** Where the last SACK block ended: the next is likely to be near. */
  #hint: Transmission | undefined = undefined;
  /** Number of ranges. */
  #count = 0;
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
    this.#count++;
    range.previous = tail;
    if (tail === undefined) this.head = range;
    else tail.next = range;
    this.tail = range;
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
   * Marks a range that the peer says it has. Where the flight has fallen into too many pieces
   * already, parts of one are not marked: its acknowledgment will come without that.
   *
   * @param start First sequence number, not below SND.UNA.
   * @param end Sequence number after the last, not beyond SND.NXT.
   * @param observer Told of what is new.
   * @returns Bytes that are new.
   */
  sack(start: number, end: number, observer: DeliveryObserver): number {
    let range = this.#find(start);
    const before = this.sackedBytes;
    while (range !== undefined && seqLt(range.start, end)) {
      const whole = seqGeq(range.start, start) && seqLeq(range.end, end);
      if (!range.sacked && (whole || this.#maySplit)) {
        if (seqLt(range.start, start)) range = this.#split(range, start);
        if (seqGt(range.end, end)) this.#split(range, end);
        observer.delivered(range);
        this.#markSacked(range);
        range = this.#joinSacked(range);
      }
      this.#hint = range;
      range = range.next;
    }
    return this.sackedBytes - before;
  }

  get #maySplit(): boolean {
    return this.#count < FREE_RANGES + this.bytes / BYTES_PER_RANGE;
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
    if (this.#firstLost === undefined || seqLt(range.start, this.#firstLost.start)) {
      this.#firstLost = range;
    }
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
    for (let range = this.head; range !== undefined; range = range.next) {
      if (!range.lost) continue;
      const length = seqDiff(range.end, range.start);
      this.lostBytes -= length;
      if (range.repeated) this.repeatedBytes -= length;
      range.lost = false;
      range.repeated = false;
    }
    this.#firstLost = undefined;
    this.#sortByTime();
  }

  /** The lowest range that is lost and has not been sent again; `undefined` if there is none. */
  get firstLost(): Transmission | undefined {
    let range = this.#firstLost;
    while (range !== undefined && (!range.lost || range.repeated || range.sacked)) {
      range = range.next;
    }
    this.#firstLost = range;
    return range;
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
    this.#firstLost = this.#hint = undefined;
    this.#count =
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

  /** The range that holds a sequence number, looked for from where the last one was found. */
  #find(seq: number): Transmission | undefined {
    let range = this.#hint ?? this.head;
    while (range !== undefined && seqGt(range.start, seq)) range = range.previous;
    if (range === undefined) range = this.head;
    while (range !== undefined && seqLeq(range.end, seq)) range = range.next;
    return range;
  }

  /** Cuts a range in two at `at`; returns the second. */
  #split(range: Transmission, at: number): Transmission {
    const rest = takeTransmission(at, range.end, range.sentAt);
    this.#count++;
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
    this.#count--;
    if (previous !== undefined) previous.next = next;
    else this.head = next;
    if (next !== undefined) next.previous = previous;
    else this.tail = previous;
    if (this.#firstLost === range) this.#firstLost = next;
    if (this.#hint === range) this.#hint = previous;
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
