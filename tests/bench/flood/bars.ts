/** What was seen of a flood by those beside it. */
export interface Flood {
  /** How long each request took, in milliseconds; `Infinity` for one that failed. */
  readonly requests: readonly number[];
  /** Rate of an open transfer before it. */
  readonly before: number;
  /** Rate of the same transfer during it. */
  readonly during: number;
  /** By how much resident memory has grown, the transfer's included, in megabytes. */
  readonly growth: number;
}

/** Longest time that a request may take, in milliseconds. */
const LONGEST_REQUEST = 100;
/** Part of its rate that a transfer keeps at least. */
const LEAST_RATE = 0.9;
/** Most by which memory may grow, in megabytes: 40,000 connections kept would take more. */
const MOST_GROWTH = 100;

/** What was missed of what is asked of a stack that is flooded, for people; nothing if it is good. */
export function missed({ requests, before, during, growth }: Flood): string[] {
  const failed = requests.filter((time) => time === Infinity).length;
  const late = requests.filter((time) => time > LONGEST_REQUEST).length - failed;
  const kept = during / before;
  const bars: string[] = [];
  if (requests.length === 0) bars.push("curl: expected requests during the flood, found none");
  if (failed > 0) {
    bars.push(`curl: expected status 200 each time, found ${failed} of ${requests.length} without`);
  }
  if (late > 0) {
    bars.push(
      `curl: expected ${LONGEST_REQUEST} ms at most, found ${late} of ${requests.length} over it`,
    );
  }
  if (!(kept >= LEAST_RATE)) {
    bars.push(
      `transfer: expected at least ${LEAST_RATE * 100} % of its rate, found ${
        (kept * 100).toFixed(0)
      } %`,
    );
  }
  if (!(growth <= MOST_GROWTH)) {
    bars.push(`memory: expected ${MOST_GROWTH} MB more at most, found ${growth.toFixed(0)} MB`);
  }
  return bars;
}
