/** Bounds how often something happens: a burst at once, and a steady rate in the long run. */
export class TokenBucket {
  readonly #burst: number;
  readonly #perMs: number;
  #tokens: number;
  #filledAt = 0;

  /**
   * @param burst How often it may happen at once.
   * @param perSecond How often it may happen in a second, in the long run.
   */
  constructor(burst: number, perSecond: number) {
    this.#burst = burst;
    this.#perMs = perSecond / 1000;
    this.#tokens = burst;
  }

  /** Whether it may happen now; if so, it counts. */
  take(now: number): boolean {
    const earned = Math.max(0, now - this.#filledAt) * this.#perMs;
    this.#tokens = Math.min(this.#burst, this.#tokens + earned);
    this.#filledAt = now;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
