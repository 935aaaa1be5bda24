/** Longest delay that a timer takes, in milliseconds. */
const LONGEST_TIMER = 0x7fffffff;

/**
 * The waiting side of a device whose frames come from this process: one wait at a time, ended by a
 * frame, by a wake, or by the time. There is a timer only while a wait with a limit is pending.
 */
export class Waiter {
  #resolve: (() => void) | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #woken = false;

  /**
   * Waits.
   *
   * @param ready Whether there is nothing to wait for: then it ends at once.
   * @param timeout Longest wait in milliseconds; `Infinity` for no limit.
   */
  wait(ready: boolean, timeout: number): Promise<void> {
    if (ready || this.#woken || !(timeout > 0)) {
      this.#woken = false;
      return Promise.resolve();
    }
    if (timeout !== Infinity) {
      const delay = Math.min(Math.ceil(timeout), LONGEST_TIMER);
      this.#timer = setTimeout(() => this.notify(), delay);
    }
    return new Promise((resolve) => this.#resolve = resolve);
  }

  /** Ends the pending wait, if there is one. */
  notify(): void {
    if (this.#resolve === undefined) return;
    clearTimeout(this.#timer);
    const resolve = this.#resolve;
    this.#resolve = undefined;
    resolve();
  }

  /** Ends the pending wait, or the next one at once. */
  wake(): void {
    if (this.#resolve === undefined) this.#woken = true;
    else this.notify();
  }
}
