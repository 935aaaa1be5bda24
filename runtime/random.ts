/** Numbers taken from the system in one call. */
const batch = new Uint32Array(1024);
let used = batch.length;

/** A uniform unsigned 32-bit integer that nobody can guess. */
export function secureRandom(): number {
  if (used === batch.length) {
    crypto.getRandomValues(batch);
    used = 0;
  }
  return batch[used++]!;
}
