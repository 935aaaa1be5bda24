/**
 * Fuzzes pairs of stacks with frames that are made of their own, and with others.
 *
 * ```sh
 * deno task fuzz --frames 20000000 --seed 1
 * deno task fuzz --seed 1 --round 17
 * ```
 *
 * @module
 */
import { print, progress, readCommandLine, whole } from "../support/command_line.ts";
import { watchAnew } from "../simulation/watch.ts";
import { FRAMES_PER_ROUND, fuzzRound, replayCommand } from "./fuzz.ts";

const HELP = `Usage: deno task fuzz [options]

  --frames N  How many frames, rounded up to rounds of ${FRAMES_PER_ROUND} (default 1000000)
  --seed N    What they are made from (default 1)
  --round N   Only this round of the seed, as a run that found something says
  --help      Shows this

Exit status 1 if anything was found.
`;

/** How much the heap may grow between the first rounds and any later ones, in bytes. */
const MOST_GROWTH = 32 << 20;
/** Rounds between two looks at memory. */
const LOOK_EVERY = 50;
/** A round that takes longer than this hangs, for all that anybody can tell; in milliseconds. */
const LONGEST_ROUND = 120_000;

const collect = (globalThis as { gc?: () => void }).gc;

function heap(): number {
  watchAnew(); // It knows the last pair of stacks.
  for (let times = 0; times < 3; times++) collect?.();
  return Deno.memoryUsage().heapUsed + Deno.memoryUsage().external;
}

function run(seed: number, frames: number): boolean {
  const rounds = Math.ceil(frames / FRAMES_PER_ROUND);
  const start = performance.now();
  let first = 0;
  let slowest = 0;
  for (let round = 1; round <= rounds; round++) {
    const began = performance.now();
    try {
      fuzzRound(seed, round);
    } catch (error) {
      print(`${(error as Error).message}\n${((error as Error).cause as Error).stack}\n`);
      return false;
    }
    const took = performance.now() - began;
    slowest = Math.max(slowest, took);
    if (took > LONGEST_ROUND) {
      print(`round ${round} took ${(took / 1000).toFixed(0)} s: ${replayCommand(seed, round)}\n`);
      return false;
    }
    if (round % LOOK_EVERY !== 0) continue;
    const now = heap();
    first ||= now;
    const rate = round * FRAMES_PER_ROUND / (performance.now() - start) * 1000;
    progress(
      `${round * FRAMES_PER_ROUND} frames, ${rate.toFixed(0)} a second, heap ${mega(now)} MB ` +
        `(${mega(first)} MB at first), ${mega(Deno.memoryUsage().rss)} MB resident`,
    );
    if (collect !== undefined && now > first + MOST_GROWTH) {
      print(`the heap has grown from ${mega(first)} to ${mega(now)} MB by round ${round}\n`);
      return false;
    }
  }
  const seconds = (performance.now() - start) / 1000;
  print(
    `${rounds * FRAMES_PER_ROUND} frames in ${
      seconds.toFixed(0)
    } s, seed ${seed}: nothing thrown, ` +
      `nothing left, heap ${mega(heap())} MB (${mega(first)} MB at first), slowest round of ` +
      `${FRAMES_PER_ROUND} ${(slowest / 1000).toFixed(1)} s\n`,
  );
  return true;
}

function mega(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}

if (import.meta.main) {
  const { values: { frames, seed, round } } = readCommandLine(HELP, {
    frames: whole(1, 1_000_000),
    seed: whole(0, 1),
    round: whole(1, undefined),
  });
  if (round !== undefined) {
    fuzzRound(seed, round);
    print("nothing was found\n");
  } else Deno.exit(run(seed, frames) ? 0 : 1);
}
