import { EINTR, errnoName } from "./errno.ts";
import { EFD_CLOEXEC, EFD_NONBLOCK, POLLERR, POLLHUP, POLLIN, POLLNVAL } from "./ioctl.ts";
import type { Libc } from "./libc.ts";
import { DeviceError } from "../error.ts";

// struct pollfd[2], then struct timespec:
//
//    0        4        6         8          12       14        16        24
//   +--------+--------+---------+----------+--------+---------+---------+---------+
//   | fd     | events | revents | eventfd  | events | revents | seconds | nanos   |
//   +--------+--------+---------+----------+--------+---------+---------+---------+
/** Size in bytes of the memory that a {@link Poll} works in. */
export const POLL_MEMORY = 32;
const REVENTS = 6;
const EVENT_FD = 8;
const EVENT_REVENTS = 14;
const SECONDS = 16;
const NANOSECONDS = 24;

const BROKEN = POLLERR | POLLHUP | POLLNVAL;

/** A poll is ended and begun anew at least this often, in milliseconds. */
const LONGEST_POLL = 1e9;

/**
 * What a {@link Poll} works with when it is another's: whoever outlives this thread, and can end
 * its poll when the thread has died in it.
 */
export interface PollMeans {
  /** An eventfd that does not block; whoever writes to it ends the wait that is pending. */
  readonly event: number;
  /** {@link POLL_MEMORY} bytes; the kernel writes into them until the last poll has ended. */
  readonly memory: SharedArrayBuffer;
}

/**
 * Makes an eventfd.
 *
 * @throws {DeviceError} When the system has no descriptor left.
 */
export function openEvent(libc: Libc): number {
  const event = libc.symbols.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (event >= 0) return event;
  throw new DeviceError("unavailable", `cannot make an eventfd: ${errnoName(libc.errno())}`);
}

/** Makes an eventfd readable. */
export function signalEvent(libc: Libc, event: number): void {
  libc.symbols.write(event, ONE, 8);
}

const ONE = new Uint8Array(new BigUint64Array([1n]).buffer);

/**
 * Waits for a descriptor to become readable, without blocking the event loop: `ppoll` on a thread
 * of Deno's pool, on the descriptor and on an eventfd that can cut it short.
 *
 * To be woken costs no system call: the promise is resolved at once and the thread is left in its
 * poll, which the next wait takes over. Only a wait with an earlier deadline than that poll's, and
 * `close`, cut it short.
 */
export class Poll {
  readonly #libc: Libc;
  readonly #event: number;
  readonly #isLent: boolean;
  readonly #memory: DataView;
  readonly #counter = new Uint8Array(new ArrayBuffer(8));
  /** The lower half of the counter, on a little-endian machine. */
  readonly #signals = new Uint32Array(this.#counter.buffer, 0, 1);
  readonly #descriptors: Deno.PointerValue;
  readonly #timespec: Deno.PointerValue;
  readonly #broken: () => DeviceError;

  /** The wait that is pending, and when it is over on the clock of `performance.now`. */
  #waiter: PromiseWithResolvers<void> | undefined;
  #waiterDeadline = 0;
  /** The poll that is pending, and when it ends by itself. */
  #polling: Promise<void> | undefined;
  #pollDeadline = 0;
  /** How often the pending poll was cut short from here. */
  #cuts = 0;
  #woken = false;
  #open = true;

