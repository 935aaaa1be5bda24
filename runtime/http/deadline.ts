import type { Timers } from "./api.ts";

/**
 * A deadline that moves often and is seldom reached: moving it later costs a comparison, because
 * the timer is left alone and, when it fires too early, set again for what remains.
 */
export class Deadline {
  readonly #timers: Timers;
  readonly #reached: () => void;
  /** When it is reached; `Infinity`: not at all. */
  #due = Infinity;
  /** When the timer fires; `Infinity`: it is not set. */
  #fires = Infinity;
  #handle: unknown = undefined;
  readonly #fire = () => {
    this.#fires = Infinity;
    if (this.#due === Infinity) return;
    const rest = this.#due - this.#timers.now();
    if (rest > 0) return this.#arm(rest);
    this.#due = Infinity;
    this.#reached();
  };

  /** @param reached Called once each time that the deadline is reached. */
  constructor(timers: Timers, reached: () => void) {
    this.#timers = timers;
    this.#reached = reached;
  }

  /** Puts the deadline `ms` milliseconds from now; `Infinity` for none. */
  set(ms: number): void {
    if (ms === Infinity) return this.clear();
    const due = this.#timers.now() + ms;
    this.#due = due;
    if (due < this.#fires) {
      this.#disarm();
      this.#arm(ms);
    }
  }

  /** Takes the deadline away. */
  clear(): void {
    this.#due = Infinity;
  }

  /** Takes it away for good, and the timer with it. */
  close(): void {
    this.#due = Infinity;
    this.#disarm();
  }

  #arm(ms: number): void {
    this.#fires = this.#timers.now() + ms;
    this.#handle = this.#timers.set(this.#fire, Math.min(ms, LONGEST));
  }

  #disarm(): void {
    if (this.#fires === Infinity) return;
    this.#fires = Infinity;
    this.#timers.clear(this.#handle);
  }
}

/** Longest time that platform timers take, in milliseconds (2^31 - 1): beyond, they fire at once. */
const LONGEST = 2_147_483_647;

/** The platform's timers. */
export const platformTimers: Timers = {
  now: () => performance.now(),
  set: (callback, ms) => setTimeout(callback, ms),
  clear: (handle) => clearTimeout(handle as number),
};
