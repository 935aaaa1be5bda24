/** The smallest buffer that is made, in bytes. */
const SMALLEST_BITS = 11;
/** Buffers above this size are made for one connection and not kept. */
const LARGEST_BITS = 18;
/** Bytes kept of each size at most, so that a burst of connections does not pin memory. */
const KEPT_BYTES = 1 << 20;

/**
 * Buffers of powers of two, lent to connections while they have data under way, so that an idle
 * connection holds none and a busy one does not allocate.
 */
export class BufferPool {
  readonly #free: Uint8Array[][] = Array.from({ length: LARGEST_BITS + 1 }, () => []);

  /**
   * A buffer of at least `size` bytes; its content is whatever was there.
   *
   * @param size Bytes wanted, above 0.
   */
  take(size: number): Uint8Array {
    const bits = Math.max(SMALLEST_BITS, 32 - Math.clz32(size - 1));
    return this.#free[bits]?.pop() ?? new Uint8Array(2 ** bits);
  }

  /** Gives a buffer back; the caller must not touch it again. */
  give(buffer: Uint8Array): void {
    const free = this.#free[31 - Math.clz32(buffer.length)];
    if (free !== undefined && free.length * buffer.length < KEPT_BYTES) free.push(buffer);
  }
}