  /**
   * @param libc The C library.
   * @param fd The descriptor to wait for.
   * @param broken Called when the descriptor's device is gone; gives the error of the wait.
   * @param lent What to work with, if it is another's to release.
   * @throws {DeviceError} When the system has no descriptor left.
   */
  constructor(libc: Libc, fd: number, broken: () => DeviceError, lent?: PollMeans) {
    this.#libc = libc;
    this.#broken = broken;
    this.#isLent = lent !== undefined;
    this.#event = lent?.event ?? openEvent(libc);
    this.#memory = new DataView(lent?.memory ?? new ArrayBuffer(POLL_MEMORY));
    this.#memory.setInt32(0, fd, true);
    this.#memory.setInt16(REVENTS - 2, POLLIN, true);
    this.#memory.setInt32(EVENT_FD, this.#event, true);
    this.#memory.setInt16(EVENT_REVENTS - 2, POLLIN, true);
    const bytes = new Uint8Array(this.#memory.buffer);
    this.#descriptors = Deno.UnsafePointer.of(bytes);
    this.#timespec = Deno.UnsafePointer.of(bytes.subarray(SECONDS));
  }

  /**
   * Waits until the descriptor is readable, {@link Poll.wake} or {@link Poll.close} is called, or
   * the time is up.
   *
   * @param timeout Longest wait in milliseconds.
   */
  wait(timeout: number): Promise<void> {
    if (this.#woken || !this.#open || !(timeout > 0)) {
      this.#woken = false;
      return Promise.resolve();
    }
    this.#waiter = Promise.withResolvers<void>();
    this.#waiterDeadline = performance.now() + timeout;
    if (this.#polling === undefined) this.#polling = this.#run();
    else if (this.#waiterDeadline < this.#pollDeadline) this.#cutShort();
    return this.#waiter.promise;
  }

  /** Ends the pending wait, or the next one at once. */
  wake(): void {
    if (this.#waiter === undefined) this.#woken = true;
    else this.#settle();
  }

  /** Ends the pending wait and releases everything; afterwards no thread is left in a poll. */
  async close(): Promise<void> {
    this.#open = false;
    this.#settle();
    if (this.#polling !== undefined) {
      this.#cutShort();
      await this.#polling;
    }
    if (!this.#isLent) this.#libc.symbols.close(this.#event);
  }

  /** Polls for as long as there is a wait that it may end. */
  async #run(): Promise<void> {
    const { ppoll } = this.#libc.symbols;
    while (this.#open && this.#waiter !== undefined) {
      const timeout = Math.max(0, this.#waiterDeadline - performance.now());
      this.#pollDeadline = this.#waiterDeadline;
      this.#setTimespec(Math.min(timeout, LONGEST_POLL));
      const ready = await ppoll(this.#descriptors, 2, this.#timespec, null);
      // What went wrong is known to the other thread only.
      if (ready < 0 && this.#pollFails()) this.#settle(this.#broken());
      if (ready > 0) this.#dispatch();
      if (performance.now() >= this.#waiterDeadline) this.#settle();
    }
    this.#polling = undefined;
  }

  #dispatch(): void {
    const { symbols } = this.#libc;
    if (this.#memory.getInt16(EVENT_REVENTS, true) !== 0) {
      symbols.read(this.#event, this.#counter, 8);
      if (this.#signals[0]! > this.#cuts) this.#settle(); // Another thread has signalled.
      this.#cuts = 0;
    }
    const events = this.#memory.getInt16(REVENTS, true);
    if ((events & BROKEN) !== 0) this.#settle(this.#broken());
    else if (events !== 0) this.#settle();
  }

  /** Whether a poll on this thread fails too, and not just because a signal came in between. */
  #pollFails(): boolean {
    this.#setTimespec(0);
    const ready = this.#libc.symbols.ppollNow(this.#descriptors, 2, this.#timespec, null);
    return ready < 0 && this.#libc.errno() !== EINTR;
  }

  #settle(error?: DeviceError): void {
    const waiter = this.#waiter;
    this.#waiter = undefined;
    if (error === undefined) waiter?.resolve();
    else waiter?.reject(error);
  }

  #cutShort(): void {
    this.#cuts++;
    signalEvent(this.#libc, this.#event);
  }

  #setTimespec(milliseconds: number): void {
    // Not a moment too early, so that a deadline has come when the wait for it ends.
    const microseconds = Math.ceil(milliseconds * 1000);
    this.#memory.setUint32(SECONDS, microseconds / 1e6, true);
    this.#memory.setUint32(NANOSECONDS, (microseconds % 1e6) * 1000, true);
  }
}
