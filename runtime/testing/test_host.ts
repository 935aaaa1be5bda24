import type { Stack } from "../../stack/stack.ts";
import { connectFlow, parseHostname } from "../connect.ts";
import { FetchListener } from "../fetch_listener.ts";
import { FlowSet } from "../flow_set.ts";
import type {
  FetchModule,
  Flow,
  FlowConnectOptions,
  Listener,
  ListenerContext,
  Log,
} from "../listener.ts";
import { resolveSpecifier } from "../modules.ts";
import { serveFlow } from "../serve_flow.ts";

/** A line that a listener, or the testing network about it, has logged. */
export interface LogLine {
  /** How serious it is. */
  readonly level: keyof Log;
  /** What it says. */
  readonly message: string;
  /** Port, peer of the flow, and what the caller has added. */
  readonly properties: Readonly<Record<string, unknown>>;
}

/** A port that is served. */
export interface Serving {
  /** The port. */
  readonly port: number;
  /** Stops listening and calls the listener's `stop`; flows that are open stay open. */
  close(): Promise<void>;
}

/**
 * What the runtime is to listener modules, on one stack of a testing network: it serves modules as
 * the runtime does, and opens flows.
 */
export class TestHost {
  /** The stack. */
  readonly stack: Stack;
  /** Its Internet address. */
  readonly address: string;
  /** What was logged, in order. */
  readonly log: LogLine[] = [];
  readonly #flows = new FlowSet();
  readonly #drain = new AbortController();
  readonly #servings = new Set<Serving>();

  /** Made by a testing network. */
  constructor(stack: Stack, address: string) {
    this.stack = stack;
    this.address = address;
  }

  /** Flows that are open, accepted or connected. */
  get flows(): Flow[] {
    return [...this.#flows];
  }

  /**
   * Serves a port with a listener or an HTTP application: what a module exports as its default, or
   * what the factory makes that it exports.
   *
   * Its `start` is called first. A listener that has none listens when this returns, so that there
   * is no need to wait.
   *
   * @param port The port, 1 to 65535.
   * @param module The listener, or the application.
   */
  async serve(port: number, module: Listener | FetchModule): Promise<Serving> {
    const listener = "flow" in module ? module : new FetchListener(module);
    const context = this.#context(port);
    if (listener.start !== undefined) await listener.start(context);
    const handle = this.stack.listen({ port }, (connection) => {
      const flow = this.#flows.adopt(connection);
      const isDraining = () => this.#drain.signal.aborted;
      serveFlow(listener, flow, this.#context(port, flow), "module under test", isDraining);
    });
    const serving: Serving = {
      port,
      close: async () => {
        if (!this.#servings.delete(serving)) return;
        handle.close();
        await listener.stop?.(context);
      },
    };
    this.#servings.add(serving);
    return serving;
  }

  /**
   * Opens a flow to a port of another host.
   *
   * @throws As {@link ListenerContext.connect}.
   */
  connect(options: FlowConnectOptions): Promise<Flow> {
    const { hostname, ...rest } = options;
    return connectFlow(this.stack, parseHostname(hostname), rest, this.#flows);
  }

  /** Begins to drain as the runtime does: no new connections, `context.signal` aborted. */
  async drain(): Promise<void> {
    this.#drain.abort();
    await Promise.all([...this.#servings].map((serving) => serving.close()));
  }

  #context(port: number, flow?: Flow): ListenerContext {
    const peer = flow && { peer: `${flow.remoteAddr.hostname}:${flow.remoteAddr.port}` };
    const write = (level: keyof Log) => (message: string, more?: Record<string, unknown>) => {
      this.log.push({ level, message, properties: { port, ...peer, ...more } });
    };
    return {
      port,
      signal: this.#drain.signal,
      log: {
        debug: write("debug"),
        info: write("info"),
        warn: write("warn"),
        error: write("error"),
      },
      connect: (options) => this.connect(options),
      resolve: (specifier) => resolveSpecifier(specifier, new URL(`file://${Deno.cwd()}/`)),
    };
  }
}
