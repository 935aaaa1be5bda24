import type { BufferPool } from "./buffer_pool.ts";
import type { ByteRing } from "./byte_ring.ts";

/**
 * How much of what is wanted the memory of the stack allows.
 *
 * @param pool Where the ring's memory comes from.
 * @param ring The ring; `undefined` while there is none.
 * @param at Position in it from which on bytes are to be put.
 * @param count How many, above 0.
 * @returns How many of them may be put there, 0 to `count`.
 */
export function roomFor(
  pool: BufferPool,
  ring: ByteRing | undefined,
  at: number,
  count: number,
): number {
  const capacity = ring === undefined ? 0 : ring.capacity;
  if (at + count <= capacity) return count;
  return Math.max(Math.min(count, Math.max(capacity, pool.largest(capacity)) - at), 0);
}
