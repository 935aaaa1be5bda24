import type { ReadableWaiter } from "../readable_waiter.ts";
import type { Limits } from "./limits.ts";

/**
 * A connection to serve: what a `Flow` and a `Deno.TcpConn` both are.
 *
 * `close()` must settle a pending `read` and `write`, one way or the other, and may be called
 * twice.
 */
export interface HttpConnection {
  /** Reads up to `p.length` bytes; `null` at the end of the peer's stream; rejects on a reset. */
  read(p: Uint8Array): Promise<number | null>;
  /** Writes some of `p`, at least one byte; rejects when the peer can no longer get it. */
  write(p: Uint8Array): Promise<number>;
  /**
   * Writes as much of `p` as there is room for, without waiting: 0 bytes if others wait to write,
   * or nothing can be written, of which `write` gives the reason. Not every connection has it.
   */
  writeNow?(p: Uint8Array): number;
  /**
   * Has a waiter told, once, as soon as there is something to read, the end of the stream and the
   * loss of the connection included. It takes the place of a read that waits, which then never
   * settles. Not every connection has it.
   */
  onceReadable?(waiter: ReadableWaiter): void;
  /** Ends our direction. */
  closeWrite(): Promise<void>;
  /**
   * The whole goodbye. What was written before must still reach the peer, though bytes of the
   * peer remain unread or still arrive.
   */
  close(): void;
  /**
   * Resets the connection, so that a response cut short is not taken for a whole one. `close` is
   * used if it is missing.
   */
  abort?(): void;
  /** Our address. */
  readonly localAddr: Deno.Addr;
  /** The peer's address. */
  readonly remoteAddr: Deno.Addr;
}

/** What a handler is told beside the request; the same as `Deno.ServeHandlerInfo`. */
export interface ServeInfo {
  /** The client's address. */
  readonly remoteAddr: Deno.NetAddr;
  /**
   * Resolves when the whole response has been handed to the connection, rejects with the reason if
   * that failed. A rejection that nobody handles does no harm.
   */
  readonly completed: Promise<void>;
}

/** Answers one request, as a handler of `Deno.serve` does. */
export type HttpHandler = (request: Request, info: ServeInfo) => Response | Promise<Response>;

/** Timers to measure time limits with; replaced in tests. */
export interface Timers {
  /** Calls `callback` once, `ms` milliseconds from now. */
  set(callback: () => void, ms: number): unknown;
  /** Cancels what `set` returned; after the call it does nothing. */
  clear(handle: unknown): void;
}

/** The request that a handler failed on, for a log line. */
export interface FailedRequest {
  /** Its method. */
  readonly method: string;
  /** Its URL. */
  readonly url: string;
  /** The client's address. */
  readonly remoteAddr: Deno.NetAddr;
}

/** Options of `serveHttp`, each with a default. */
export interface HttpOptions extends Partial<Limits> {
  /**
   * Ends the service gracefully once aborted: the current exchange is finished, with
   * `Connection: close`; a connection that waits for a request is closed at once.
   */
  signal?: AbortSignal;
  /**
   * Told when a handler throws, rejects, returns no usable Response, or its response stream
   * fails. Must not throw.
   */
  onError?(error: unknown, request: FailedRequest): void;
  /**
   * Told when a handler fails with the `AbortError` of its request's own signal, because the client
   * has left or ended its stream. Must not throw.
   */
  onAborted?(error: unknown, request: FailedRequest): void;
  /** Where time limits come from; the platform's timers by default. */
  timers?: Timers;
}
