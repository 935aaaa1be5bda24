/**
 * How many bytes may be under way from one thread to another: a queue of messages has no bound of
 * its own. The sender takes, the receiver gives back.
 */
export class Allowance {
  /** What the other thread makes its own of. */
  readonly memory: SharedArrayBuffer;
  readonly #used: Int32Array;
  readonly #most: number;

  /**
   * @param most Most bytes under way, the last message not counted.
   * @param memory That of the other thread; `undefined` in the thread that begins.
   */
  constructor(most: number, memory: SharedArrayBuffer = new SharedArrayBuffer(4)) {
    this.memory = memory;
    this.#used = new Int32Array(memory);
    this.#most = most;
  }

  /** Whether a message of so many bytes may be sent; then it counts as sent. */
  take(bytes: number): boolean {
    if (Atomics.load(this.#used, 0) >= this.#most) return false;
    Atomics.add(this.#used, 0, bytes);
    return true;
  }

  /** A message of so many bytes has been received. */
  give(bytes: number): void {
    Atomics.sub(this.#used, 0, bytes);
  }
}
