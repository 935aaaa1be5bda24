// Where a server's time goes: V8's CPU profile of it, by function and by layer of Taproom.

import { layerOf, LAYERS } from "./layers.ts";
import { align } from "./report.ts";
import type { Figures } from "./scenarios.ts";

/** The part of V8's format of CPU profiles that is needed. Times in microseconds. */
interface CpuProfile {
  nodes: {
    id: number;
    callFrame: { functionName: string; url: string; lineNumber: number };
  }[];
  startTime: number;
  samples: number[];
  timeDeltas: number[];
}

/** Functions that are listed. */
const TOP = 25;
/** Time between samples, in microseconds. */
const INTERVAL = 200;

/** The profile of one server, in the working directory: what happened while it was under load. */
export class Profile {
  readonly #file: string;
  /** When there was load: begin and end in microseconds since the machine was started. */
  readonly #loads: [begin: number, end: number][] = [];
  #requests = 0;
  #reads = 0;
  #writes = 0;

  /** @param name Name of the server. */
  constructor(readonly name: string) {
    this.#file = `${name}.cpuprofile`;
  }

  /** The flags of `deno run` that write it when the server ends. */
  get flags(): string[] {
    const flags = { dir: Deno.cwd(), name: this.#file, interval: INTERVAL };
    const more = Object.entries(flags).map(([flag, value]) => `--cpu-prof-${flag}=${value}`);
    return ["--cpu-prof", ...more];
  }

  /** Runs a load whose time counts. */
  async during(pid: number, load: () => Promise<Figures>): Promise<Figures> {
    const before = await systemCalls(pid);
    const begin = await uptime();
    const figures = await load();
    this.#loads.push([begin, await uptime()]);
    const after = await systemCalls(pid);
    this.#reads += after.reads - before.reads;
    this.#writes += after.writes - before.writes;
    this.#requests += figures.count!;
    return figures;
  }

  /** Says what the profile shows, once the server has ended and written it. */
  async report(): Promise<string> {
    const functions = new Map<string, number>();
    const layers = new Map<string, number>(LAYERS.map((layer) => [layer, 0]));
    let total = 0;
    for (const [{ functionName, url, lineNumber }, time] of await this.#times()) {
      if (functionName === "(idle)") continue;
      const place = url === "" ? "" : ` ${url.split("/").slice(-2).join("/")}:${lineNumber + 1}`;
      const label = `${functionName || "(anonymous)"}${place}`;
      functions.set(label, (functions.get(label) ?? 0) + time);
      const layer = layerOf(functionName, url);
      layers.set(layer, layers.get(layer)! + time);
      total += time;
    }
    const top = [...functions].sort(([_a, a], [_b, b]) => b - a).slice(0, TOP)
      .map(([label, time]) => `${(time / total * 100).toFixed(1).padStart(5)} %  ${label}`);
    const parts = [`${this.name}: where the time went`, top.join("\n")];
    if (this.#requests > 0 && this.name.startsWith("taproom")) {
      const perRequest = (time: number) => (time * 1000 / this.#requests).toFixed(0);
      const rows = [...layers].filter(([_, time]) => time > 0).concat([["all", total]])
        .map(([layer, time]) => [layer, perRequest(time), `${(time / total * 100).toFixed(1)} %`]);
      const calls = [this.#reads, this.#writes].map((n) => (n / this.#requests).toFixed(2));
      parts.push(
        `${this.name}: of one request, from read to write`,
        align([["layer", "ns", "share"], ...rows], 1),
        `system calls for one request: ${calls[0]} read, ${calls[1]} write`,
      );
    }
    return parts.join("\n\n");
  }

  /** The time under load of each node of the profile, without what it calls. */
  async #times(): Promise<[CpuProfile["nodes"][number]["callFrame"], number][]> {
    const profile: CpuProfile = JSON.parse(await Deno.readTextFile(this.#file));
    const times = new Map<number, number>();
    let now = profile.startTime;
    for (const [index, id] of profile.samples.entries()) {
      const time = profile.timeDeltas[index]!;
      now += time;
      if (!this.#loads.some(([begin, end]) => begin <= now && now < end)) continue;
      times.set(id, (times.get(id) ?? 0) + time);
    }
    return profile.nodes.map(({ id, callFrame }) => [callFrame, times.get(id) ?? 0]);
  }
}

/** The clock of the profile. */
async function uptime(): Promise<number> {
  return parseFloat(await Deno.readTextFile("/proc/uptime")) * 1e6;
}

/** How often a process has called `read` and `write`, and their kin. */
async function systemCalls(pid: number): Promise<{ reads: number; writes: number }> {
  const text = await Deno.readTextFile(`/proc/${pid}/io`);
  const number = (pattern: RegExp) => Number(pattern.exec(text)?.[1]);
  return { reads: number(/^syscr: (\d+)/m), writes: number(/^syscw: (\d+)/m) };
}
