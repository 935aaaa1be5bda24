import type { z } from "zod";
import { type Config, ConfigError, type ConfigFault, formatFault } from "./config.ts";
import { definition } from "./definition.ts";
import { relationFaults } from "./relations.ts";

/**
 * Checks a config and fills in its defaults.
 *
 * @param value A config as it is written: defaults may be left out.
 * @throws {ConfigError} With everything that is wrong, one `path: what is wrong, what was found` a
 *   line.
 *
 * @example
 * ```ts
 * import { parseConfig } from "taproom";
 *
 * const config = parseConfig({
 *   interfaces: [{
 *     device: { type: "gateway", forward: { "8080": 80 } },
 *     addresses: ["10.0.0.2/24"],
 *   }],
 * });
 * ```
 */
export function parseConfig(value: unknown): Config {
  const result = validate(value);
  if ("config" in result) return result.config;
  throw new ConfigError(result.faults.map(formatFault).join("\n"), result.faults);
}

/** The config, or all that is wrong with it, in the order of its parts. */
export function validate(value: unknown): { config: Config } | { faults: ConfigFault[] } {
  const parsed = definition.safeParse(value);
  const faults = relationFaults(value);
  if (parsed.success && faults.length === 0) return { config: parsed.data };
  const issues = parsed.success ? [] : parsed.error.issues;
  return { faults: distinct([...issues.flatMap((issue) => faultsOf(issue, value)), ...faults]) };
}

function faultsOf(issue: z.core.$ZodIssue, value: unknown): ConfigFault[] {
  const path = issue.path as (string | number)[];
  if (issue.code === "unrecognized_keys") {
    const messages = issue.message.split("\n");
    return issue.keys.map((key, index) => ({ path, key, message: messages[index]! }));
  }
  if (issue.code === "invalid_key") {
    const key = String(path.at(-1));
    const message = `${issue.message}, found ${JSON.stringify(key)}`;
    return [{ path: path.slice(0, -1), key, message }];
  }
  return [{ path, message: `${issue.message}, found ${describe(valueAt(value, path))}` }];
}

function valueAt(value: unknown, path: readonly (string | number)[]): unknown {
  for (const step of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) {
      return undefined;
    }
    value = (value as Record<string | number, unknown>)[step];
  }
  return value;
}

/** A value in a few words: what was found where something else was expected. */
export function describe(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (typeof value === "object" && value !== null) {
    return Object.keys(value).length === 0 ? "an empty object" : "an object";
  }
  if (typeof value === "function") return "a function";
  if (typeof value !== "string") return String(value);
  return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value);
}

function distinct(faults: ConfigFault[]): ConfigFault[] {
  const texts = new Set<string>();
  return faults.filter((fault) => {
    const text = formatFault(fault);
    return !texts.has(text) && texts.add(text);
  });
}
