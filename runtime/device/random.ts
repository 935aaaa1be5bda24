/**
 * Makes a random number generator from a seed (sfc32 by Chris Doty-Humphrey): the same seed gives
 * the same numbers on every machine, so a run that failed can be run again.
 *
 * @param seed Any integer; its low 32 bits count.
 * @returns A function that gives uniform unsigned 32-bit integers.
 */
export function seededRandom(seed: number): () => number {
  let a = 0x9e3779b9, b = 0x243f6a88, c = seed | 0, counter = 1;
  const next = () => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  };
  for (let i = 0; i < 12; i++) next();
  return next;
}
