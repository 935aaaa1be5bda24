import { Directory } from "./directory.ts";
import type { Namespace } from "./namespace.ts";
import { Process, type ProcessOptions, run } from "./process.ts";

/** The stack's address in these tests, as in the worked configuration of the design. */
export const STACK = "192.168.69.2";
/** The host's address on the TAP. */
export const HOST = "192.168.69.1";

/** Path of a file of the project. */
export function projectFile(name: string): string {
  return new URL(`../../${name}`, import.meta.url).pathname;
}

let cached: Promise<unknown> | undefined;

/** Fetches the packages of the command line once, where there is a network. */
export function cachePackages(): Promise<unknown> {
  return cached ??= run([Deno.execPath(), "cache", projectFile("mod.ts")], { timeout: 120_000 });
}

/**
 * The configuration of the design's example, with these listeners. Without offload, so that what a
 * capture shows is what would be on the wire, unless that is asked for.
 */
export function tapConfig(
  listeners: readonly object[],
  more: object = {},
  offload = false,
): object {
  return {
    interfaces: [{
      device: { type: "tap", name: "tap0", host: `${HOST}/24`, offload },
      mac: "02:00:00:00:00:02",
      addresses: [`${STACK}/24`],
      gateway: HOST,
    }],
    listeners,
    ...more,
  };
}

/** How to start Taproom. */
export interface TaproomOptions extends ProcessOptions {
  /** The whole configuration, or the text of its file. */
  readonly config: object | string;
  /** More flags of the command line. */
  readonly flags?: readonly string[];
  /** More flags of `deno run`. */
  readonly permissions?: readonly string[];
  /** Where the configuration file is written; by default a directory of its own. */
  readonly directory?: Directory;
}

/** The command that serves a configuration file as a user would, with the least permissions. */
export function taproomCommand(
  file: string,
  flags: readonly string[] = [],
  permissions: readonly string[] = [],
): string[] {
  return [Deno.execPath(), "run", "--allow-ffi", "--allow-read", ...permissions]
    .concat(projectFile("mod.ts"), "--config", file, ...flags);
}

/**
 * Runs Taproom in a namespace, without waiting for anything.
 *
 * @returns The process; it is ended with the namespace.
 */
export async function spawnTaproom(ns: Namespace, options: TaproomOptions): Promise<Process> {
  await cachePackages();
  const directory = options.directory ?? ns.own(await Directory.create());
  const { config } = options;
  const text = typeof config === "string" ? config : JSON.stringify(config, null, 2);
  const file = await directory.write("taproom.json", text);
  return ns.spawn(taproomCommand(file, options.flags, options.permissions), {
    timeout: 300_000,
    ...options,
  });
}

/** Runs Taproom in a namespace and waits until it says that it serves. */
export async function startTaproom(ns: Namespace, options: TaproomOptions): Promise<Process> {
  const process = await spawnTaproom(ns, options);
  await process.stderr.match(/192\.168\.69\.2/);
  return process;
}

/** Runs a client of `tests/tap/clients` in a namespace to its end, and parses what it prints. */
export async function runClient<Result>(
  ns: Namespace,
  name: string,
  args: readonly (string | number)[],
  options?: ProcessOptions,
): Promise<Result> {
  const { stdout } = await ns.run(clientCommand(name, args), options);
  return JSON.parse(stdout) as Result;
}

/** The command of a client of `tests/tap/clients`. */
export function clientCommand(name: string, args: readonly (string | number)[]): string[] {
  const script = projectFile(`tests/tap/clients/${name}.ts`);
  const command = [Deno.execPath(), "run", "--no-lock", "--allow-net", script, ...args.map(String)];
  // It gives way to what is tested.
  return ["nice", "-n", "5", ...command];
}
