import type { LogRecord } from "@logtape/logtape";

/** How log records are written. */
export type LogFormat = "text" | "json";

/** What makes a line of a record. */
export type RecordFormatter = (record: LogRecord) => string;

/** How to write records. */
export interface FormatOptions {
  /** Whether to colour the level (ANSI escapes); for `"text"` only. */
  readonly color: boolean;
  /** Whether to write the stack of an error, not its first line only. */
  readonly stacks: boolean;
}

const LEVEL_NAMES: Record<string, string> = { warning: "warn", fatal: "error" };
const LEVEL_COLORS: Record<string, string> = { debug: "2", info: "32", warn: "33", error: "31" };

/**
 * Writes a record for people: `10:44:01.123 info  listening  port=80`, in local time. What could
 * move a terminal's cursor or forge a line is escaped.
 */
export function textFormatter({ color, stacks }: FormatOptions): RecordFormatter {
  return ({ timestamp, level, message, properties }) => {
    const name = LEVEL_NAMES[level] ?? level;
    const shown = color
      ? `\x1b[${LEVEL_COLORS[name] ?? "0"}m${name.padEnd(5)}\x1b[0m`
      : name.padEnd(5);
    let line = `${timeOfDay(timestamp)} ${shown} ${escapeControls(messageOf(message))}`;
    let separator = "  ";
    let stack = "";
    for (const [key, value] of Object.entries(properties)) {
      line += `${separator}${escapeControls(key)}=${escapeControls(textOf(value))}`;
      separator = " ";
      if (stacks && value instanceof Error) stack += indented(value);
    }
    return line + stack;
  };
}

/**
 * Writes a record for programs: one JSON object a line, with `time` (ISO 8601, UTC), `level`,
 * `message` and the properties. An error is an object with `name` and `message`.
 */
export function jsonFormatter({ stacks }: FormatOptions): RecordFormatter {
  return ({ timestamp, level, message, properties }) => {
    const fixed = {
      time: new Date(timestamp).toISOString(),
      level: LEVEL_NAMES[level] ?? level,
      message: messageOf(message),
    };
    const record: Record<string, unknown> = { ...fixed };
    for (const [key, value] of Object.entries(properties)) record[key] = jsonOf(value, stacks);
    return JSON.stringify(Object.assign(record, fixed));
  };
}

/** The first line of an error, or of whatever else was thrown: `TypeError: x is not a function`. */
export function firstLine(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : textOf(error);
  return text.split(/[\r\n]/, 1)[0]!;
}

/** The text of a message: at odd places of LogTape's array stand values, at even ones texts. */
function messageOf(message: readonly unknown[]): string {
  return message.map((part, index) => index % 2 === 0 ? String(part) : textOf(part)).join("");
}

function timeOfDay(timestamp: number): string {
  const date = new Date(timestamp);
  const [hours, minutes, seconds] = [date.getHours(), date.getMinutes(), date.getSeconds()]
    .map((part) => String(part).padStart(2, "0"));
  return `${hours}:${minutes}:${seconds}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

function textOf(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(firstLine(value));
  if (typeof value === "string") return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
  return inspect(value);
}

function jsonOf(value: unknown, stacks: boolean): unknown {
  if (value instanceof Error) {
    const { name, message, stack } = value;
    return stacks ? { name, message, stack } : { name, message };
  }
  if (typeof value === "bigint") return String(value);
  try {
    return JSON.stringify(value) === undefined ? inspect(value) : value;
  } catch {
    return inspect(value);
  }
}

function inspect(value: unknown): string {
  try {
    return Deno.inspect(value, { breakLength: Infinity, depth: 3, strAbbreviateSize: 200 });
  } catch {
    return `(a ${typeof value} that cannot be shown)`;
  }
}

function indented(error: Error): string {
  const lines = (error.stack ?? "").split("\n").map((line) => `\n    ${escapeControls(line)}`);
  const cause = error.cause instanceof Error ? `\n    caused by:${indented(error.cause)}` : "";
  return lines.join("") + cause;
}

function escapeControls(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029]/g, (char) => {
    const code = char.charCodeAt(0);
    return code === 10 ? "\\n" : `\\x${code.toString(16).padStart(2, "0")}`;
  });
}
