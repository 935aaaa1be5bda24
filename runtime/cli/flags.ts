import { parseArgs } from "@std/cli/parse-args";
import { MAX_QUEUES } from "../config/config.ts";
import type { LogFormat } from "../log/format.ts";
import { LOG_LEVELS, type LogLevel } from "../log.ts";
import { nearest, suggestion } from "../nearest.ts";

/** What the command line asks for. */
export interface Flags {
  /** The config file; `undefined` for the embedded default. */
  readonly config: string | undefined;
  /** Check config and modules, and serve nothing. */
  readonly check: boolean;
  /** Print the config with every default in its place. */
  readonly printConfig: boolean;
  /** Print each TCP state transition, whatever the config says. */
  readonly trace: boolean;
  /** Capture into this file, whatever the config says; `-` for standard output. */
  readonly capture: string | undefined;
  /**
   * How many queues each TAP shall have, whatever the config says: 1 to 32. `"cores"` for as many as
   * there are cores.
   */
  readonly parallel: number | "cores" | undefined;
  /** The least level shown. */
  readonly logLevel: LogLevel;
  /** How the log is written. */
  readonly logFormat: LogFormat;
  /** Print the help. */
  readonly help: boolean;
  /** Print the version. */
  readonly version: boolean;
}

/** A command line that makes no sense. The message is for people. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

const SWITCHES = ["check", "print-config", "trace", "help", "version"];
const SETTINGS = ["config", "capture", "parallel", "log-level", "log-format"];
const SHORT: Record<string, string> = { config: "c", help: "h", version: "V" };
const LOG_FORMATS: readonly LogFormat[] = ["text", "json"];

/**
 * Reads the command line.
 *
 * @throws {UsageError} Unknown flag (the nearest is suggested), stray argument, missing or wrong
 *   value, or a flag given twice.
 */
export function parseFlags(args: readonly string[]): Flags {
  const parsed = parseArgs(prepare(args), {
    boolean: SWITCHES,
    string: SETTINGS,
    collect: [...SWITCHES, ...SETTINGS],
    alias: SHORT,
    unknown: refuse,
  });
  // What follows a lone "--" gets here unseen.
  for (const argument of parsed._) refuse(String(argument));

  const values = (name: string): unknown[] => {
    const found = parsed[name];
    const all = Array.isArray(found) ? found : found === undefined ? [] : [found];
    if (all.length > 1) {
      throw new UsageError(`--${name} is given ${all.length} times, expected once`);
    }
    return all;
  };
  const isOn = (name: string): boolean => values(name)[0] === true;
  const setting = (name: string): string | undefined => {
    const value = values(name)[0];
    if (value === "") throw new UsageError(`--${name} needs ${NEEDS[name]}, found nothing`);
    return value as string | undefined;
  };
  const choice = <Value extends string>(
    name: string,
    known: readonly Value[],
    byDefault: Value,
  ): Value => {
    const value = setting(name) ?? byDefault;
    if ((known as readonly string[]).includes(value)) return value as Value;
    throw new UsageError(
      `--${name} needs ${NEEDS[name]}, found ${JSON.stringify(value)}${suggestion(value, known)}`,
    );
  };
  return {
    config: setting("config"),
    check: isOn("check"),
    printConfig: isOn("print-config"),
    trace: isOn("trace"),
    capture: setting("capture"),
    parallel: parallel(values("parallel")[0]),
    logLevel: choice("log-level", LOG_LEVELS, "info"),
    logFormat: choice("log-format", LOG_FORMATS, "text"),
    help: isOn("help"),
    version: isOn("version"),
  };
}

/** A number, or none: one for each core, as with `deno serve --parallel`. */
function parallel(value: unknown): Flags["parallel"] {
  if (value === undefined) return undefined;
  if (value === "") return "cores";
  const queues = /^\d+$/.test(String(value)) ? Number(value) : 0;
  if (queues >= 1 && queues <= MAX_QUEUES) return queues;
  throw new UsageError(`--parallel needs ${NEEDS.parallel}, found ${JSON.stringify(value)}`);
}

const NEEDS: Record<string, string> = {
  config: "the name of a file",
  capture: "the name of a file, or - for standard output",
  parallel: `a whole number from 1 to ${MAX_QUEUES}, or nothing for one per core`,
  "log-level": `one of ${LOG_LEVELS.join(", ")}`,
  "log-format": `one of ${LOG_FORMATS.join(", ")}`,
};

/** What `parseArgs` does not do: `-` as a value, refusing values of switches, npm's leading `--`. */
function prepare(args: readonly string[]): string[] {
  const prepared: string[] = [];
  for (const arg of args[0] === "--" ? args.slice(1) : args) {
    const name = /^--([^=]+)=/s.exec(arg)?.[1];
    if (name !== undefined && SWITCHES.includes(name)) {
      throw new UsageError(`--${name} takes no value, found ${JSON.stringify(arg)}`);
    }
    if (arg === "-" && prepared.at(-1) === "--capture") prepared.push(`${prepared.pop()}=-`);
    else prepared.push(arg);
  }
  return prepared;
}

/** Called for everything that is no known flag, nor the value of one. */
function refuse(arg: string, key?: string): never {
  if (key === undefined) {
    throw new UsageError(
      `unexpected argument ${JSON.stringify(arg)} (a config file is named by --config)`,
    );
  }
  const flag = arg.replace(/=.*/s, "");
  const long = [...SWITCHES, ...SETTINGS].map((name) => `--${name}`);
  // A letter is near to none, so the first flag that begins with it is meant.
  const known = flag.startsWith("--")
    ? nearest(flag, long)
    : long.find((name) => name[2] === flag[1]?.toLowerCase());
  const hint = known === undefined ? "" : ` (did you mean ${JSON.stringify(known)}?)`;
  throw new UsageError(`unknown flag ${JSON.stringify(flag)}${hint}`);
}
