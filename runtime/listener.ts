/**
 * What a listener module is made of: the types that its author meets.
 *
 * @module
 */
import type { ServeInfo } from "./http/api.ts";
import type { CloseReason, ConnectionInfo, KeepAlive, TcpState } from "../stack/tcp/api.ts";
import type { CongestionName } from "../stack/tcp/congestion.ts";

/**
 * One end of an Established TCP connection, as a `Deno.TcpConn` and a little more, so whatever
 * works on a connection of `Deno.listen` or `Deno.connect` works on a flow.
 *
 * A flow comes from a {@link Listener}, from `listen` or from `connect`, and only once its
 * connection is Established. There is no other way to one.
 *
 * - `read` resolves to `null` at the end of the peer's stream and rejects with
 *   `Deno.errors.ConnectionReset` after a reset, with `Deno.errors.TimedOut` when the peer is gone
 *   without a word: the two are never confused with the end. A flow that is not read closes the
 *   peer's window.
 * - `write` takes all that it is given, and waits while the send buffer is full: a peer that does
 *   not read suspends the writer. It rejects with `Deno.errors.BrokenPipe` after `closeWrite` and with the reason's error after
 *   the connection has ended.
 * - `close` says the whole goodbye: everything written is sent, then FIN. It never waits and never
 *   throws; {@link Flow.closed} tells when it is over.
 */
export interface Flow extends Deno.TcpConn {
  /** State of the connection: Established or later. */
  readonly state: TcpState;
  /** Resolves, and never rejects, with the reason once the connection has ended. */
  readonly closed: Promise<CloseReason>;
  /**
   * Resets the connection at once: what was written and not yet sent is lost, the peer gets RST,
   * pending reads and writes reject. Harmless after the end.
   */
  abort(): void;
  /**
   * Switches keepalive probes on (the default) or off.
   *
   * @param keepAlive `true` for the times of RFC 1122 section 4.2.3.6, or one's own.
   */
  setKeepAlive(keepAlive?: boolean | KeepAlive): void;
  /**
   * Bounds how long what was written may wait without the peer acknowledging any of it, be it lost
   * or because the peer does not read: then the flow ends with `Deno.errors.TimedOut`.
   *
   * @param timeout Milliseconds; 0, the default, for no such bound.
   * @throws {RangeError} If it is negative or not a number.
   */
  setUserTimeout(timeout: number): void;
  /** A snapshot of round-trip time, windows, queues and counts. */
  info(): ConnectionInfo;
}

/**
 * Where a listener writes what people should know. A call never throws and never waits; port and,
 * for a flow, the peer are added to every line by the runtime.
 */
export interface Log {
  /** For whoever looks for a fault; not shown unless asked for (`--log-level debug`). */
  debug(message: string, properties?: Record<string, unknown>): void;
  /** Worth knowing in normal operation. */
  info(message: string, properties?: Record<string, unknown>): void;
  /** Something is not as it should be; the service goes on. */
  warn(message: string, properties?: Record<string, unknown>): void;
  /** Something failed. */
  error(message: string, properties?: Record<string, unknown>): void;
}

/** Where to connect to. */
export interface FlowConnectOptions {
  /** Address of the peer, in dotted decimal: `192.168.69.1`. */
  readonly hostname: string;
  /** Port of the peer, 1 to 65535. */
  readonly port: number;
  /** Gives the attempt up when aborted. */
  readonly signal?: AbortSignal;
  /** Congestion control; that of the interface by default. */
  readonly congestion?: CongestionName | undefined;
}

/** What the runtime lends to a listener. */
export interface ListenerContext {
  /** Aborted when the runtime drains: finish what is under way, begin nothing new. */
  readonly signal: AbortSignal;
  /** A log whose lines carry the port and, in {@link Listener.flow}, the peer. */
  readonly log: Log;
  /** The port listened on, 1 to 65535. */
  readonly port: number;
  /**
   * Opens a connection from the stack outwards.
   *
   * @throws {Deno.errors.ConnectionRefused} The peer answered with RST.
   * @throws {Deno.errors.TimedOut} The peer did not answer.
   * @throws {Deno.errors.NetworkUnreachable} Nothing leads to the address.
   * @throws {DOMException} With the name `AbortError`, or the signal's own reason, when the signal
   *   was aborted.
   */
  connect(options: FlowConnectOptions): Promise<Flow>;
  /**
   * Resolves a module specifier found in the options as the `module` of a listener in the config
   * is: relative to the config file, or a URL, `npm:` or `jsr:` specifier.
   *
   * @returns What `import()` takes.
   * @throws {TypeError} The specifier is a bare name.
   */
  resolve(specifier: string): string;
}

/**
 * Serves the flows of one port. A listener module exports one as its `default`.
 *
 * @example Echo
 * ```ts
 * import type { Listener } from "taproom";
 *
 * export default {
 *   async flow(flow) {
 *     await flow.readable.pipeTo(flow.writable);
 *   },
 * } satisfies Listener;
 * ```
 */
export interface Listener {
  /**
   * Serves one flow. Called once per connection, when it is Established, and never waited for by
   * other connections. When it returns, or its promise resolves, the flow is closed gracefully;
   * when it throws or rejects, the error is logged with port and peer and this flow alone is reset.
   */
  flow(flow: Flow, context: ListenerContext): void | Promise<void>;
  /**
   * Called once, before the port is opened. When it throws or rejects, the error is logged, the
   * port stays closed, and other listeners are served.
   */
  start?(context: ListenerContext): void | Promise<void>;
  /** Called once, after the last flow of the port has ended. */
  stop?(context: ListenerContext): void | Promise<void>;
}

/**
 * An HTTP application: what `deno serve` runs, Taproom runs unchanged. The default export of a
 * listener module may be one; the HTTP/1.1 engine then serves it.
 *
 * @example
 * ```ts
 * import type { FetchModule } from "taproom";
 *
 * export default {
 *   fetch: (request) => new Response(`You asked for ${new URL(request.url).pathname}\n`),
 * } satisfies FetchModule;
 * ```
 */
export interface FetchModule {
  /**
   * Answers one request. When it throws or rejects, the client gets 500 and the connection goes on.
   * `request.signal` is aborted when the client leaves.
   */
  fetch(request: Request, info: ServeInfo): Response | Promise<Response>;
  /** Called once, when the port is about to be opened, with the address and port. */
  onListen?(localAddr: Deno.NetAddr): void;
  /** As {@link Listener.start}. */
  start?(context: ListenerContext): void | Promise<void>;
  /** As {@link Listener.stop}. */
  stop?(context: ListenerContext): void | Promise<void>;
}

/**
 * Makes a listener of the `options` that its entry in the config gives (an empty object when there
 * are none). The default export of a listener module may be one.
 *
 * Throw on bad options, and say in the message which, what was found and what was expected: it is
 * shown with the module's name, and only this listener is not served.
 */
export type ListenerFactory = (
  options: Record<string, unknown>,
) => Listener | FetchModule | Promise<Listener | FetchModule>;
