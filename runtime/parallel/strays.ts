import type { Stray } from "./messages.ts";

/**
 * Which Worker is to look at a stray frame next: the one that chooses such ports, then the others
 * one after the other, and if there is none the one that had it last. The last one answers it if it
 * does not know it either.
 *
 * @param stray Who has been asked, and who is likely.
 * @param serving The Workers that serve now.
 * @param from Who had it last.
 */
export function nextToAsk(
  { asked, likely }: Pick<Stray, "asked" | "likely">,
  serving: readonly number[],
  from: number,
): { next: number; last: boolean } {
  const left = serving.filter((index) => !asked.includes(index));
  const next = left.includes(likely) ? likely : left[0] ?? from;
  return { next, last: left.length <= 1 };
}
