/** The command lines of the tools: what they are given, and how they end when that is nonsense. */
import { suggestion } from "../../runtime/nearest.ts";

const encoder = new TextEncoder();

/** Writes to standard output: results. */
export function print(text: string): void {
  Deno.stdout.writeSync(encoder.encode(text));
}

/** Writes a line to standard error: progress. */
export function progress(text: string): void {
  Deno.stderr.writeSync(encoder.encode(`${text}\n`));
}

/** Ends the program with what is wrong and how it is used. */
export function usageError(message: string, help: string): never {
  progress(`${message}\n\n${help}`);
  Deno.exit(2);
}

/** A command line that makes no sense. The message is for people. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** What may follow a `--name`. */
export interface Setting<Value> {
  /** What it has to be; `undefined` for a switch, which nothing follows. */
  readonly expected?: string;
  /** It may be given more than once. */
  readonly repeats?: boolean;
  /** Whether it makes sense. */
  accepts?(text: string): boolean;
  /** What the tool gets for all that was given: none or one, or more if it repeats. */
  value(given: readonly string[]): Value;
}

/** `true` if it is given. */
export function toggle(): Setting<boolean> {
  return { value: (given) => given.length > 0 };
}

/**
 * A whole number.
 *
 * @param least The least that makes sense.
 * @param byDefault What it is if it is not given.
 * @param most The most that makes sense.
 */
export function whole<Default extends number | undefined>(
  least: number,
  byDefault: Default,
  most: number = Number.MAX_SAFE_INTEGER,
): Setting<number | Default> {
  const range = most === Number.MAX_SAFE_INTEGER ? `${least} on` : `${least} to ${most}`;
  return {
    expected: `a whole number from ${range}`,
    accepts: (text) => /^\d+$/.test(text) && Number(text) >= least && Number(text) <= most,
    value: ([text]) => text === undefined ? byDefault : Number(text),
  };
}

/** A number above 0. */
export function positive<Default extends number | undefined>(
  byDefault: Default,
): Setting<number | Default> {
  return {
    expected: "a number above 0",
    accepts: (text) => /^\d*\.?\d+$/.test(text) && Number(text) > 0,
    value: ([text]) => text === undefined ? byDefault : Number(text),
  };
}

/**
 * A text.
 *
 * @param expected What it is, for people.
 */
export function text(expected: string): Setting<string | undefined> {
  return { expected, accepts: (text) => text !== "", value: ([text]) => text };
}

/** Texts: it may be given more than once. */
export function texts(expected: string): Setting<readonly string[]> {
  return { expected, repeats: true, accepts: (text) => text !== "", value: (given) => given };
}

/** Some of these names: it may be given more than once; none of them if it is not given. */
export function names(known: readonly string[]): Setting<readonly string[]> {
  return {
    expected: `one of ${known.join(", ")}`,
    repeats: true,
    accepts: (text) => known.includes(text),
    value: (given) => given,
  };
}

/** What a tool gets for its settings. */
export type Values<Settings> = {
  readonly [Name in keyof Settings]: Settings[Name] extends Setting<infer Value> ? Value : never;
};

/** What was read. */
export interface CommandLine<Settings> {
  /** `--help` was asked for. */
  readonly help: boolean;
  /** What was given, or else the defaults. */
  readonly values: Values<Settings>;
  /** What follows no `--name`. */
  readonly operands: readonly string[];
}

/**
 * Reads a command line.
 *
 * @param args What was given.
 * @param settings What may be given.
 * @param operands How many arguments without a `--name` there may be.
 * @throws {UsageError} An unknown name, a missing or wrong value, one too much.
 */
export function parseCommandLine<Settings extends Record<string, Setting<unknown>>>(
  args: readonly string[],
  settings: Settings,
  operands = 0,
): CommandLine<Settings> {
  const given = new Map(Object.keys(settings).map((name): [string, string[]] => [name, []]));
  const found: string[] = [];
  let help = false;
  for (let at = 0; at < args.length; at++) {
    const arg = args[at]!;
    if (arg === "--help" || arg === "-h") {
      help = true;
      continue;
    }
    if (!arg.startsWith("-")) {
      if (found.push(arg) > operands) {
        throw new UsageError(`unexpected argument ${JSON.stringify(arg)}`);
      }
      continue;
    }
    const [flag, inline] = split(arg);
    const setting = settings[flag.slice(2)];
    const all = given.get(flag.slice(2));
    if (!flag.startsWith("--") || setting === undefined || all === undefined) {
      const known = [...given.keys(), "help"].map((name) => `--${name}`);
      throw new UsageError(`unknown flag ${JSON.stringify(flag)}${suggestion(flag, known)}`);
    }
    if (all.length > 0 && !setting.repeats) throw new UsageError(`${flag} is given twice`);
    const { expected } = setting;
    if (expected === undefined) {
      if (inline !== undefined) {
        throw new UsageError(`${flag} takes no value, found ${JSON.stringify(inline)}`);
      }
      all.push("");
      continue;
    }
    const value = inline ?? args[++at];
    if (value === undefined) throw new UsageError(`${flag}: expected ${expected}, found nothing`);
    if (!setting.accepts!(value)) {
      throw new UsageError(`${flag}: expected ${expected}, found ${JSON.stringify(value)}`);
    }
    all.push(value);
  }
  const values = Object.fromEntries(
    Object.entries(settings).map(([name, setting]) => [name, setting.value(given.get(name)!)]),
  );
  return { help, values: values as Values<Settings>, operands: found };
}

/** `--name=value` in its parts. */
function split(arg: string): [flag: string, value: string | undefined] {
  const at = arg.indexOf("=");
  return at < 0 ? [arg, undefined] : [arg.slice(0, at), arg.slice(at + 1)];
}

/**
 * Reads the command line of this program. Ends it where help is wanted, with status 0, or needed,
 * with status 2.
 *
 * @param help How the program is used.
 * @param settings What may be given.
 * @param operands How many arguments without a `--name` there may be.
 */
export function readCommandLine<Settings extends Record<string, Setting<unknown>>>(
  help: string,
  settings: Settings,
  operands = 0,
): { values: Values<Settings>; operands: readonly string[] } {
  try {
    const read = parseCommandLine(Deno.args, settings, operands);
    if (!read.help) return read;
  } catch (error) {
    if (error instanceof UsageError) usageError(error.message, help);
    throw error;
  }
  print(help);
  Deno.exit(0);
}
