import { nextTick } from "node:process";
import { setImmediate } from "node:timers";
import { Frame } from "../stack/wire/frame.ts";
import type { Device } from "./device/device.ts";

/** What a driver drives: the part of a `Stack` that it needs. */
export interface Driven {
  /** Takes one frame. */
  receive(frame: Frame, now: number): void;
  /** Sends what is due. */
  poll(now: number): void;
  /** When `poll` next has something to do; `Infinity` for never. */
  nextDeadline(): number;
}

/** How a driver is tuned. */
export interface DriverOptions {
  /**
   * How long, at most, to look for more frames before sleeping, in microseconds since the last one:
   * waking up takes 30 to 50, and more on a virtual machine. Whoever looks in vain looks half as
   * long the next time, and as long as he may again when a frame ends his sleep that he would have
   * met. 0, the default, is right where nothing can arrive without the event loop.
   */
  readonly busyPoll?: number;
  /** The clock: milliseconds, monotonic; `performance.now` by default. */
  readonly now?: () => number;
}

/** Most frames that are received before handlers run and replies leave. */
const BATCH = 64;

/** Bytes from which on handlers run: what they read at once is still in the processor's cache. */
const BATCH_BYTES = 32_768;

/** Bytes from which on replies leave, an acknowledgment among them. */
const REPLY_BYTES = 262_144;

/** Most frames that are received at a stretch after the process was kept from running. */
const BACKLOG = 1024;

/** Replies that are older than this, in milliseconds, wait for a look at what has come since. */
const STALE = 1;

/** Longest continuous work before the event loop has its turn, in milliseconds. */
const FAIRNESS = 1;

/** Looks for a frame in a row, each of which takes a tenth of what a turn of the event loop does. */
const LOOKS = 16;

/**
 * Runs one stack on one device:
 *
 * ```text
 *        +-> receive up to 64 frames -> handlers run -> poll -+-> work done: again
 *        |                                                    |   (each ms: event loop first)
 *        |                                                    |
 *        +---------------- turn of the event loop <-----------+-> nothing, for the first time
 *        |                                                    |   or within `busyPoll` or less
 *        +-------- sleep until frame, deadline or wake <------+-> nothing still
 * ```
 *
 * Handlers wake up during `receive` by promises; all of what they do at once is done before `poll`,
 * so that replies leave in the same batch as the acknowledgements and carry them.
 */
export class Driver {
  /** The clock: milliseconds, monotonic. */
  readonly now: () => number;
  readonly #device: Device;
  readonly #busyPoll: number;
  #stack: Driven | undefined;
  /** While asleep: until when. */
  #sleepsUntil: number | undefined;
  #flushing = false;
  #stopped = false;
  #failure: { error: unknown } | undefined;

  /** @param device Where frames come from; the stack transmits into it by itself. */
  constructor(device: Device, options: DriverOptions = {}) {
    this.#device = device;
    this.#busyPoll = (options.busyPoll ?? 0) / 1000;
    this.now = options.now ?? (() => performance.now());
  }

  /**
   * Tells that work was left for `poll` outside of the driver's own calls: the `wake` option of a
   * stack. What a handler leaves while the driver sleeps is sent when the handler pauses.
   */
  readonly wake = (): void => {
    if (this.#sleepsUntil === undefined || this.#flushing) return;
    this.#flushing = true;
    nextTick(this.#flush);
  };

  /**
   * Drives the stack until {@link Driver.stop}.
   *
   * @throws Whatever the device or the stack throws.
   */
  async run(stack: Driven): Promise<void> {
    this.#stack = stack;
    const device = this.#device;
    const now = this.now;
    const frame = new Frame();
    let hadTurn = now();
    let active = -Infinity;
    let seen = -Infinity;
    let patience = this.#busyPoll;
    let slept = true; // since the last frame
    let quiet = false;
    let looks = 0;
    while (!this.#stopped) {
      let time = now();
      // Where the system kept the process waiting, frames have waited as well: what answers a frame
      // or a timer now may have been settled by one that is here already, so all of them come first.
      const late = time - seen > STALE;
      let received = 0;
      let bytes = 0;
      do {
        const begun = time;
        const end = bytes + BATCH_BYTES;
        let batch = 0;
        while (batch < BATCH && bytes < end && device.receive(frame, begun)) {
          stack.receive(frame, begun);
          batch++;
          bytes += frame.length;
        }
        if (batch === 0) break;
        received += batch;
        await pause();
        time = now();
        if (bytes >= end && bytes < REPLY_BYTES) continue;
        if (time - begun <= STALE && !(late && (batch === BATCH || bytes >= end))) break;
      } while (received < BACKLOG);
      if (received > 0) {
        if (slept && time - active <= this.#busyPoll) patience = this.#busyPoll;
        active = time;
        slept = false;
      }
      seen = time;
      const due = stack.nextDeadline() <= time;
      if (due) stack.poll(time);
      if (received > 0 || due) {
        quiet = false;
        if (time - hadTurn < FAIRNESS) continue;
      } else if (quiet && time - active >= patience) {
        if (!slept) patience /= 2;
        slept = true;
        await this.#sleep(stack, time);
        hadTurn = now();
        quiet = false; // A sleep that ends without a cause is no turn of the event loop.
        continue;
      } else if (quiet && ++looks < LOOKS) {
        continue;
      } else {
        quiet = true;
        looks = 0;
      }
      await turn();
      hadTurn = now();
    }
    if (this.#failure) throw this.#failure.error;
  }

  /** Ends {@link Driver.run}. */
  stop(): void {
    this.#stopped = true;
    this.#device.wake();
  }

  async #sleep(stack: Driven, time: number): Promise<void> {
    const until = Math.min(stack.nextDeadline(), this.#device.nextDeadline());
    if (until <= time) return turn();
    this.#sleepsUntil = until;
    try {
      await this.#device.wait(until - time);
    } finally {
      this.#sleepsUntil = undefined;
    }
  }

  readonly #flush = (): void => {
    this.#flushing = false;
    const stack = this.#stack!;
    if (this.#stopped) return;
    try {
      const time = this.now();
      if (stack.nextDeadline() <= time) stack.poll(time);
      if (this.#sleepsUntil !== undefined && stack.nextDeadline() < this.#sleepsUntil) {
        this.#device.wake();
      }
    } catch (error) {
      this.#failure = { error };
      this.stop();
    }
  };
}

/** Lets everything run that waits only for promises, however deep: 0.3 µs. */
function pause(): Promise<void> {
  return new Promise((resolve) => nextTick(resolve));
}

/** Lets the event loop have its turn: timers, files, sockets: 1.5 µs when there is nothing. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
