import { MAX_SACK_BLOCKS } from "../wire/tcp.ts";
import type { Reassembly } from "./reassembly.ts";

/** Ranges that are remembered as the latest: as many as fit, and the one that has just arrived. */
const REMEMBERED = MAX_SACK_BLOCKS + 1;

/**
 * What we tell the peer of what has arrived ahead (RFC 2018 section 4): first the range that holds
 * the latest segment, then those reported before; and once, before all, what has come twice
 * (RFC 2883).
 */
export class SackReport {
  /** First sequence numbers of the blocks. */
  readonly starts: Int32Array = new Int32Array(REMEMBERED);
  /** Sequence numbers after the last of the blocks. */
  readonly ends: Int32Array = new Int32Array(REMEMBERED);
  /** A number in each of the latest ranges, the latest first. */
  readonly #latest = new Int32Array(REMEMBERED);
  #known = 0;
  #duplicate = false;
  #duplicateStart = 0;
  #duplicateEnd = 0;

  /** A segment has arrived ahead. */
  arrived(seq: number): void {
    this.#latest.copyWithin(1, 0, REMEMBERED - 1);
    this.#latest[0] = seq;
    if (this.#known < REMEMBERED) this.#known++;
  }

  /** A duplicate waits to be reported. */
  get hasDuplicate(): boolean {
    return this.#duplicate;
  }

  /** Bytes have come that we have had already. */
  cameTwice(start: number, end: number): void {
    this.#duplicate = true;
    this.#duplicateStart = start;
    this.#duplicateEnd = end;
  }

  /**
   * Fills `starts` and `ends` for the next acknowledgment.
   *
   * @param ahead What has arrived ahead, if anything.
   * @param limit Blocks that fit.
   * @returns Number of blocks.
   */
  collect(ahead: Reassembly | undefined, limit: number): number {
    let count = 0;
    if (this.#duplicate) {
      this.#duplicate = false;
      this.starts[0] = this.#duplicateStart;
      this.ends[0] = this.#duplicateEnd;
      count = 1;
    }
    if (ahead === undefined) {
      this.#known = 0;
      return count;
    }
    let known = 0;
    for (let i = 0; i < this.#known; i++) {
      const seq = this.#latest[i]!;
      const index = ahead.find(seq);
      if (index < 0 || this.#reported(ahead.start(index), known)) continue;
      this.#latest[known++] = ahead.start(index);
      if (count === limit) continue;
      this.starts[count] = ahead.start(index);
      this.ends[count++] = ahead.end(index);
    }
    this.#known = known;
    return count;
  }

  #reported(start: number, known: number): boolean {
    for (let i = 0; i < known; i++) if (this.#latest[i] === start) return true;
    return false;
  }
}
