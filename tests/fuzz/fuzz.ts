import { World } from "./world.ts";

/** Frames in the life of one pair of stacks. */
export const FRAMES_PER_ROUND = 20_000;

/** How to see a round again. */
export function replayCommand(seed: number, round: number): string {
  return `deno task fuzz --seed ${seed} --round ${round}`;
}

/**
 * Runs one round: a fresh pair of stacks, until their end.
 *
 * @param seed Of all rounds.
 * @param round Which one: each depends on its number and the seed alone.
 * @param frames How many frames.
 * @throws {Error} If anything was found, with the command that shows it again.
 */
export function fuzzRound(seed: number, round: number, frames: number = FRAMES_PER_ROUND): void {
  try {
    new World(seed * 1_000_003 + round).run(frames);
  } catch (error) {
    throw new Error(`found in round ${round}: ${replayCommand(seed, round)}`, { cause: error });
  }
}
