/** Bounds of the delay increase that ends slow start, in milliseconds (RFC 9406 section 4.3). */
const MIN_THRESHOLD = 4;
const MAX_THRESHOLD = 16;
/** Measurements of a round that are enough to judge it. */
const SAMPLES = 8;
/** Rounds of conservative slow start. */
const CONSERVATIVE_ROUNDS = 5;
/** How much slower conservative slow start grows. */
const GROWTH_DIVISOR = 4;

/**
 * HyStart++ (RFC 9406): leaves slow start when round-trip times rise, before the queue overflows,
 * by way of a few rounds of slower growth in case the rise was an accident.
 *
 * A round ends when as many bytes were delivered as the window held when it began.
 */
export class HyStart {
  #lastMin = Infinity;
  #min = Infinity;
  #samples = 0;
  #left = 0;
  /** In conservative slow start: rounds that remain, and the smallest time before it. */
  #rounds = 0;
  #baseline = Infinity;

  /**
   * Data was delivered in slow start.
   *
   * @param bytes How many.
   * @param rtt The latest round-trip time in milliseconds.
   * @param cwnd Congestion window in bytes.
   * @returns How many bytes the window may grow by; 0: slow start is over.
   */
  grow(bytes: number, rtt: number, cwnd: number): number {
    this.#left -= bytes;
    if (this.#left <= 0) {
      if (this.#rounds > 0 && --this.#rounds === 0) return 0;
      this.#lastMin = this.#min;
      this.#min = Infinity;
      this.#samples = 0;
      this.#left = cwnd;
    }
    if (rtt > 0) {
      this.#min = Math.min(this.#min, rtt);
      this.#samples++;
    }
    if (this.#samples >= SAMPLES && this.#min !== Infinity) this.#judge();
    return this.#rounds > 0 ? bytes / GROWTH_DIVISOR : bytes;
  }

  /** Slow start begins anew. */
  reset(): void {
    this.#lastMin = this.#min = this.#baseline = Infinity;
    this.#samples = this.#left = this.#rounds = 0;
  }

  #judge(): void {
    if (this.#rounds > 0) {
      if (this.#min < this.#baseline) {
        this.#baseline = Infinity; // An accident: slow start goes on.
        this.#rounds = 0;
      }
      return;
    }
    if (this.#lastMin === Infinity) return;
    const threshold = Math.max(MIN_THRESHOLD, Math.min(this.#lastMin / 8, MAX_THRESHOLD));
    if (this.#min >= this.#lastMin + threshold) {
      this.#baseline = this.#min;
      this.#rounds = CONSERVATIVE_ROUNDS;
    }
  }
}
