// The hot functions, each beside a reference, and beside what they took before. ../README.md
// explains it.

import {
  print,
  progress,
  readCommandLine,
  toggle,
  usageError,
} from "../../support/command_line.ts";
import { align } from "../report.ts";

const HELP = `Usage: deno task micro [--check | --write] [NAME]

  NAME      Only what has this in its name
  --check   Exit status 1 if anything takes much more than baseline.json says
  --write   Writes baseline.json
  --help    Shows this
`;

/** How much more than in the baseline, as a factor, is slower: machines differ. */
const TOLERANCE = 2;
/** What seems slower is measured so often: the machine may have had something else to do. */
const ATTEMPTS = 3;

const BASELINE = new URL("baseline.json", import.meta.url);

/** The part of what `deno bench --json` says that is needed; times in nanoseconds. */
interface BenchResult {
  benches: {
    group: string;
    baseline: boolean;
    results: ({ ok: { min: number } } | { failed: { message: string } })[];
  }[];
}

/** Times at best, in nanoseconds. */
interface Timing {
  function: number;
  reference: number;
}

/** Runs the benchmarks whose name contains a text. */
async function run(filter: string): Promise<Map<string, Timing>> {
  const directory = new URL(".", import.meta.url).pathname;
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["bench", "--json", "--filter", filter, directory],
    stderr: "null",
  }).output();
  const timings = new Map<string, Timing>();
  const { benches }: BenchResult = JSON.parse(new TextDecoder().decode(stdout));
  for (const { group, baseline, results } of benches) {
    const [result] = results;
    if (result === undefined) continue;
    if ("failed" in result) throw new Error(`${group}: ${result.failed.message}`);
    const timing = timings.get(group) ?? { function: NaN, reference: NaN };
    timing[baseline ? "reference" : "function"] = result.ok.min;
    timings.set(group, timing);
  }
  return timings;
}

function ratioOf(timing: Timing): number {
  return timing.function / timing.reference;
}

const { values: args, operands: [filter = ""] } = readCommandLine(
  HELP,
  { check: toggle(), write: toggle() },
  1,
);
if (args.check && args.write) usageError("expected --check or --write, found both", HELP);

const before: Record<string, number> = JSON.parse(await Deno.readTextFile(BASELINE));
const timings = await run(filter);
if (timings.size === 0) {
  usageError(`no benchmark has ${JSON.stringify(filter)} in its name`, HELP);
}
const isSlower = (name: string) => ratioOf(timings.get(name)!) > before[name]! * TOLERANCE;
for (let attempt = 1; args.check && attempt < ATTEMPTS; attempt++) {
  for (const name of [...timings.keys()].filter(isSlower)) {
    progress(`${name}: measured again`);
    timings.set(name, (await run(name)).get(name)!);
  }
}

const rows = [...timings].map(([name, timing]) => {
  const known = before[name];
  return [
    name,
    (timing.function / 1000).toFixed(1),
    ratioOf(timing).toFixed(2),
    known?.toFixed(2) ?? "-",
    known === undefined ? "not in the baseline" : isSlower(name) ? "SLOWER" : "",
  ];
});
print(`${align([["", "µs", "of reference", "before", ""], ...rows], 1)}\n`);
if (args.write) {
  const ratios = [...timings].map(([name, timing]) => [name, Number(ratioOf(timing).toFixed(3))]);
  const baseline = { ...before, ...Object.fromEntries(ratios) };
  await Deno.writeTextFile(BASELINE, `${JSON.stringify(baseline, null, 2)}\n`);
}
if (args.check && [...timings.keys()].some(isSlower)) Deno.exit(1);
