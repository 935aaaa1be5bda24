/**
 * SipHash-2-4 (Aumasson and Bernstein, 2012) on 32-bit integers: a keyed hash that a stranger can
 * neither predict nor invert. The low 32 bits of the result are enough for what it serves here.
 *
 * @param key 128 bits as four 32-bit integers.
 * @param words The message as 32-bit integers, an even number of them.
 * @returns The low 32 bits of the hash, signed.
 */
export function sipHash(key: Int32Array, words: Int32Array): number {
  // v0..v3, each as [low, high].
  v[0] = key[0]! ^ 0x70736575;
  v[1] = key[1]! ^ 0x736f6d65;
  v[2] = key[2]! ^ 0x6e646f6d;
  v[3] = key[3]! ^ 0x646f7261;
  v[4] = key[0]! ^ 0x6e657261;
  v[5] = key[1]! ^ 0x6c796765;
  v[6] = key[2]! ^ 0x79746573;
  v[7] = key[3]! ^ 0x74656462;
  for (let i = 0; i < words.length; i += 2) compress(words[i]!, words[i + 1]!);
  compress(0, (words.length * 4) << 24); // the last block: only the length in bytes
  v[4] = v[4]! ^ 0xff;
  for (let i = 0; i < 4; i++) round();
  return v[0]! ^ v[2]! ^ v[4]! ^ v[6]!;
}

const v = new Int32Array(8);

function compress(low: number, high: number): void {
  v[6] = v[6]! ^ low;
  v[7] = v[7]! ^ high;
  round();
  round();
  v[0] = v[0]! ^ low;
  v[1] = v[1]! ^ high;
}

function round(): void {
  add(0, 2);
  rotateXor(2, 13, 0);
  swap(0);
  add(4, 6);
  rotateXor(6, 16, 4);
  add(0, 6);
  rotateXor(6, 21, 0);
  add(4, 2);
  rotateXor(2, 17, 4);
  swap(4);
}

/** v[a] += v[b], 64 bits. */
function add(a: number, b: number): void {
  const low = (v[a]! >>> 0) + (v[b]! >>> 0);
  v[a] = low;
  v[a + 1] = v[a + 1]! + v[b + 1]! + (low > 0xffffffff ? 1 : 0);
}

/** v[a] = rotl(v[a], bits) ^ v[b], 64 bits, 0 < bits < 32. */
function rotateXor(a: number, bits: number, b: number): void {
  const low = v[a]!;
  const high = v[a + 1]!;
  v[a] = (low << bits | high >>> (32 - bits)) ^ v[b]!;
  v[a + 1] = (high << bits | low >>> (32 - bits)) ^ v[b + 1]!;
}

/** v[a] = rotl(v[a], 32). */
function swap(a: number): void {
  const low = v[a]!;
  v[a] = v[a + 1]!;
  v[a + 1] = low;
}
