import type { Timers } from "./api.ts";

/**
 * Deadlines of many connections that move with every request and are hardly ever reached. Those
 * of one length in time stand in a queue, in the order in which they were set, which is the order
 * in which they come due; one timer, which ticks eight times in that length, serves all of them.
 *
 *     tick 4      tick 4         tick 5          tick 5
 *     first  <->  second  <->    third    <->    last set
 *
 * To set or clear one costs a few assignments, for any number of connections, and not even a look
 * at the clock, which would cost more than all of the rest. For that a deadline is reached up to
 * an eighth of its length too late; never too early.
 */
class Queue {
  first: Deadline | undefined = undefined;
  last: Deadline | undefined = undefined;
  /** Ticks of the timer so far. */
  ticks = 0;
  /** The timer is set. */
  armed = false;

  readonly #timers: Timers;
  /** Time between two ticks in milliseconds. */
  readonly #period: number;
  #timer: unknown = undefined;
  /** The timer is about to be set. */
  #arming = false;
  readonly #tick = () => {
    this.armed = false;
    this.ticks++;
    while (this.first !== undefined && this.first.due <= this.ticks) this.first.reach();
    this.#set();
  };
  readonly #set = () => {
    this.#arming = false;
    if (this.first === undefined || this.armed) return;
    this.armed = true;
    this.#timer = this.#timers.set(this.#tick, this.#period);
  };

  constructor(timers: Timers, ms: number) {
    this.#timers = timers;
    this.#period = Math.min(ms / TICKS, LONGEST);
  }

  /**
   * Sets the timer, unless it is set; but not for a deadline that is taken away in the same turn, as
   * that of a connection whose request came with it: a timer costs more than the deadline.
   */
  arm(): void {
    if (this.armed || this.#arming) return;
    this.#arming = true;
    queueMicrotask(this.#set);
  }

  disarm(): void {
    if (!this.armed) return;
    this.armed = false;
    this.#timers.clear(this.#timer);
  }
}

/** Ticks in the length of a deadline. */
const TICKS = 8;
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
    if (queue === undefined) this.#queues.set(ms, queue = new Queue(this.timers, ms));
    return queue;
  }

  disarm(): void {
    for (const queue of this.#queues.values()) queue.disarm();
  }
}

const groups = new WeakMap<Timers, Group>();

/** One deadline, which can be set again and again. */
export abstract class Deadline {
  /** The tick of its queue at which it is reached. */
  due = 0;

  readonly #group: Group;
  #queue: Queue | undefined = undefined;
  #before: Deadline | undefined = undefined;
  #after: Deadline | undefined = undefined;

  /** @param timers Where time comes from. */
  constructor(timers: Timers) {
    let group = groups.get(timers);
    if (group === undefined) groups.set(timers, group = new Group(timers));
    group.members++;
    this.#group = group;
  }

  /** Called each time that the deadline is reached. */
  protected abstract expire(): void;

  /**
   * Puts the deadline `ms` milliseconds from now, or up to an eighth of that later; `Infinity` for
   * none.
   */
  set(ms: number): void {
    this.clear();
    if (ms === Infinity) return;
    const queue = this.#group.queue(ms);
    // A tick that is on its way may come at once, and so does not count.
    this.due = queue.ticks + TICKS + (queue.armed ? 1 : 0);
    this.#queue = queue;
    this.#before = queue.last;
    if (queue.last === undefined) queue.first = this;
    else queue.last.#after = this;
    queue.last = this;
    queue.arm();
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
    this.expire();
  }

  /** Takes it away for good. Once only. */
  close(): void {
    this.clear();
    if (--this.#group.members === 0) this.#group.disarm();
  }
}

/** A deadline that calls a function. */
export class Alarm extends Deadline {
  readonly #expired: () => void;

  /** @param expired Called each time that the deadline is reached. */
  constructor(timers: Timers, expired: () => void) {
    super(timers);
    this.#expired = expired;
  }

  protected override expire(): void {
    this.#expired();
  }
}

/** The platform's timers. */
export const platformTimers: Timers = {
  set: (callback, ms) => setTimeout(callback, ms),
  clear: (handle) => clearTimeout(handle as number),
};
