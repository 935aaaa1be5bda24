/**
 * Runs the simulation over many seeds, or one of them again with a trace.
 *
 * ```sh
 * deno task simulate --seeds 2000 --from 1 --jobs 2
 * deno task simulate --seed 42
 * ```
 *
 * @module
 */
import { print, progress, readCommandLine, whole } from "../support/command_line.ts";
import { replayCommand } from "./replay.ts";
import { simulate } from "./simulate.ts";
import { addTally, type Tally, tallyOf } from "./tally.ts";

const HELP = `Usage: deno task simulate [options]

  --seeds N   How many seeds (default 1000)
  --from N    The first of them (default 1)
  --jobs N    Workers that run them side by side (default 1)
  --seed N    Instead: only this one, with a trace
  --help      Shows this

Exit status 1 if any seed was bad.
`;

/** Seeds that a worker is given at a time. */
const BATCH = 100;
/** Seeds between two lines of progress. */
const PROGRESS = 10_000;

/** Runs one seed with everything that there is to say about it; returns whether it was good. */
function replay(seed: number): boolean {
  const { plan, pairs, faults, duration, trace } = simulate(seed, { trace: true });
  for (const line of trace) print(`${line}\n`);
  print(`\n${JSON.stringify(plan, null, 2)}\n\n`);
  for (const { sides } of pairs) {
    for (const { written, read, goodbye, aborted, ended, reasons } of sides) {
      print(`${JSON.stringify({ written, read, goodbye, aborted, ended, reasons })}\n`);
    }
  }
  print(`${(duration / 1000).toFixed(3)} s of virtual time\n`);
  for (const fault of faults) print(`${fault}\n`);
  return faults.length === 0;
}

/** Runs many seeds in as many workers; returns whether all were good. */
async function runMany(from: number, count: number, jobs: number): Promise<boolean> {
  const total: Tally = { seeds: 0, connections: 0, virtual: 0, reasons: {}, bad: [] };
  const start = performance.now();
  let next = from;
  let told = 0;
  const take = () => {
    const first = next;
    const size = Math.min(BATCH, from + count - first);
    next += size;
    return { from: first, count: size };
  };
  const done = (tally: Tally) => {
    addTally(total, tally);
    for (const { seed, faults } of tally.bad) {
      print(`seed ${seed}: ${faults.join("\n  ")}\n  ${replayCommand(seed)}\n`);
    }
    if (total.seeds - told < PROGRESS) return;
    told = total.seeds;
    const seconds = (performance.now() - start) / 1000;
    progress(`${told} seeds, ${total.bad.length} bad, ${(told / seconds).toFixed(0)} a second`);
  };
  if (jobs === 1) {
    while (next < from + count) {
      const batch = take();
      done(tallyOf(batch.from, batch.count));
    }
  } else await Promise.all(Array.from({ length: jobs }, () => work(take, done)));
  const real = (performance.now() - start) / 1000;
  print(
    `${total.seeds} seeds, ${total.bad.length} bad; ${total.connections} connections in ` +
      `${(total.virtual / 3_600_000).toFixed(1)} hours of virtual time and ${real.toFixed(1)} s; ` +
      `ends: ${JSON.stringify(total.reasons)}\n`,
  );
  return total.bad.length === 0;
}

/** One worker: it is given batches until there are no more. */
function work(
  take: () => { from: number; count: number },
  done: (tally: Tally) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    const give = () => {
      const batch = take();
      if (batch.count > 0) worker.postMessage(batch);
      else {
        worker.terminate();
        resolve();
      }
    };
    worker.onmessage = ({ data }: MessageEvent<Tally | "ready">) => {
      if (data !== "ready") done(data);
      give();
    };
    worker.onerror = (event) => reject(event.error ?? new Error(event.message));
  });
}

if (import.meta.main) {
  const { values: { seeds, seed, from, jobs } } = readCommandLine(HELP, {
    seeds: whole(1, 1000),
    from: whole(0, 1),
    jobs: whole(1, 1, 256),
    seed: whole(0, undefined),
  });
  const good = seed === undefined ? await runMany(from, seeds, jobs) : replay(seed);
  Deno.exit(good ? 0 : 1);
}
