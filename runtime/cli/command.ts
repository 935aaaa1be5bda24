import type { Config } from "../config/config.ts";

/** What is known of how the program was started. */
export interface Invocation {
  /** The arguments. */
  readonly args: readonly string[];
  /** URL of the main module. */
  readonly mainModule: string;
  /** The current directory. */
  readonly cwd: string;
  /** Whether a permission, such as `"net"`, is granted without limits. */
  granted(kind: string): boolean;
}

/** Permissions that may have been given without limits, and are then kept. */
const KINDS = ["read", "write", "net", "ffi", "env", "run", "sys", "import"];

/**
 * What to do about missing permissions: `run again with …:` and the whole command, with what was
 * given without limits, what the config needs, and what is missing.
 *
 * @param config The config; `undefined` if there is none yet.
 * @param missing The permissions, each as `--allow-net=127.0.0.1:8080`.
 */
export function remedy(
  invocation: Invocation,
  config: Config | undefined,
  missing: readonly string[],
): string {
  const scopes = new Map<string, Set<string>>();
  for (const kind of KINDS) {
    if (invocation.granted(kind)) scopes.set(`--allow-${kind}`, new Set());
  }
  for (const one of [...permissionsFor(config), ...missing]) {
    const [name, scope] = one.split(/=(.*)/s, 2) as [string, string?];
    const given = scopes.get(name);
    if (scope === undefined) scopes.set(name, new Set());
    else if (given === undefined) scopes.set(name, new Set([scope]));
    else if (given.size > 0 && ![...given].some((wider) => covers(wider, scope))) given.add(scope);
  }
  const flags = [...scopes].map(([name, values]) =>
    values.size === 0 ? name : `${name}=${[...values].join(",")}`
  );
  const words = ["deno", "run", ...flags, mainModule(invocation), ...invocation.args];
  return `run again with ${[...new Set(missing)].join(" ")}: ${words.map(quote).join(" ")}`;
}

/** The permissions that a config needs, without those of its listeners. */
function permissionsFor(config: Config | undefined): string[] {
  const flags = ["--allow-read"];
  for (const { device } of config?.interfaces ?? []) {
    flags.push(device.type === "tap" ? "--allow-ffi" : "--allow-net=127.0.0.1");
  }
  if (config?.capture !== undefined && config.capture !== "-") {
    flags.push(`--allow-write=${config.capture}`);
  }
  return flags;
}

function covers(wider: string, scope: string): boolean {
  return scope === wider || scope.startsWith(`${wider}:`) || scope.startsWith(`${wider}/`);
}

function mainModule({ mainModule, cwd }: Invocation): string {
  if (!mainModule.startsWith("file:")) return mainModule;
  const path = decodeURIComponent(new URL(mainModule).pathname);
  return path.startsWith(`${cwd}/`) ? path.slice(cwd.length + 1) : path;
}

/** As a shell takes it for one word. */
function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
