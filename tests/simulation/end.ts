import type { CloseReason } from "../../stack/tcp/api.ts";

/** The time of a run. */
export interface Clock {
  /** Virtual milliseconds since the beginning. */
  readonly now: number;
  /** Has something done after a delay. */
  later(delay: number, action: () => void): void;
}

/** What is known of one end of a connection, whoever it is. */
export interface End {
  /** Bytes written, sent or not. */
  readonly written: number;
  /** Bytes read in order. */
  readonly read: number;
  /** What it has ended of its own will: nothing, its direction, or the whole connection. */
  readonly goodbye: "none" | "half" | "whole";
  /** It has reset the connection of its own will. */
  readonly aborted: boolean;
  /** It has seen the end of the peer's stream. */
  readonly ended: boolean;
  /** The connection came about. */
  readonly begun: boolean;
  /** When it has said its whole goodbye; `Infinity` for never. */
  readonly closedAt: number;
  /** When it was told of the end; `Infinity` for not yet. */
  readonly endedAt: number;
  /** What it was told at the end: one reason. */
  readonly reasons: readonly CloseReason[];
  /** What must not have happened, in words. */
  readonly faults: readonly string[];
}

/** The acceptor's port of connection n is this plus n: a trace tells them apart by it. */
export const FIRST_PORT = 80;
/** The opener's port of connection n. */
export const FIRST_LOCAL_PORT = 10_000;

/** Distance of the patterns of two streams. */
const STREAM = 1_000_003;

/**
 * Where the pattern of a stream begins.
 *
 * @param connection Number of the connection.
 * @param end 0 for what its opener writes, 1 for what its acceptor writes.
 */
export function patternOf(connection: number, end: 0 | 1): number {
  return (2 * connection + end) * STREAM;
}

/** The byte at a place of the patterns; `runtime/testing` has the same for whole ranges. */
export function patternByte(at: number): number {
  return Math.imul(at, 0x9e3779b1) >>> 24;
}
