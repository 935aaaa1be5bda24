import type { HttpConnection, HttpHandler, HttpOptions, Timers } from "./api.ts";
import { platformTimers } from "./deadline.ts";
import { DrainGroup } from "./drain.ts";
import { type Limits, resolveLimits } from "./limits.ts";

/** What all connections of one application have in common. */
export class HttpServer {
  /** Answers each request. */
  readonly handler: HttpHandler;
  /** Limits, all of them. */
  readonly limits: Limits;
  /** Where time limits come from. */
  readonly timers: Timers;
  /** Where errors are told. */
  readonly options: HttpOptions;
  /** Those who are drained when the signal is aborted; `undefined` without a signal. */
  readonly drain: DrainGroup | undefined;

  /**
   * @param handler Answers each request.
   * @param options Limits, drain signal, and where errors are told.
   * @throws {RangeError} If a limit is negative or no number.
   */
  constructor(handler: HttpHandler, options: HttpOptions) {
    this.handler = handler;
    this.options = options;
    this.limits = resolveLimits(options);
    this.timers = options.timers ?? platformTimers;
    this.drain = options.signal && DrainGroup.of(options.signal);
  }
}

/** Told what becomes of connections. */
export interface HttpEnding {
  /** One is finished: closed by us, or lost. */
  finished(connection: HttpConnection): void;
  /** The engine has failed on one, by a fault of its own. */
  failed(connection: HttpConnection, error: unknown): void;
}
