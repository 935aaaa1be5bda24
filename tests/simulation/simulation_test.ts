import { assert, assertEquals } from "@std/assert";
import { replayCommand } from "./replay.ts";
import { simulate } from "./simulate.ts";

/** Runs seeds; fails at the first bad one with the command that shows it. */
function runSeeds(seeds: Iterable<number>): void {
  for (const seed of seeds) {
    const { faults } = simulate(seed);
    assert(
      faults.length === 0,
      `seed ${seed}:\n${faults.slice(0, 5).join("\n")}\n\n${replayCommand(seed)}`,
    );
  }
}

function range(from: number, count: number): Iterable<number> {
  return Array.from({ length: count }, (_, i) => from + i);
}

for (let from = 1; from <= 2_000; from += 500) {
  Deno.test(`simulation: seeds ${from} to ${from + 499}`, () => runSeeds(range(from, 500)));
}

Deno.test("simulation: a seed is run again exactly as before", () => {
  const [first, second] = [simulate(8, { trace: true }), simulate(8, { trace: true })];
  assert(first.trace.length > 10);
  assertEquals(first.trace, second.trace);
});
