import { configureSync, getLogger, type LogLevel as LogTapeLevel } from "@logtape/logtape";
import type { Log } from "./listener.ts";
import { jsonFormatter, type LogFormat, textFormatter } from "./log/format.ts";
import { LineWriter, type Write } from "./log/line_writer.ts";

/** Levels of a log, the least first. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;

/** The least level that is shown. */
export type LogLevel = typeof LOG_LEVELS[number];

const logger = getLogger("taproom");
const transitions = getLogger(["taproom", "trace"]);

/**
 * A log of the runtime. It writes to LogTape's category `taproom`, so a program that uses Taproom
 * as a library decides with LogTape's `configure` what becomes of it; by default, nothing.
 *
 * @param properties What every line carries, such as port and peer.
 */
export function createLog(properties: Readonly<Record<string, unknown>> = {}): Log {
  const emit = (level: LogTapeLevel) => (message: string, more?: Record<string, unknown>) => {
    try {
      logger.emit({
        timestamp: Date.now(),
        level,
        message: [message],
        rawMessage: String(message),
        properties: { ...properties, ...more },
      });
    } catch {
      // A log never throws: a property with a getter that does is not worth a connection.
    }
  };
  return { debug: emit("debug"), info: emit("info"), warn: emit("warning"), error: emit("error") };
}

/**
 * Writes one TCP state transition to the category `taproom.trace`, as `formatTransition` gives it.
 */
export function logTransition(line: string): void {
  transitions.emit({
    timestamp: Date.now(),
    level: "trace",
    message: [line],
    rawMessage: line,
    properties: {},
  });
}

/** What of the log is shown, and how. */
export interface LogOptions {
  /** The least level shown; of an error, the stack is shown at `"debug"` only. */
  readonly level: LogLevel;
  /** How it is written. */
  readonly format: LogFormat;
  /** Whether `"text"` may be coloured. */
  readonly color: boolean;
  /** Whether state transitions are shown: the bare line, or its `message` with `"json"`. */
  readonly trace: boolean;
  /** Where it is written. */
  readonly write: Write;
}

/**
 * Sends the log of this process to a stream. It never blocks on that stream.
 *
 * @returns Writes more lines in order with the log, and tells when all are written.
 */
export function configureLog(options: LogOptions): LineWriter {
  const writer = new LineWriter(options.write);
  const stacks = options.level === "debug";
  const format = options.format === "json"
    ? jsonFormatter({ color: false, stacks })
    : textFormatter({ color: options.color, stacks });
  const lowestLevel = options.level === "warn" ? "warning" : options.level;
  configureSync({
    reset: true,
    sinks: {
      log: (record) => writer.line(format(record)),
      trace: (record) =>
        writer.line(options.format === "json" ? format(record) : String(record.message[0])),
    },
    loggers: [
      { category: "taproom", sinks: ["log"], lowestLevel },
      {
        category: ["taproom", "trace"],
        sinks: ["trace"],
        parentSinks: "override",
        lowestLevel: options.trace ? "trace" : null,
      },
      { category: ["logtape", "meta"], sinks: ["log"], lowestLevel: "error" },
    ],
  });
  return writer;
}
