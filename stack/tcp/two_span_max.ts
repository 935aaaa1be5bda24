/**
 * The largest value of late: of the present span and the one before. What a span is, rounds or
 * cycles, is for the owner to say.
 */
export class TwoSpanMax {
  #previous = 0;
  #present = 0;

  /** The largest value; 0 if there was none. */
  get value(): number {
    return Math.max(this.#previous, this.#present);
  }

  /** Takes a value into the present span. */
  add(value: number): void {
    if (value > this.#present) this.#present = value;
  }

  /** Begins a new span, unless the present one is empty: then nothing would be left. */
  advance(): void {
    if (this.#present === 0) return;
    this.#previous = this.#present;
    this.#present = 0;
  }
}
