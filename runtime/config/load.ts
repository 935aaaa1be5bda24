import { parse } from "@std/jsonc";
import { type Config, ConfigError, type ConfigFault, formatFault } from "./config.ts";
import { type JsoncNode, locate, positionAt } from "./position.ts";
import { validate } from "./validate.ts";

/** Reads a whole file as text; what `Deno.readTextFile` does. */
export type ReadTextFile = (path: string) => Promise<string>;

/**
 * Reads and checks a config file: JSON with comments and trailing commas.
 *
 * @param path The file.
 * @param read Reads it.
 * @throws {ConfigError} The file is missing, unreadable or wrong. Each line of the message says
 *   where: `app.jsonc:3:13: listeners[0].port: expected …, found …`.
 * @throws {Deno.errors.NotCapable} Deno was not allowed to read the file.
 */
export async function loadConfig(
  path: string,
  read: ReadTextFile = Deno.readTextFile,
): Promise<Config> {
  return parseConfigText(await readConfigText(path, read), path);
}

async function readConfigText(path: string, read: ReadTextFile): Promise<string> {
  try {
    return await read(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    throw new ConfigError(`${path}: ${reasonUnreadable(error)}`);
  }
}

function reasonUnreadable(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "expected a config file, found no such file";
  if (error instanceof Deno.errors.IsADirectory) return "expected a config file, found a directory";
  if (error instanceof Deno.errors.PermissionDenied) {
    return "the config file cannot be read: the system denies permission to this user";
  }
  return `the config file cannot be read: ${error instanceof Error ? error.message : error}`;
}

/**
 * Checks the text of a config file.
 *
 * @param text The text.
 * @param name Name of the file, for messages.
 * @throws {ConfigError} As {@link loadConfig}.
 */
export function parseConfigText(text: string, name: string): Config {
  const source = text.replace(/^\uFEFF/, "");
  const result = validate(parseJsonc(source, name));
  const root = locate(source);
  const faults = "faults" in result ? result.faults : [];
  const placed = faults.map((fault) => ({ fault, offset: offsetOf(fault, root) }));
  for (const { path, key, offset } of repeatedKeys(root)) {
    const message = `a key given twice, found ${JSON.stringify(key)} again`;
    placed.push({ fault: { path, key, message }, offset });
  }
  if ("config" in result && placed.length === 0) return result.config;

  placed.sort((a, b) => a.offset - b.offset);
  throw new ConfigError(
    placed.map(({ fault, offset }) => `${place(name, source, offset)}: ${formatFault(fault)}`)
      .join("\n"),
    placed.map(({ fault }) => fault),
  );
}

function parseJsonc(source: string, name: string): unknown {
  try {
    return parse(source);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const unexpected = /unexpected token "([^]*)" in JSONC at position (\d+)$/.exec(message);
    if (unexpected) {
      const where = place(name, source, Number(unexpected[2]));
      const found = unexpected[1]!.split(/[\r\n]/, 1)[0];
      throw new ConfigError(`${where}: not JSON with comments: unexpected ${found}`);
    }
    if (error instanceof SyntaxError) {
      const blank = source.replace(/\/\/.*|\/\*[^]*?\*\//g, "").trim() === "";
      const reason = blank
        ? 'expected a config, such as { "interfaces": […] }, found an empty file'
        : "not JSON with comments: unexpected end of the file";
      throw new ConfigError(`${place(name, source, source.length)}: ${reason}`);
    }
    throw new ConfigError(`${name}: not a config: nested too deeply`);
  }
}

function place(name: string, source: string, offset: number): string {
  const { line, column } = positionAt(source, offset);
  return `${name}:${line}:${column}`;
}

/** Where the value at fault stands; what would hold it, when it is missing. */
function offsetOf(fault: ConfigFault, root: JsoncNode): number {
  let node = root;
  for (const step of fault.path) node = node.children.get(step) ?? node;
  return fault.key === undefined ? node.offset : node.keys.get(fault.key)?.at(-1) ?? node.offset;
}

function* repeatedKeys(
  node: JsoncNode,
  path: (string | number)[] = [],
): Generator<{ path: (string | number)[]; key: string; offset: number }> {
  for (const [key, offsets] of node.keys) {
    for (const offset of offsets.slice(1)) yield { path, key, offset };
  }
  for (const [step, child] of node.children) yield* repeatedKeys(child, [...path, step]);
}
