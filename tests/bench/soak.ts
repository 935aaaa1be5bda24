// A long run of all scenarios in turn on one server: does its memory stay as it is?

import { progress } from "../support/command_line.ts";
import type { Subject } from "./compare.ts";
import type { Scenario } from "./scenarios.ts";
import { usage } from "./servers.ts";

/** Seconds of each load, and between two looks at the memory. */
const SECONDS = 3;
const LOOK = 30;

/** How much more memory than in the first third the last third may have and still count as flat. */
const FLAT = 1.1;

/**
 * Puts load on a server for some minutes.
 *
 * @returns What was seen, for people.
 */
export async function soak(
  { name, clients, process }: Subject,
  scenarios: readonly Scenario[],
  minutes: number,
): Promise<string> {
  const loads = scenarios.filter(({ notOn }) => !notOn?.includes(name));
  const begun = performance.now();
  const elapsed = () => (performance.now() - begun) / 1000;
  const seen: number[] = [];
  let errors = 0;
  let worst = 0;
  for (let turn = 0; elapsed() < minutes * 60; turn++) {
    const scenario = loads[turn % loads.length]!;
    errors += (await scenario.load(clients, SECONDS)).errors!;
    const { rss } = await usage(process.pid);
    worst = Math.max(worst, rss);
    if (elapsed() < (seen.length + 1) * LOOK) continue;
    seen.push(worst);
    progress(
      `${name} after ${elapsed().toFixed(0)} s: ${megabytes(rss)} MB, ${
        megabytes(worst)
      } at most ` +
        `since the last look; ${errors} errors`,
    );
    worst = 0;
  }
  const third = Math.ceil(seen.length / 3);
  const first = Math.max(...seen.slice(0, third));
  const last = Math.max(...seen.slice(-third));
  return `${name}: ${megabytes(first)} MB at most in the first third, ${megabytes(last)} in the ` +
    `last: ${last <= first * FLAT ? "flat" : "NOT FLAT"}; ${errors} errors\n`;
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}
