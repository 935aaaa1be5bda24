import type { CongestionName } from "../stack/tcp/congestion.ts";
import { reject, rejected } from "./errors.ts";
import { Fifo } from "./fifo.ts";
import type { Flow } from "./listener.ts";

/** Where to listen. */
export interface ListenOptions {
  /** Port number; 0, the default, for one that is free. */
  readonly port?: number;
  /** One of our addresses; `"0.0.0.0"`, the default, for all of them. */
  readonly hostname?: string;
  /** Most connections that wait to be accepted, 511 by default; one more is reset. */
  readonly backlog?: number;
  /** Congestion control of the flows; that of the interface by default. */
  readonly congestion?: CongestionName | undefined;
}

/** Accepts flows, as a `Deno.TcpListener` accepts connections. */
export interface TcpListener extends Deno.Listener<Flow, Deno.NetAddr> {
  /** Connections reset so far because the backlog was full. */
  readonly overflows: number;
}

/**
 * The listener of `listen`.
 *
 * Established connections wait for `accept`, at most `backlog` of them; one more is reset and
 * counted, so that its peer knows at once and may try elsewhere. Any number of calls of `accept`
 * may wait, and are served in their order (Deno allows one). `close` may be called twice; it resets
 * the connections that wait, and leaves accepted ones alone.
 */
export class FlowListener implements TcpListener {
  readonly addr: Deno.NetAddr;
  readonly #backlog: number;
  readonly #onClose: () => void;
  readonly #flows = new Fifo<Flow>();
  readonly #takers = new Fifo<PromiseWithResolvers<Flow>>();
  /** {@link TcpListener.overflows} */
  overflows = 0;
  #closed = false;

  /**
   * @param addr Where it listens.
   * @param backlog Most flows that wait.
   * @param onClose Called once, by `close`.
   */
  constructor(addr: Deno.NetAddr, backlog: number, onClose: () => void) {
    this.addr = addr;
    this.#backlog = backlog;
    this.#onClose = onClose;
  }

  /** Brings a flow to whoever accepts. */
  deliver(flow: Flow): void {
    const taker = this.#takers.shift();
    if (taker !== undefined) taker.resolve(flow);
    else if (this.#closed) flow.abort();
    else if (this.#flows.size >= this.#backlog) {
      this.overflows++;
      flow.abort();
    } else this.#flows.push(flow);
  }

  /**
   * Waits for the next flow.
   *
   * @throws {Deno.errors.BadResource} The listener is closed.
   */
  accept(): Promise<Flow> {
    if (this.#closed) return rejected(closedError());
    const flow = this.#flows.shift();
    if (flow !== undefined) return Promise.resolve(flow);
    const taker = Promise.withResolvers<Flow>();
    this.#takers.push(taker);
    return taker.promise;
  }

  /** Stops listening. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#onClose();
    for (let flow = this.#flows.shift(); flow; flow = this.#flows.shift()) flow.abort();
    for (let taker = this.#takers.shift(); taker; taker = this.#takers.shift()) {
      reject(taker, closedError());
    }
  }

  /** Stops listening. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** The flows as they come, until the listener is closed; leaving the loop closes it. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Flow, void> {
    try {
      while (true) yield await this.accept();
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    } finally {
      this.close();
    }
  }

  /** Does nothing: it is the runtime that keeps a process alive, until it drains. */
  ref(): void {}

  /** Does nothing. */
  unref(): void {}
}

function closedError(): Error {
  return new Deno.errors.BadResource("the listener has been closed");
}
