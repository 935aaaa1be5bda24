import { type BufferPool, SMALLEST_BUFFER } from "./buffer_pool.ts";
import type { ByteRing } from "./byte_ring.ts";

/**
 * While memory is not plentiful, a ring grows for what lies ahead to so many times the bytes that it
 * holds: a byte at the far edge of the window pays for no more.
 */
const AHEAD = 8;

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

/**
 * Whether out-of-order bytes may be kept.
 *
 * @param pool Where the ring's memory comes from.
 * @param ring The ring; `undefined` while there is none.
 * @param stored Bytes that it holds, in order and ahead.
 * @param at Position in it from which on bytes are to be put.
 * @param count How many, above 0.
 */
export function hasRoomAhead(
  pool: BufferPool,
  ring: ByteRing | undefined,
  stored: number,
  at: number,
  count: number,
): boolean {
  if (roomFor(pool, ring, at, count) < count) return false;
  const end = at + count;
  const capacity = ring === undefined ? SMALLEST_BUFFER : ring.capacity;
  return end <= capacity || pool.plentiful || end <= AHEAD * (stored + count);
}

/**
 * Whether a ring is far larger than what it holds, beyond all that {@link hasRoomAhead} allows.
 *
 * @param ring The ring.
 * @param stored Bytes that it holds, in order and ahead.
 */
export function isSparse(ring: ByteRing, stored: number): boolean {
  return ring.capacity > Math.max(SMALLEST_BUFFER, 2 * AHEAD * stored);
}
