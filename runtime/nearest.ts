import { closestString } from "@std/text/closest-string";
import { levenshteinDistance } from "@std/text/levenshtein-distance";

/**
 * Finds what someone may have meant by a word that is none of those known.
 *
 * @param word What was written.
 * @param known What could have been written.
 * @returns The known word that is nearest, or `undefined` when none is near.
 */
export function nearest(word: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined;
  const best = closestString(word, known);
  const distance = levenshteinDistance(word.toLowerCase(), best.toLowerCase());
  return distance <= Math.max(1, Math.floor(Math.max(word.length, best.length) / 2))
    ? best
    : undefined;
}

/** `" (did you mean "echo"?)"` for the nearest known word, or nothing when none is near. */
export function suggestion(word: string, known: readonly string[]): string {
  const best = nearest(word, known);
  return best === undefined ? "" : ` (did you mean ${JSON.stringify(best)}?)`;
}
