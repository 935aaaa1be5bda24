import type { Timers } from "./api.ts";

/**
 * Deadlines of many connections that move with every request and are hardly ever reached. Those
 * of one length in time stand in a queue, in the order in which they come due, which is the order
 * in which they were set; one timer, for the first, serves all of the queue. To set or clear one
 * costs a few assignments, for any number of connections.
 *
 *     timer -> first <-> second <-> ... <-> last set
 */
class Queue {
  first: Deadline | undefined = undefined;
  last: Deadline | undefined = undefined;

  readonly #timers: Timers;
  #timer: unknown = undefined;
  #armed = false;
  readonly #fire = () => {
    this.#armed = false;
    const now = this.#timers.now();
    while (this.first !== undefined && this.first.due <= now) this.first.reach();
    // One that was reached may have set another.
    if (this.first !== undefined) this.arm(this.first.due - now);
  };

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** Sets the timer, unless it is. It may then fire too early, and is set again. */
  arm(ms: number): void {
    if (this.#armed) return;
    this.#armed = true;
    this.#timer = this.#timers.set(this.#fire, Math.min(ms, LONGEST));
  }

  disarm(): void {
    if (!this.#armed) return;
    this.#armed = false;
    this.#timers.clear(this.#timer);
  }
}

/** Longest time that platform timers take, in milliseconds (2^31 - 1): beyond, they fire at once. */
const LONGEST = 2_147_483_647;

/** The queues over one source of time. */
class Group {
  readonly timers: Timers;
  /** Deadlines that are not closed: without any no timer is left to fire. */
  members = 0;
  readonly #queues = new Map<number, Queue>();

  constructor(timers: Timers) {
    this.timers = timers;
  }

  queue(ms: number): Queue {
    let queue = this.#queues.get(ms);
    if (queue === undefined) this.#queues.set(ms, queue = new Queue(this.timers));
    return queue;
  }

  disarm(): void {
    for (const queue of this.#queues.values()) queue.disarm();
  }
}

const groups = new WeakMap<Timers, Group>();

/** One deadline, which can be set again and again. */
export class Deadline {
  /** When it is reached, in the time of the timers. */
  due = Infinity;

  readonly #group: Group;
  readonly #reached: () => void;
  #queue: Queue | undefined = undefined;
  #before: Deadline | undefined = undefined;
  #after: Deadline | undefined = undefined;

  /** @param reached Called once each time that the deadline is reached. */
  constructor(timers: Timers, reached: () => void) {
    let group = groups.get(timers);
    if (group === undefined) groups.set(timers, group = new Group(timers));
    group.members++;
    this.#group = group;
    this.#reached = reached;
  }

  /** Puts the deadline `ms` milliseconds from now; `Infinity` for none. */
  set(ms: number): void {
    this.clear();
    if (ms === Infinity) return;
    const queue = this.#group.queue(ms);
    this.due = this.#group.timers.now() + ms;
    this.#queue = queue;
    this.#before = queue.last;
    if (queue.last === undefined) queue.first = this;
    else queue.last.#after = this;
    queue.last = this;
    queue.arm(ms);
  }

  /** Takes the deadline away. */
  clear(): void {
    const queue = this.#queue;
    if (queue === undefined) return;
    if (this.#before === undefined) queue.first = this.#after;
    else this.#before.#after = this.#after;
    if (this.#after === undefined) queue.last = this.#before;
    else this.#after.#before = this.#before;
    this.#queue = this.#before = this.#after = undefined;
  }

  /** It has been reached. */
  reach(): void {
    this.clear();
    this.#reached();
  }

  /** Takes it away for good. Once only. */
  close(): void {
    this.clear();
    if (--this.#group.members === 0) this.#group.disarm();
  }
}

/** The platform's timers. */
export const platformTimers: Timers = {
  now: () => performance.now(),
  set: (callback, ms) => setTimeout(callback, ms),
  clear: (handle) => clearTimeout(handle as number),
};
