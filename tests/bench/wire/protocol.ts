// What the wire's process is told, and what it tells: one line of JSON each.

import type { ImpairmentCounters } from "../../../runtime/device/impairment.ts";
import type { ConnectionInfo } from "../../../stack/tcp/api.ts";
import type { TcpOptions } from "../../../stack/tcp/tcp_options.ts";

/** Losses of many data frames in a row, now and then. */
export interface Bursts {
  /** When the first begins, in milliseconds of the run. */
  readonly first: number;
  /** Time from one to the next in milliseconds. */
  readonly every: number;
  /** Data frames that each of them takes. */
  readonly length: number;
}

/** How the wire is, in both directions. */
export interface WirePath {
  /** Bits per second. */
  readonly rate: number;
  /** Room before the bottleneck in bytes. */
  readonly queue: number;
  /** Time of one way in milliseconds. */
  readonly delay: number;
  /** Probability that a frame is lost. */
  readonly loss?: number;
  /** Frames that come late. */
  readonly reorder?: { readonly probability: number; readonly delay: number };
  readonly bursts?: Bursts;
}

/** A flow whose near end is Taproom. */
export interface TaproomFlow {
  /** Which end of the transfer Taproom is. */
  readonly role: "source" | "sink";
  /** Port of the sink. */
  readonly port: number;
}

/** One run. */
export interface WireRun {
  readonly seed: number;
  readonly path: WirePath;
  /** How long a sink counts, in seconds. */
  readonly seconds: number;
  readonly flows: readonly TaproomFlow[];
  /** Limits and times of Taproom's TCP that differ from the defaults. */
  readonly tcp?: Partial<TcpOptions>;
}

/** What one run of Taproom's flows gave. */
export interface FlowResult {
  /** Bytes that the application has read, of a sink. */
  readonly bytes: number;
  /** The connection at the end. */
  readonly info: ConnectionInfo | undefined;
}

/** What one run gave. */
export interface WireResult {
  readonly flows: readonly FlowResult[];
  /** What became of the frames: `far` those to the far end, `near` those to the near ends. */
  readonly frames: { readonly far: ImpairmentCounters; readonly near: ImpairmentCounters };
  /** Frames that are longer than the wire is meant for: none, or something is wrong. */
  readonly oversized: number;
  /** How long the wire's process was kept from its work, pauses of above 1 ms, in milliseconds. */
  readonly stalled: number;
  /** The longest of these pauses. */
  readonly longestStall: number;
  /** Counters of Taproom's TCP. */
  readonly tcp: Readonly<Record<string, number>>;
}
