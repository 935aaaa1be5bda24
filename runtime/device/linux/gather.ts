const ENTRY_SIZE = 16;
const TWO_TO_32 = 0x100000000;

/** Pieces that are sent as one: what a device puts before a frame, its headers, its payload. */
const ENTRIES = 3;

/**
 * Entries of `struct iovec`, for `writev`: pieces of buffers that are sent as one, each given by
 * address and length.
 *
 * An address is below 2^53, so a plain number holds it; that of a buffer is asked for once, since
 * it does not move.
 */
export class Gather {
  /** The structure, as `writev` takes it. */
  readonly bytes: Uint8Array<ArrayBuffer> = new Uint8Array(new ArrayBuffer(ENTRIES * ENTRY_SIZE));
  readonly #words = new Uint32Array(this.bytes.buffer);
  readonly #addresses = new WeakMap<ArrayBufferLike, number>();

  /**
   * Sets one entry.
   *
   * @param index Which one: 0 to 2.
   * @param bytes The buffer; the caller has made sure that the piece lies within it.
   * @param offset Index of the piece's first byte.
   * @param length Length of the piece in bytes.
   */
  set(index: number, bytes: Uint8Array, offset: number, length: number): void {
    const address = this.#addressOf(bytes.buffer) + bytes.byteOffset + offset;
    const words = this.#words;
    const at = index * (ENTRY_SIZE / 4);
    words[at] = address % TWO_TO_32;
    words[at + 1] = address / TWO_TO_32;
    words[at + 2] = length;
    words[at + 3] = 0;
  }

  #addressOf(buffer: ArrayBufferLike): number {
    let address = this.#addresses.get(buffer);
    if (address === undefined) {
      const pointer = Deno.UnsafePointer.of(new Uint8Array(buffer));
      address = Number(Deno.UnsafePointer.value(pointer));
      this.#addresses.set(buffer, address);
    }
    return address;
  }
}
