/** What can be put into a {@link TimerWheel}: the links of its list live in the object itself. */
export interface Timed {
  /** When it is due; set by the wheel. */
  wheelTime: number;
  /** Which slot it lies in; -1 for none. */
  wheelSlot: number;
  /** Neighbors in the slot. */
  wheelNext: Timed | undefined;
  /** Neighbors in the slot. */
  wheelPrevious: Timed | undefined;
}

const BITS = 8;
const SLOTS = 1 << BITS;
const LEVELS = 4;
/** Times further away than the highest level reaches lie in its last place and are looked at then. */
const FAR = SLOTS * LEVELS;
/** Where those lie whose time has come until they are called, so that a callback may cancel them. */
const DUE = FAR + 1;

/**
 * A hierarchical timing wheel (Varghese and Lauck, 1987): arming, moving and cancelling cost O(1)
 * whatever the number of timers.
 *
 * ```text
 *   level 0: 256 slots of 1 ms      what is due within this block of 256 ms
 *   level 1: 256 slots of 256 ms    ... within this block of 65 s
 *   level 2: 256 slots of 65 s      ... within this block of 4.6 h
 *   level 3: 256 slots of 4.6 h     ... within this block of 49 days; beyond: one list
 * ```
 *
 * When the clock enters a slot of a higher level, its timers are put in again and come to lie
 * lower. Times are exact, not rounded to slots: a slot says only where to look.
 *
 * A timer that is moved to a later time stays where it is, and is moved when its old time comes:
 * a retransmission timer, restarted with each acknowledgment, costs one comparison.
 */
export class TimerWheel<T extends Timed> {
  /** Timers armed. */
  size = 0;
  readonly #heads: (T | undefined)[] = new Array(DUE + 1).fill(undefined);
  #tick: number;
  #next = Infinity;

  /** @param now Time at the start in milliseconds. */
  constructor(now: number) {
    this.#tick = Math.floor(now);
  }

  /**
   * No timer is due before this time; `Infinity` if there is none. It may be earlier than the
   * first timer's time (where that one was cancelled or moved), never later.
   */
  get next(): number {
    return this.#next;
  }

  /**
   * Arms a timer, or moves it.
   *
   * @param timer The timer.
   * @param time When it shall be due, in milliseconds.
   */
  arm(timer: T, time: number): void {
    if (timer.wheelSlot >= 0) {
      if (timer.wheelTime <= time) return; // Looked at when its old time comes.
      this.#unlink(timer);
    } else this.size++;
    this.#put(timer, time, this.#slotOf(time));
    if (time < this.#next) this.#next = time;
  }

  /** Takes a timer out; harmless if it is not in. */
  cancel(timer: T): void {
    if (timer.wheelSlot < 0) return;
    this.#unlink(timer);
    this.size--;
    if (this.size === 0) this.#next = Infinity;
  }

  /**
   * Moves the clock.
   *
   * @param now The time, not before an earlier one.
   * @param due Called for each timer whose time has come; it is out of the wheel by then, and the
   *   callback may arm it or any other.
   */
  advance(now: number, due: (timer: T) => void): void {
    if (now < this.#next) return;
    let list = this.#collect(Math.max(this.#tick, Math.floor(now)));
    while (list !== undefined) {
      const timer = list;
      list = timer.wheelNext as T | undefined;
      const time = timer.wheelTime;
      this.#put(timer, time, time <= now ? DUE : this.#slotOf(time));
    }
    this.#next = this.#earliest();
    for (let timer = this.#heads[DUE]; timer !== undefined; timer = this.#heads[DUE]) {
      this.cancel(timer);
      due(timer);
    }
  }

  /** Takes all timers out of the slots that the clock reaches, and sets the clock. */
  #collect(tick: number): T | undefined {
    const old = this.#tick;
    this.#tick = tick;
    let list: T | undefined;
    for (let level = 0; level < LEVELS; level++) {
      const shift = BITS * level;
      const from = Math.floor(old / 2 ** shift);
      const to = Math.floor(tick / 2 ** shift);
      const sameBlock = Math.floor(from / SLOTS) === Math.floor(to / SLOTS);
      // On level 0 the current slot holds what is due within this very millisecond.
      const first = (from % SLOTS) + (level === 0 ? 0 : 1);
      const last = sameBlock ? to % SLOTS : SLOTS - 1;
      for (let i = first; i <= last; i++) list = this.#takeAll(level * SLOTS + i, list);
      if (sameBlock) return list;
    }
    return this.#takeAll(FAR, list);
  }

  #takeAll(slot: number, list: T | undefined): T | undefined {
    let timer = this.#heads[slot];
    this.#heads[slot] = undefined;
    while (timer !== undefined) {
      const next = timer.wheelNext as T | undefined;
      timer.wheelSlot = -1;
      timer.wheelPrevious = undefined;
      timer.wheelNext = list;
      list = timer;
      timer = next;
    }
    return list;
  }

  #put(timer: T, time: number, slot: number): void {
    timer.wheelTime = time;
    timer.wheelSlot = slot;
    timer.wheelPrevious = undefined;
    const head = this.#heads[slot];
    timer.wheelNext = head;
    if (head !== undefined) head.wheelPrevious = timer;
    this.#heads[slot] = timer;
  }

  #slotOf(time: number): number {
    const tick = Math.max(Math.floor(time), this.#tick);
    for (let level = 0; level < LEVELS; level++) {
      const block = 2 ** (BITS * (level + 1));
      if (Math.floor(tick / block) === Math.floor(this.#tick / block)) {
        return level * SLOTS + Math.floor(tick / 2 ** (BITS * level)) % SLOTS;
      }
    }
    return FAR;
  }

  #unlink(timer: T): void {
    const { wheelPrevious: previous, wheelNext: next } = timer;
    if (previous !== undefined) previous.wheelNext = next;
    else this.#heads[timer.wheelSlot] = next as T | undefined;
    if (next !== undefined) next.wheelPrevious = previous;
    timer.wheelNext = undefined;
    timer.wheelPrevious = undefined;
    timer.wheelSlot = -1;
  }

  /** The earliest time of the first slot that is not empty; slots are in the order of time. */
  #earliest(): number {
    for (let level = 0; level < LEVELS; level++) {
      const current = Math.floor(this.#tick / 2 ** (BITS * level)) % SLOTS;
      for (let i = current; i < SLOTS; i++) {
        const head = this.#heads[level * SLOTS + i];
        if (head !== undefined) return earliestOf(head);
      }
    }
    const far = this.#heads[FAR];
    return far === undefined ? Infinity : earliestOf(far);
  }
}

function earliestOf(head: Timed): number {
  let earliest = Infinity;
  for (let timer: Timed | undefined = head; timer !== undefined; timer = timer.wheelNext) {
    if (timer.wheelTime < earliest) earliest = timer.wheelTime;
  }
  return earliest;
}
