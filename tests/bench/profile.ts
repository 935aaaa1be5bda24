/** Flags of `deno run` that write a CPU profile of a server when it ends. */
export function profiled(name: string): string[] {
  return ["--cpu-prof", `--cpu-prof-dir=${Deno.cwd()}`, `--cpu-prof-name=${name}.cpuprofile`];
}

/** The part of V8's format of CPU profiles that is needed. Times in microseconds. */
interface CpuProfile {
  nodes: {
    id: number;
    callFrame: { functionName: string; url: string; lineNumber: number };
  }[];
  samples: number[];
  timeDeltas: number[];
}

/**
 * The functions in which a profile spends its time, without what they call; idle time is left out.
 *
 * @param name Name of the server, in the working directory.
 * @param count How many functions.
 */
export async function topFunctions(name: string, count: number): Promise<string> {
  const profile: CpuProfile = JSON.parse(await Deno.readTextFile(`${name}.cpuprofile`));
  const labels = new Map(profile.nodes.map(({ id, callFrame }) => {
    const place = callFrame.url.split("/").slice(-2).join("/");
    const where = place === "" ? "" : ` ${place}:${callFrame.lineNumber + 1}`;
    return [id, `${callFrame.functionName || "(anonymous)"}${where}`];
  }));
  const times = new Map<string, number>();
  let total = 0;
  for (const [index, id] of profile.samples.entries()) {
    const label = labels.get(id)!;
    if (label === "(idle)") continue;
    const time = profile.timeDeltas[index]!;
    times.set(label, (times.get(label) ?? 0) + time);
    total += time;
  }
  return [...times].sort(([_a, a], [_b, b]) => b - a).slice(0, count)
    .map(([label, time]) => `${(time / total * 100).toFixed(1).padStart(5)} %  ${label}`)
    .join("\n");
}
