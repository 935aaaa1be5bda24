const SMALLEST_BITS = 11;
/** The smallest buffer that is made, in bytes. */
export const SMALLEST_BUFFER = 1 << SMALLEST_BITS;
/** Buffers above this size are made for one connection and not kept. */
const LARGEST_BITS = 18;
/** Bytes kept at most, so that a burst of connections does not pin memory. */
const KEPT_BYTES = 16 << 20;
/** Part of the limit from which on memory is scarce. */
const SCARCE = 3 / 4;
/** Part of the limit up to which it is plentiful. */
const PLENTIFUL = 1 / 2;

/**
 * Buffers of powers of two, lent to connections while they have data under way, so that an idle
 * connection holds none and a busy one does not allocate; and the account of what is lent.
 *
 * The limit is not one on connections: each may have a smallest buffer whatever the others hold,
 * so that all go on, slowly, when memory is used up.
 */
export class BufferPool {
  /** Bytes lent to connections now. */
  lent = 0;
  /** Buffers that are lent. */
  buffers = 0;
  readonly #limit: number;
  /** Bytes kept now. */
  #kept = 0;
  readonly #free: Uint8Array[][] = Array.from({ length: LARGEST_BITS + 1 }, () => []);

  /** @param limit Bytes that may be lent, but for smallest buffers. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** So little is lent that nobody needs to be sparing. */
  get plentiful(): boolean {
    return this.lent <= this.#limit * PLENTIFUL;
  }

  /** So much is lent that windows have to shrink. */
  get scarce(): boolean {
    return this.lent > this.#limit * SCARCE;
  }

  /**
   * Size of the largest buffer that may be lent.
   *
   * @param instead Bytes of the buffer that is given back for it; 0 for none.
   */
  largest(instead: number): number {
    const left = this.#limit - this.lent + instead;
    return left <= SMALLEST_BUFFER ? SMALLEST_BUFFER : 2 ** Math.floor(Math.log2(left));
  }

  /**
   * A buffer of at least `size` bytes; its content is whatever was there.
   *
   * @param size Bytes wanted, above 0.
   */
  take(size: number): Uint8Array {
    const bits = Math.max(SMALLEST_BITS, 32 - Math.clz32(size - 1));
    const length = 2 ** bits;
    this.lent += length;
    this.buffers++;
    const kept = this.#free[bits]?.pop();
    if (kept === undefined) return new Uint8Array(length);
    this.#kept -= length;
    return kept;
  }

  /** Takes a buffer back; the caller must not touch it again. */
  give(buffer: Uint8Array): void {
    this.lent -= buffer.length;
    this.buffers--;
    const free = this.#free[31 - Math.clz32(buffer.length)];
    if (free === undefined || this.#kept + buffer.length > KEPT_BYTES) return;
    this.#kept += buffer.length;
    free.push(buffer);
  }
}
