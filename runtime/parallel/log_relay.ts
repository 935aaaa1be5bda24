import { configureSync, getLogger, type LogRecord } from "@logtape/logtape";
import { packError, type PortableError, unpackError } from "./portable_error.ts";

/** A log record as it travels between threads. */
export interface PortableRecord extends Omit<LogRecord, "properties" | "rawMessage"> {
  /** The text. */
  readonly rawMessage: string;
  /** The properties: errors, and what else can be cloned. */
  readonly properties: readonly (readonly [string, PortableValue])[];
}

type PortableValue = { readonly error: PortableError } | { readonly value: unknown };

const LEVELS = ["trace", "debug", "info", "warning", "error", "fatal"] as const;

/** The least level of the log that somebody in this thread wants to hear; `null` for nobody. */
export function heardLevel(): typeof LEVELS[number] | null {
  const logger = getLogger("taproom");
  return LEVELS.find((level) => level !== "trace" && logger.isEnabledFor(level)) ?? null;
}

/**
 * Sends this thread's log, and its transitions, to another.
 *
 * @param lowestLevel {@link heardLevel} of the other.
 * @param trace Whether transitions are wanted.
 * @param send Takes them there.
 */
export function relayLog(
  lowestLevel: typeof LEVELS[number] | null,
  trace: boolean,
  send: (record: PortableRecord) => void,
): void {
  configureSync({
    reset: true,
    sinks: { relay: (record) => send(packRecord(record)) },
    loggers: [
      { category: "taproom", sinks: ["relay"], lowestLevel },
      {
        category: ["taproom", "trace"],
        sinks: ["relay"],
        parentSinks: "override",
        lowestLevel: trace ? "trace" : null,
      },
      { category: ["logtape", "meta"], sinks: [] },
    ],
  });
}

/** Writes what another thread has sent into the log of this one. */
export function logRecord(record: PortableRecord): void {
  const { category, properties, ...rest } = record;
  const entries = properties.map(([name, value]) =>
    [name, "error" in value ? unpackError(value.error) : value.value] as const
  );
  try {
    getLogger([...category]).emit({ ...rest, properties: Object.fromEntries(entries) });
  } catch {
    // A log never throws.
  }
}

function packRecord({ properties, rawMessage, ...rest }: LogRecord): PortableRecord {
  return {
    ...rest,
    message: rest.message.map(String),
    rawMessage: String(rawMessage),
    properties: Object.entries(properties).map(([name, value]) => [name, packValue(value)]),
  };
}

function packValue(value: unknown): PortableValue {
  if (value instanceof Error) return { error: packError(value) };
  if (typeof value !== "object" && typeof value !== "function") return { value };
  try {
    return { value: structuredClone(value) };
  } catch {
    return { value: Deno.inspect(value) };
  }
}
