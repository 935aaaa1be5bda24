/** A life of this length is a good one, in milliseconds: what was before is forgotten. */
const GOOD_LIFE = 10_000;
/** The wait after the second short life, in milliseconds; doubled by each further one. */
const SHORTEST = 100;
/** The longest wait, in milliseconds. */
const LONGEST = 5_000;

/** How long to wait before what has died is started again: not at all the first time. */
export class Backoff {
  #begun = 0;
  #shortLives = 0;

  /** It is started. */
  begin(now: number): void {
    this.#begun = now;
  }

  /**
   * It has died.
   *
   * @param now Time in milliseconds.
   * @returns How long to wait, in milliseconds.
   */
  end(now: number): number {
    if (now - this.#begun >= GOOD_LIFE) this.#shortLives = 0;
    this.#shortLives++;
    if (this.#shortLives === 1) return 0;
    return Math.min(SHORTEST * 2 ** (this.#shortLives - 2), LONGEST);
  }
}
