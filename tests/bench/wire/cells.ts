import type { WirePath } from "./protocol.ts";

/** Rate of the wire in bits per second. */
export const RATE = 100_000_000;
/** The queue before the bottleneck holds so many milliseconds at least. */
const SHORTEST_QUEUE = 20;

/** One line of the table. */
export interface Cell {
  readonly name: string;
  /** Round-trip time without a queue, in milliseconds. */
  readonly rtt: number;
  /** How long a run of it takes, in seconds. */
  readonly seconds: number;
  /** Probability that a frame is lost. */
  readonly loss: number;
  /** The wire for a seed. */
  path(seed: number): WirePath;
}

/** The wire without faults: a queue of one bandwidth-delay product, and not less than 20 ms. */
export function cleanPath(rtt: number): WirePath {
  return { rate: RATE, delay: rtt / 2, queue: RATE / 8000 * Math.max(rtt, SHORTEST_QUEUE) };
}

/** Seconds of a run by round-trip time: slow start is over long before. */
const SECONDS: Readonly<Record<number, number>> = { 2: 4, 20: 5, 100: 12 };

/** All cells of the goodput table. */
export const CELLS: readonly Cell[] = [2, 20, 100].flatMap((rtt) => {
  const cell = (fault: string, loss: number, more: (seed: number) => Partial<WirePath>): Cell => ({
    name: `${fault}, ${rtt} ms`,
    rtt,
    seconds: SECONDS[rtt]!,
    loss,
    path: (seed) => ({ ...cleanPath(rtt), ...more(seed) }),
  });
  return [
    ...[0, 0.001, 0.01, 0.03].map((loss) =>
      cell(`loss ${+(loss * 100).toFixed(1)} %`, loss, () => ({ loss }))
    ),
    // Later by a tenth of the round trip: with 2 ms, by two frames.
    cell("reorder 1 %", 0, () => ({ reorder: { probability: 0.01, delay: rtt / 10 } })),
    cell(
      "burst of 20",
      0,
      (seed) => ({ bursts: { first: 1000 + 97 * seed, every: 2000, length: 20 } }),
    ),
  ];
});
