/**
 * Buffers of a few sizes that are used again, because making one costs more than parsing a
 * request. An idle connection holds the smallest size only.
 */

/** The sizes, in bytes, each four times the one before. */
const SIZES = [512, 2_048, 8_192, 32_768, 131_072] as const;

/** Most bytes kept of each size; what is given back beyond that is left to the collector. */
const KEPT = 1_048_576;

/** The size that an idle connection holds, in bytes. */
export const SMALLEST = SIZES[0];

const free: Uint8Array<ArrayBuffer>[][] = SIZES.map(() => []);

/**
 * Takes a buffer of at least `length` bytes. What is in it is undefined.
 *
 * @param length 0 or more; above 131,072 a buffer of just that size is made.
 */
export function takeBuffer(length: number): Uint8Array<ArrayBuffer> {
  for (let i = 0; i < SIZES.length; i++) {
    if (length <= SIZES[i]!) return free[i]!.pop() ?? new Uint8Array(SIZES[i]!);
  }
  return new Uint8Array(length);
}

/** Gives back what {@link takeBuffer} gave. It must not be used any more. */
export function giveBuffer(buffer: Uint8Array<ArrayBuffer>): void {
  const i = SIZES.indexOf(buffer.length as typeof SIZES[number]);
  if (i !== -1 && free[i]!.length * buffer.length < KEPT) free[i]!.push(buffer);
}
