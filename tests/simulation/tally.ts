import { simulate } from "./simulate.ts";

/** What came of many seeds. */
export interface Tally {
  seeds: number;
  connections: number;
  /** Virtual milliseconds. */
  virtual: number;
  /** How many ends were told each reason. */
  reasons: Record<string, number>;
  /** The seeds that found something, and the first of what they found. */
  bad: { seed: number; faults: string[] }[];
}

/** Faults that are told of one seed. */
const MOST_FAULTS = 3;

/** Runs some seeds. */
export function tallyOf(from: number, count: number): Tally {
  const tally: Tally = { seeds: count, connections: 0, virtual: 0, reasons: {}, bad: [] };
  for (let seed = from; seed < from + count; seed++) {
    const { pairs, faults, duration } = simulate(seed);
    tally.virtual += duration;
    tally.connections += pairs.length;
    for (const { sides } of pairs) {
      for (const { reasons } of sides) {
        for (const reason of reasons) tally.reasons[reason] = (tally.reasons[reason] ?? 0) + 1;
      }
    }
    if (faults.length > 0) tally.bad.push({ seed, faults: faults.slice(0, MOST_FAULTS) });
  }
  return tally;
}

/** Adds one to another. */
export function addTally(total: Tally, more: Tally): void {
  total.seeds += more.seeds;
  total.connections += more.connections;
  total.virtual += more.virtual;
  for (const [reason, count] of Object.entries(more.reasons)) {
    total.reasons[reason] = (total.reasons[reason] ?? 0) + count;
  }
  total.bad.push(...more.bad);
}
