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
  /** How many there are. */
  readonly count: number;
  /** Its queue of each interface. */
  readonly queues: readonly TapQueue[];
  /** The least level of the log that is heard. */
  readonly logLevel: ReturnType<typeof heardLevel>;
  /** Memory of a `CountersPage`. */
  readonly counters: SharedArrayBuffer;
  /** Memory of the `Allowance` for frames that the Worker hands over. */
  readonly outbound: SharedArrayBuffer;
  /** Memory of the `Allowance` for frames that are handed to the Worker. */
  readonly inbound: SharedArrayBuffer;
  /** Memory of the `Allowance` for characters of the log. */
  readonly log: SharedArrayBuffer;
}

/** A frame on its way to the Worker whose connection it is for. */
export interface Stray {
  /** Tells it from other messages. */
  readonly type: "stray";
  /** Index of the interface. */
  readonly interface: number;
  /** The frame; its transport checksum was verified. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** `Frame.segmentSize`. */
  readonly segmentSize: number;
  /** Who has looked at it in vain. */
  readonly asked: readonly number[];
  /** Whom to ask first. */
  readonly likely: number;
}

/** An ARP packet, for all others to learn from. */
export interface NeighborNews {
  /** Tells it from other messages. */
  readonly type: "neighbor";
  /** Index of the interface. */
  readonly interface: number;
  /** The frame: a reply, whatever the packet was, since nobody answers that. */
  readonly bytes: Uint8Array<ArrayBuffer>;
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
  | { readonly type: "ended"; readonly result: DrainResult }
  | Stray
  | NeighborNews;

/** What the main thread tells a Worker; `last`: nobody else is left to be asked. */
export type MainMessage =
  | { readonly type: "drain" | "abort" }
  | Stray & { readonly last: boolean }
  | NeighborNews;

/** Most bytes of frames that are under way from or to a Worker. */
export const FRAMES_UNDER_WAY = 1 << 18;
/** Most characters of the log that are under way from a Worker. */
export const LOG_UNDER_WAY = 1 << 20;
