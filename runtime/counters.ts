import type { Counters } from "../stack/stack.ts";

/** Adds up the counters of several stacks, at least one, name by name. */
export function mergeCounters(all: readonly Counters[]): Counters {
  const layers = Object.keys(all[0]!) as (keyof Counters)[];
  const merged = layers.map((layer) => {
    const sums: Record<string, number> = {};
    for (const counters of all) {
      for (const [name, count] of Object.entries(counters[layer])) {
        sums[name] = (sums[name] ?? 0) + count;
      }
    }
    return [layer, sums];
  });
  return Object.fromEntries(merged) as Counters;
}
