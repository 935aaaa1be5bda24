// The Internet checksum (RFC 1071): the ones' complement of the ones' complement sum of all 16-bit
// words. A payload crosses it byte by byte when the link does not do the work, so it is summed in
// 32-bit words. RFC 1071 section 2(B): the sum comes out the same in either byte order but for a
// swap of its two bytes, so words are read as the machine holds them (little-endian, as every
// machine that Deno runs on) and the sum is swapped once.

/** Below this many bytes a plain loop is faster than finding a buffer's words. */
const SHORT = 96;

// Words of the two buffers summed last: typically the one frames arrive in and the one they leave
// from. Making a view anew costs as much as summing 500 bytes, a WeakMap more still.
let words = new Int32Array(0);
let wordsBefore = words;

function wordsOf(buffer: ArrayBufferLike): Int32Array {
  if (words.buffer !== buffer) {
    const found = wordsBefore.buffer === buffer
      ? wordsBefore
      : new Int32Array(buffer as ArrayBuffer, 0, buffer.byteLength >> 2);
    wordsBefore = words;
    words = found;
  }
  return words;
}

/**
 * Adds bytes to a running sum of 16-bit words in network byte order. Pieces may be summed one after
 * the other as long as every piece but the last has an even length.
 *
 * @param bytes The buffer.
 * @param offset Index of the first byte; any alignment.
 * @param length How many bytes: 0 to 65535. An odd last byte counts as the high half of a word.
 * @param initial Sum so far (of a pseudo-header, of the pieces before).
 * @returns The sum so far, at most `initial` + 0x200000; give it to {@link fold}.
 */
export function sum(bytes: Uint8Array, offset: number, length: number, initial: number): number {
  if (length >= SHORT) return initial + sumWords(bytes, offset, length);
  const end = offset + length;
  let at = offset;
  let total = initial;
  for (; at < end - 1; at += 2) total += bytes[at]! << 8 | bytes[at + 1]!;
  return at < end ? total + (bytes[at]! << 8) : total;
}

/**
 * Ends a checksum.
 *
 * @param sum A running sum, below 2^32.
 * @returns The complement of its 16-bit fold: what is written into a checksum field; 0 when a whole
 *   packet with a right checksum was summed.
 */
export function fold(sum: number): number {
  const once = (sum >>> 16) + (sum & 0xffff);
  return ~((once >>> 16) + once) & 0xffff;
}

/**
 * Folds a running sum to 16 bits without complementing it: what a checksum field holds of the
 * pseudo-header when the link completes it.
 *
 * @param sum A running sum, below 2^32.
 */
export function foldPartial(sum: number): number {
  return ~fold(sum) & 0xffff;
}

/** The sum of at least 4 bytes, folded to 16 bits. */
function sumWords(bytes: Uint8Array, offset: number, length: number): number {
  const view = wordsOf(bytes.buffer);
  const base = bytes.byteOffset;
  const end = offset + length;
  const odd = (base + offset) & 1;
  let at = offset;
  let total = 0;
  // Up to the first aligned word. From an odd address the words of the machine straddle those of
  // the network, which swaps the bytes a second time: the sum is then right as it stands.
  if (odd !== 0) total += bytes[at++]! << 8;
  if (((base + at) & 2) !== 0) {
    total += bytes[at]! | bytes[at + 1]! << 8;
    at += 2;
  }
  // Two sums of 16-bit halves: 16384 words of 64 KiB keep each below 2^30.
  let high = 0;
  let low = 0;
  let word = (base + at) >> 2;
  const last = (base + end) >> 2;
  for (; word < last - 3; word += 4) {
    const a = view[word]!, b = view[word + 1]!, c = view[word + 2]!, d = view[word + 3]!;
    high += (a >>> 16) + (b >>> 16) + (c >>> 16) + (d >>> 16);
    low += (a & 0xffff) + (b & 0xffff) + (c & 0xffff) + (d & 0xffff);
  }
  for (; word < last; word++) {
    const a = view[word]!;
    high += a >>> 16;
    low += a & 0xffff;
  }
  at = (last << 2) - base;
  for (; at < end - 1; at += 2) total += bytes[at]! | bytes[at + 1]! << 8;
  if (at < end) total += bytes[at]!;
  total += high + low;
  total = (total >>> 16) + (total & 0xffff);
  total = (total >>> 16) + (total & 0xffff);
  return odd !== 0 ? total : total >>> 8 | (total & 0xff) << 8;
}
