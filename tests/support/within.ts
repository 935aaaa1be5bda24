import { AssertionError } from "@std/assert";

/** A process that waits for nothing else and is later than this was kept from running, in ms. */
const STALL = 15;
/** Runs in all, those included in which the machine stood still. */
const MOST_RUNS = 12;

/**
 * Asserts that something takes less than a limit, on a machine that has other things to do: what
 * is slow by itself is slow each time, what had to wait for a processor is not. Three times at most.
 * A run in which this very process was kept from running tells nothing, whatever came of it, and is
 * made again.
 *
 * @param limit In milliseconds.
 * @param measure Does it, asserts whatever must hold each time, and returns milliseconds.
 */
export async function assertWithin(limit: number, measure: () => Promise<number>): Promise<void> {
  const taken: number[] = [];
  for (let runs = 1; taken.length < 3; runs++) {
    const watch = new Watch();
    try {
      const time = await measure();
      if (time < limit) return;
      if (watch.stop() < STALL || runs >= MOST_RUNS) taken.push(time);
    } catch (error) {
      if (watch.stop() < STALL || runs >= MOST_RUNS) throw error;
    } finally {
      watch.stop();
    }
  }
  throw new AssertionError(`expected less than ${limit} ms, found ${taken.join(", ")}`);
}

/** Finds out for how long this process was kept from running at a stretch. */
class Watch {
  #last = performance.now();
  #longest = 0;
  readonly #timer = setInterval(() => {
    const now = performance.now();
    this.#longest = Math.max(this.#longest, now - this.#last - 5);
    this.#last = now;
  }, 5);

  /** The longest stretch so far in milliseconds; it looks no further. */
  stop(): number {
    clearInterval(this.#timer);
    return this.#longest;
  }
}
