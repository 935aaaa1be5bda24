/**
 * Serial arithmetic on TCP sequence numbers (RFC 9293 section 3.4, RFC 1982). A sequence number is
 * held as a signed 32-bit integer, which the engine keeps unboxed; only its 32 bits count.
 * Comparisons hold for numbers less than 2^31 apart.
 *
 * @module
 */

/** The distance from `b` to `a`, from -2^31 to 2^31 - 1. */
export function seqDiff(a: number, b: number): number {
  return (a - b) | 0;
}

/** `seq` moved on by `count`, which may be negative. */
export function seqAdd(seq: number, count: number): number {
  return (seq + count) | 0;
}

/** `a` comes before `b`. */
export function seqLt(a: number, b: number): boolean {
  return ((a - b) | 0) < 0;
}

/** `a` comes before `b` or is `b`. */
export function seqLeq(a: number, b: number): boolean {
  return ((a - b) | 0) <= 0;
}

/** `a` comes after `b`. */
export function seqGt(a: number, b: number): boolean {
  return ((a - b) | 0) > 0;
}

/** `a` comes after `b` or is `b`. */
export function seqGeq(a: number, b: number): boolean {
  return ((a - b) | 0) >= 0;
}

/**
 * Whether any of a segment lies in a window: the four cases of RFC 9293 section 3.10.7.4, table 6.
 *
 * @param start Where it begins, counted from the window's left edge.
 * @param length Its length in sequence space, FIN included.
 * @param window Size of the window.
 */
export function isInWindow(start: number, length: number, window: number): boolean {
  if (window <= 0) return start === 0 && length === 0;
  if (start >= 0 && start < window) return true;
  const last = start + length - 1;
  return length > 0 && last >= 0 && last < window;
}
