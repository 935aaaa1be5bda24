import { seqDiff, seqGeq, seqLeq, seqLt } from "./sequence.ts";

/** Bytes that the ranges span for each one more than the limit: a third of a segment. */
const SPAN_PER_RANGE = 512;

/**
 * Which ranges of sequence numbers have arrived ahead of RCV.NXT. The bytes themselves lie in the
 * receive buffer at their place; this is the map of it: disjoint ranges, sorted, never touching,
 * of a bounded number.
 *
 * ```text
 *   RCV.NXT        start   end      start  end
 *      |.............|######|.........|#####|
 * ```
 *
 * A range is found by binary search, so the work per segment grows with the logarithm of the
 * ranges, and moving a few hundred integers is one memmove.
 */
export class Reassembly {
  /** Number of ranges. */
  count = 0;
  /** Bytes in all ranges. */
  bytes = 0;
  /** Since when something has lain ahead, in milliseconds. */
  readonly since: number;
  readonly #limit: number;
  #starts = new Int32Array(8);
  #ends = new Int32Array(8);

  /**
   * @param limit Ranges that there may be however little they span. A path that loses every second
   *   segment of a wide window leaves more of them: those are as many as bytes of buffer pay for.
   * @param now Time in milliseconds.
   */
  constructor(limit: number, now: number) {
    this.#limit = limit;
    this.since = now;
  }

  /**
   * Adds a range, joining it with those that it overlaps or touches.
   *
   * @param start First sequence number.
   * @param end Sequence number after the last.
   * @returns `false` if it would be one range too many and was not added.
   */
  add(start: number, end: number): boolean {
    // [from, to): the ranges that overlap or touch the new one.
    const from = this.#firstEndingAtOrAfter(start);
    let to = from;
    while (to < this.count && seqLeq(this.#starts[to]!, end)) to++;
    if (from === to) {
      if (this.count >= this.#limit + Math.floor(this.#spanWith(start, end) / SPAN_PER_RANGE)) {
        return false;
      }
      this.#insert(from, start, end);
      return true;
    }
    for (let i = from; i < to; i++) this.bytes -= this.#length(i);
    if (seqLt(start, this.#starts[from]!)) this.#starts[from] = start;
    const last = this.#ends[to - 1]!;
    this.#ends[from] = seqLt(last, end) ? end : last;
    this.bytes += this.#length(from);
    if (to > from + 1) {
      this.#starts.copyWithin(from + 1, to, this.count);
      this.#ends.copyWithin(from + 1, to, this.count);
      this.count -= to - from - 1;
    }
    return true;
  }

  /**
   * Takes off all that is now in order.
   *
   * @param next RCV.NXT.
   * @returns RCV.NXT after the ranges that begin at or before it: `next` itself if none does.
   */
  advance(next: number): number {
    let done = 0;
    while (done < this.count && seqLeq(this.#starts[done]!, next)) {
      if (seqLt(next, this.#ends[done]!)) next = this.#ends[done]!;
      this.bytes -= this.#length(done);
      done++;
    }
    if (done > 0) {
      this.#starts.copyWithin(0, done, this.count);
      this.#ends.copyWithin(0, done, this.count);
      this.count -= done;
    }
    return next;
  }

  /** Index of the range that holds a sequence number; -1 if none does. */
  find(seq: number): number {
    const index = this.#firstEndingAtOrAfter((seq + 1) | 0);
    return index < this.count && seqLeq(this.#starts[index]!, seq) ? index : -1;
  }

  /** First sequence number of range `index`, counted from the lowest. */
  start(index: number): number {
    return this.#starts[index]!;
  }

  /** Sequence number after the last one of range `index`. */
  end(index: number): number {
    return this.#ends[index]!;
  }

  #length(index: number): number {
    return seqDiff(this.#ends[index]!, this.#starts[index]!);
  }

  /** Bytes from the lowest to the highest number, one range more included. */
  #spanWith(start: number, end: number): number {
    const last = this.count - 1;
    if (last < 0) return seqDiff(end, start);
    const lowest = seqLt(start, this.#starts[0]!) ? start : this.#starts[0]!;
    const highest = seqLt(this.#ends[last]!, end) ? end : this.#ends[last]!;
    return seqDiff(highest, lowest);
  }

  #firstEndingAtOrAfter(seq: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (seqGeq(this.#ends[middle]!, seq)) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #insert(at: number, start: number, end: number): void {
    if (this.count === this.#starts.length) {
      this.#starts = grown(this.#starts);
      this.#ends = grown(this.#ends);
    }
    this.#starts.copyWithin(at + 1, at, this.count);
    this.#ends.copyWithin(at + 1, at, this.count);
    this.#starts[at] = start;
    this.#ends[at] = end;
    this.bytes += this.#length(at);
    this.count++;
  }
}

function grown(old: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(old.length * 2);
  larger.set(old);
  return larger;
}
