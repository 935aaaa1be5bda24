import type { BufferPool } from "./buffer_pool.ts";

/**
 * A queue of bytes in a circular buffer whose size is a power of two and grows as needed.
 *
 * ```text
 *          start            start + length
 *            |                    |
 *   [........#####################......ooo....]
 *             queued                    placed ahead
 * ```
 *
 * Bytes are numbered from the start of the queue. Those placed ahead of the end (out-of-order
 * data) lie where they belong and become part of the queue by {@link ByteRing.extend}.
 */
export class ByteRing {
  /** Bytes queued. */
  length = 0;
  #buffer: Uint8Array;
  #start = 0;
  readonly #pool: BufferPool;

  /**
   * @param pool Where buffers come from and go back to.
   * @param size First size in bytes; the ring grows past it.
   */
  constructor(pool: BufferPool, size: number) {
    this.#pool = pool;
    this.#buffer = pool.take(size);
  }

  /** Bytes of memory held. */
  get capacity(): number {
    return this.#buffer.length;
  }

  /**
   * Puts bytes into the ring at a position, whether or not the queue reaches there.
   *
   * @param at Position from the start of the queue.
   * @param source Where the bytes come from.
   * @param offset Index of the first.
   * @param count How many.
   */
  place(at: number, source: Uint8Array, offset: number, count: number): void {
    if (at + count > this.#buffer.length) this.#grow(at + count);
    const buffer = this.#buffer;
    const from = (this.#start + at) & (buffer.length - 1);
    const first = Math.min(count, buffer.length - from);
    copy(source, offset, buffer, from, first);
    if (first < count) copy(source, offset + first, buffer, 0, count - first);
  }

  /** Puts bytes at the end of the queue. */
  append(source: Uint8Array, offset: number, count: number): void {
    this.place(this.length, source, offset, count);
    this.length += count;
  }

  /** Makes `count` bytes that were placed behind the end part of the queue. */
  extend(count: number): void {
    this.length += count;
  }

  /**
   * Copies bytes out; they stay queued.
   *
   * @param at Position from the start of the queue; `at + count <= length`.
   * @param target Where they go.
   * @param offset Index of the first.
   * @param count How many.
   */
  peek(at: number, target: Uint8Array, offset: number, count: number): void {
    const buffer = this.#buffer;
    const from = (this.#start + at) & (buffer.length - 1);
    const first = Math.min(count, buffer.length - from);
    copy(buffer, from, target, offset, first);
    if (first < count) copy(buffer, 0, target, offset + first, count - first);
  }

  /** The memory in which {@link ByteRing.locate} finds bytes, until the next that are placed. */
  get memory(): Uint8Array {
    return this.#buffer;
  }

  /**
   * Finds bytes that are to be read where they lie.
   *
   * @param at Position from the start of the queue; `at + count <= length`.
   * @param count How many.
   * @returns Index of the first in {@link ByteRing.memory}; -1 if they are not in one piece.
   */
  locate(at: number, count: number): number {
    const { length } = this.#buffer;
    const from = (this.#start + at) & (length - 1);
    return from + count <= length ? from : -1;
  }

  /** Removes `count` bytes, at most `length`, from the start. */
  drop(count: number): void {
    this.#start = (this.#start + count) & (this.#buffer.length - 1);
    this.length -= count;
  }

  /** Gives back the memory that the queue does not need; what was placed ahead is lost. */
  fit(): void {
    const old = this.#buffer;
    const smaller = this.#pool.take(this.length);
    this.peek(0, smaller, 0, this.length);
    this.#buffer = smaller;
    this.#start = 0;
    this.#pool.give(old);
  }

  /** Gives the memory back; the ring must not be used again. */
  release(): void {
    this.#pool.give(this.#buffer);
    this.length = 0;
  }

  #grow(size: number): void {
    const old = this.#buffer;
    const larger = this.#pool.take(size);
    // Everything moves, what was placed ahead included: position 0 comes to index 0.
    larger.set(old.subarray(this.#start), 0);
    larger.set(old.subarray(0, this.#start), old.length - this.#start);
    this.#buffer = larger;
    this.#start = 0;
    this.#pool.give(old);
  }
}

/** Below this many bytes a loop is faster than making a view for `set`. */
const COPY_LOOP = 48;

/** Copies `count` bytes between buffers. */
export function copy(
  source: Uint8Array,
  offset: number,
  target: Uint8Array,
  at: number,
  count: number,
): void {
  if (count <= COPY_LOOP) {
    for (let i = 0; i < count; i++) target[at + i] = source[offset + i]!;
  } else {
    target.set(source.subarray(offset, offset + count), at);
  }
}
