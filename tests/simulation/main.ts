/**
 * Runs the simulation over many seeds, or one of them again with a trace.
 *
 * ```sh
 * deno task simulate --seeds 2000 --from 1
 * deno task simulate --seed 42
 * ```
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { simulate } from "./simulate.ts";

const encoder = new TextEncoder();
const print = (text: string) => Deno.stdout.writeSync(encoder.encode(`${text}\n`));

/** How to see the run of a seed again. */
export function replayCommand(seed: number): string {
  return `deno task simulate --seed ${seed}`;
}

/** Runs one seed with everything that there is to say about it; returns whether it was good. */
function replay(seed: number): boolean {
  const { plan, pairs, faults, duration, trace } = simulate(seed, { trace: true });
  for (const line of trace) print(line);
  print(`\n${JSON.stringify(plan, null, 2)}\n`);
  for (const { sides } of pairs) {
    for (const { written, read, goodbye, aborted, ended, reasons } of sides) {
      print(JSON.stringify({ written, read, goodbye, aborted, ended, reasons }));
    }
  }
  print(`${(duration / 1000).toFixed(3)} s of virtual time`);
  for (const fault of faults) print(fault);
  return faults.length === 0;
}

/** Runs many seeds; returns whether all were good. */
function runMany(from: number, count: number): boolean {
  let bad = 0;
  let virtual = 0;
  let connections = 0;
  const reasons: Record<string, number> = {};
  const start = performance.now();
  for (let seed = from; seed < from + count; seed++) {
    const { pairs, faults, duration } = simulate(seed);
    virtual += duration;
    connections += pairs.length;
    for (const reason of pairs.flatMap(({ sides }) => sides.flatMap(({ reasons }) => reasons))) {
      reasons[reason] = (reasons[reason] ?? 0) + 1;
    }
    if (faults.length === 0) continue;
    bad++;
    print(`seed ${seed}: ${faults.slice(0, 3).join("\n  ")}\n  ${replayCommand(seed)}`);
  }
  const real = (performance.now() - start) / 1000;
  print(
    `${count} seeds, ${bad} bad; ${connections} connections in ` +
      `${(virtual / 3_600_000).toFixed(1)} hours of virtual time and ${real.toFixed(1)} s; ends: ` +
      JSON.stringify(reasons),
  );
  return bad === 0;
}

if (import.meta.main) {
  const options = parseArgs(Deno.args, {
    string: ["seeds", "seed", "from"],
    default: { seeds: "1000", from: "1" },
  });
  const good = options.seed === undefined
    ? runMany(Number(options.from), Number(options.seeds))
    : replay(Number(options.seed));
  Deno.exit(good ? 0 : 1);
}
