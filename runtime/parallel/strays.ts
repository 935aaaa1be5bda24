/** As `asked`: nobody else is to look at it. */
export const ALL_ASKED = -1;

/**
 * Which Worker is to look at a stray frame next: the one that chooses such local ports, then the
 * others one after the other. Sets of Workers are bits, that of Worker 0 the lowest.
 *
 * @param asked Who has looked at it in vain.
 * @param serving Who serves now.
 * @param likely Whom to ask first.
 * @returns Its index; -1 if none is left.
 */
export function nextToAsk(asked: number, serving: number, likely: number): number {
  const left = serving & ~asked;
  if (likely >= 0 && (left >>> likely & 1) === 1) return likely;
  return left === 0 ? -1 : 31 - Math.clz32(left & -left);
}
