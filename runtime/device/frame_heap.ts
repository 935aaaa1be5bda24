import { Frame } from "../../stack/wire/frame.ts";

const FIRST_SIZE = 64;
/** Smallest buffer of a held frame, as a power of two. */
const SMALLEST = 7;

/**
 * Copied frames that are held until they are due: a binary heap, earliest first, and first in
 * first out among those that are due together. Buffers are used again, so that nothing is
 * allocated per frame in the long run.
 */
export class FrameHeap {
  readonly #limit: number;
  // The heap: entry i has the children 2i + 1 and 2i + 2.
  #due = new Float64Array(FIRST_SIZE);
  #order = new Float64Array(FIRST_SIZE);
  #slot = new Int32Array(FIRST_SIZE);
  #size = 0;
  #pushed = 0;
  #bytes = 0;
  /** Frames with buffers of their own, in use or not. */
  readonly #frames: Frame[] = [];
  readonly #buffers: Uint8Array[] = [];
  /** Slots that are free, by the size of their buffer as a power of two. */
  readonly #free: number[][] = Array.from({ length: 18 }, () => []);
  /** The slot whose frame was taken last, and is still shown. */
  #shown = -1;

  /** @param limit Most bytes of frames to hold. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** How many frames are held. */
  get size(): number {
    return this.#size;
  }

  /** When the earliest frame is due; `Infinity` if none is held. */
  get nextDue(): number {
    return this.#size === 0 ? Infinity : this.#due[0]!;
  }

  /**
   * Holds a copy of a frame.
   *
   * @param frame The frame, at most 128 KiB long.
   * @param due When it is due.
   * @returns `false` if it would exceed the limit.
   */
  push(frame: Frame, due: number): boolean {
    const { bytes, offset, length } = frame;
    if (this.#bytes + length > this.#limit) return false;
    this.#bytes += length;
    const slot = this.#takeSlot(length);
    const buffer = this.#buffers[slot]!;
    buffer.set(bytes.subarray(offset, offset + length));
    const copy = this.#frames[slot]!;
    copy.set(buffer, 0, length);
    copy.copyOffload(frame);
    if (this.#size === this.#slot.length) this.#grow();
    this.#rise(this.#size++, due, this.#pushed++, slot);
    return true;
  }

  /**
   * Takes the earliest frame; there is one.
   *
   * @param frame Pointed at it; its bytes stay until the next one is taken.
   */
  pop(frame: Frame): void {
    this.#releaseShown();
    const slot = this.#slot[0]!;
    const held = this.#frames[slot]!;
    frame.set(held.bytes, 0, held.length);
    frame.copyOffload(held);
    this.#bytes -= held.length;
    this.#shown = slot;
    const last = --this.#size;
    this.#sink(this.#due[last]!, this.#order[last]!, this.#slot[last]!);
  }

  /** Forgets every frame, and gives the buffers back. */
  clear(): void {
    this.#size = this.#bytes = 0;
    this.#shown = -1;
    this.#frames.length = this.#buffers.length = 0;
    for (const free of this.#free) free.length = 0;
  }

  #takeSlot(length: number): number {
    const power = Math.max(SMALLEST, 32 - Math.clz32(length - 1));
    const free = this.#free[power]!.pop();
    if (free !== undefined) return free;
    this.#buffers.push(new Uint8Array(1 << power));
    return this.#frames.push(new Frame()) - 1;
  }

  #releaseShown(): void {
    if (this.#shown < 0) return;
    const power = 31 - Math.clz32(this.#buffers[this.#shown]!.length);
    this.#free[power]!.push(this.#shown);
    this.#shown = -1;
  }

  /** Puts an entry at a place or, as far as it is earlier than what is there, above it. */
  #rise(at: number, due: number, order: number, slot: number): void {
    while (at > 0) {
      const parent = (at - 1) >> 1;
      // It was pushed last: among those due together it stays last.
      if (this.#due[parent]! <= due) break;
      this.#move(parent, at);
      at = parent;
    }
    this.#set(at, due, order, slot);
  }

  /** Puts an entry at the top or, as far as it is later than what is there, below it. */
  #sink(due: number, order: number, slot: number): void {
    let at = 0;
    for (let child = 1; child < this.#size; child = 2 * at + 1) {
      if (
        child + 1 < this.#size && this.#isBefore(child + 1, this.#due[child]!, this.#order[child]!)
      ) {
        child++;
      }
      if (!this.#isBefore(child, due, order)) break;
      this.#move(child, at);
      at = child;
    }
    this.#set(at, due, order, slot);
  }

  #isBefore(at: number, due: number, order: number): boolean {
    const other = this.#due[at]!;
    return other < due || (other === due && this.#order[at]! < order);
  }

  #move(from: number, to: number): void {
    this.#set(to, this.#due[from]!, this.#order[from]!, this.#slot[from]!);
  }

  #set(at: number, due: number, order: number, slot: number): void {
    this.#due[at] = due;
    this.#order[at] = order;
    this.#slot[at] = slot;
  }

  #grow(): void {
    const size = 2 * this.#slot.length;
    const due = new Float64Array(size), order = new Float64Array(size), slot = new Int32Array(size);
    due.set(this.#due);
    order.set(this.#order);
    slot.set(this.#slot);
    [this.#due, this.#order, this.#slot] = [due, order, slot];
  }
}
