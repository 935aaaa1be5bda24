/** How to see the run of a seed again. */
export function replayCommand(seed: number): string {
  return `deno task simulate --seed ${seed}`;
}
