import type {
  CloseReason,
  Connection,
  ConnectionInfo,
  Endpoint,
  KeepAlive,
  TcpState,
} from "../stack/tcp/api.ts";
import { rejected } from "./errors.ts";
import { FlowCore } from "./flow_core.ts";
import { readableOf, writableOf } from "./flow_streams.ts";
import type { Flow } from "./listener.ts";
import type { ReadableWaiter } from "./readable_waiter.ts";

/**
 * A {@link Flow} over an Established connection.
 *
 * It does what a `Deno.TcpConn` does, also in the odd cases, except that
 *
 * - `write` takes the whole buffer before it resolves, never a part of it;
 * - `close` may be called twice and after the end, and sends what earlier calls of `write` still
 *   have to send, awaited or not; whoever waits in `read` then gets `Deno.errors.Interrupted`;
 * - end of stream on `readable` and closing `writable` each end one direction only; aborting
 *   `writable` resets the connection, so that a cut is not taken for an end. Cancelling `readable`
 *   closes the flow, as in Deno;
 * - `ref` and `unref` do nothing: it is the runtime that keeps a process alive, until it drains.
 */
export class ConnectionFlow implements Flow {
  /** Neighbors in the set that it belongs to. */
  next: ConnectionFlow | undefined;
  /** Neighbors in the set that it belongs to. */
  previous: ConnectionFlow | undefined;
  readonly #core: FlowCore;
  readonly #onEnd: ((reason: CloseReason, flow: ConnectionFlow) => void) | undefined;
  #readable: ReadableStream<Uint8Array<ArrayBuffer>> | undefined;
  #writable: WritableStream<Uint8Array<ArrayBufferLike>> | undefined;

  /**
   * @param connection The connection, whose observer the flow becomes.
   * @param onEnd Called once, when the connection has ended.
   */
  constructor(connection: Connection, onEnd?: (reason: CloseReason, flow: ConnectionFlow) => void) {
    this.#core = new FlowCore(connection, this);
    this.#onEnd = onEnd;
  }

  /** Told by what it is made of, once, when the connection has ended. */
  ended(reason: CloseReason): void {
    this.#onEnd?.(reason, this);
  }

  /** Our end. */
  get localAddr(): Deno.NetAddr {
    return netAddr(this.#core.connection.local);
  }

  /** The peer's end. */
  get remoteAddr(): Deno.NetAddr {
    return netAddr(this.#core.connection.remote);
  }

  /** {@link Flow.state} */
  get state(): TcpState {
    return this.#core.connection.state;
  }

  /** Why the connection ended; `undefined` while it lives. */
  get closeReason(): CloseReason | undefined {
    return this.#core.connection.closeReason;
  }

  /** The flow was closed by us, and the peer has acknowledged all of it and has yet to say goodbye. */
  get goodbyeSaid(): boolean {
    return this.#core.released && this.#core.connection.state === "Fin_wait_2";
  }

  /** {@link Flow.closed} */
  get closed(): Promise<CloseReason> {
    return this.#core.end;
  }

  /**
   * Reads received bytes into `p`, waiting until there are some.
   *
   * Reads that wait at the same time are served in the order of the calls.
   *
   * @returns How many; 0 only for an empty `p`; `null` at the end of the peer's stream.
   */
  read(p: Uint8Array): Promise<number | null> {
    return ArrayBuffer.isView(p) ? this.#core.read(bytesOf(p)) : rejected(notBytes(p));
  }

  /**
   * Writes all of `p`, behind everything written before, waiting while the send buffer is full.
   * `p` must not change until then.
   *
   * @returns The length of `p`.
   */
  write(p: Uint8Array): Promise<number> {
    return ArrayBuffer.isView(p) ? this.#core.write(bytesOf(p)) : rejected(notBytes(p));
  }

  /** As `write`, without waiting: takes what there is room for. */
  writeNow(p: Uint8Array): number {
    return this.#core.writeNow(p);
  }

  /** Ends our direction, behind everything written; the peer's goes on. Twice is harmless. */
  closeWrite(): Promise<void> {
    return this.#core.closeWrite();
  }

  /** {@link Flow.close} */
  close(): void {
    this.#core.close();
  }

  /** {@link Flow.close} */
  [Symbol.dispose](): void {
    this.#core.close();
  }

  /** {@link Flow.abort} */
  abort(): void {
    this.#core.abort();
  }

  /** Received bytes as a byte stream that reads no further ahead than it is asked for. */
  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#readable ??= readableOf(this.#core);
  }

  /** A stream into the flow; closing it is {@link ConnectionFlow.closeWrite}. */
  get writable(): WritableStream<Uint8Array<ArrayBufferLike>> {
    return this.#writable ??= writableOf(this.#core);
  }

  /** Switches Nagle's algorithm off (the default) or on. */
  setNoDelay(noDelay = true): void {
    this.#core.connection.setNoDelay(noDelay);
  }

  /** {@link Flow.setKeepAlive} */
  setKeepAlive(keepAlive: boolean | KeepAlive = true): void {
    this.#core.connection.setKeepAlive(keepAlive);
  }

  /** {@link Flow.setUserTimeout} */
  setUserTimeout(timeout: number): void {
    if (!(timeout >= 0)) {
      throw new RangeError(`user timeout ${timeout}: expected milliseconds, 0 for none`);
    }
    this.#core.connection.setUserTimeout(timeout);
  }

  /** {@link Flow.info} */
  info(): ConnectionInfo {
    return this.#core.connection.info();
  }

  /** Does nothing. */
  ref(): void {}

  /** Does nothing. */
  unref(): void {}

  /** Bytes that a read would get at once, for those who wait with {@link ConnectionFlow.arrival}. */
  get readableBytes(): number {
    return this.#core.available;
  }

  /** Has a waiter told once when a read would not wait; a read that waits now never settles. */
  onceReadable(waiter: ReadableWaiter): void {
    this.#core.onceReadable(waiter);
  }

  /**
   * Waits for something to read without lending a buffer for the time of the wait, as who serves
   * many idle connections will.
   *
   * @returns Bytes waiting; `null` at the end of the peer's stream.
   */
  arrival(): Promise<number | null> {
    return this.#core.read();
  }

  /** For people who look at one. */
  [Symbol.for("Deno.customInspect")](): string {
    const { local, remote, state } = this.#core.connection;
    return `Flow { ${local.address}:${local.port} - ${remote.address}:${remote.port}, ${state} }`;
  }
}

function netAddr(end: Endpoint): Deno.NetAddr {
  return { transport: "tcp", hostname: end.address.toString(), port: end.port };
}

function bytesOf(view: ArrayBufferView): Uint8Array {
  return view instanceof Uint8Array
    ? view
    : new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

function notBytes(found: unknown): TypeError {
  return new TypeError(`expected a Uint8Array, found ${typeof found} ${String(found)}`);
}
