import type { Config } from "../config/config.ts";
import type { TapQueue } from "../device/tap_queues.ts";
import type { DrainResult } from "../drain.ts";
import type { heardLevel, PortableRecord } from "./log_relay.ts";
import type { PortableError } from "./portable_error.ts";

/** What a Worker is started with. */
export interface Assignment {
  /** What it is to do: all of the config. */
  readonly config: Config;
  /** URL that relative module specifiers are relative to. */
  readonly base: string;
  /** Which Worker it is, from 0. */
  readonly index: number;
  /** Its queue of each interface. */
  readonly queues: readonly TapQueue[];
  /** Of each interface, the mailbox of each Worker, and the eventfd that wakes it. */
  readonly mailboxes: readonly (readonly MailboxAddress[])[];
  /** A word with a bit for each Worker that serves now. */
  readonly serving: SharedArrayBuffer;
  /** The least level of the log that is heard. */
  readonly logLevel: ReturnType<typeof heardLevel>;
  /** Memory of a `CountersPage`. */
  readonly counters: SharedArrayBuffer;
  /** Memory of the `Allowance` for characters of the log. */
  readonly log: SharedArrayBuffer;
}

/** Where to send a frame that is for another Worker. */
export interface MailboxAddress {
  /** Memory of the `Mailbox`. */
  readonly memory: SharedArrayBuffer;
  /** What to signal when something is in it. */
  readonly event: number;
}

/** How a configured listener of a Worker is. */
export interface ListenerReport {
  /** Whether it is still being loaded or started. */
  readonly pending: boolean;
  /** Why it is not served. */
  readonly error: PortableError | undefined;
}

/** What a Worker tells the main thread. */
export type WorkerMessage =
  | { readonly type: "started" | "loaded"; readonly listeners: readonly ListenerReport[] }
  | { readonly type: "log"; readonly record: PortableRecord; readonly size: number }
  | { readonly type: "failed"; readonly error: PortableError }
  | { readonly type: "ended"; readonly result: DrainResult };

/** What the main thread tells a Worker. */
export type MainMessage = "drain" | "abort";

/** Most characters of the log that are under way from a Worker. */
export const LOG_UNDER_WAY = 1 << 20;
