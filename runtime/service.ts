import type { Connection } from "../stack/tcp/api.ts";
import type { ListenerConfig } from "./config/config.ts";
import { FetchListener } from "./fetch_listener.ts";
import { FlowSet } from "./flow_set.ts";
import type { Flow, FlowConnectOptions, Listener, ListenerContext, Log } from "./listener.ts";
import { createLog } from "./log.ts";
import { loadListener, resolveSpecifier } from "./modules.ts";
import { serveFlow } from "./serve_flow.ts";

/** What a service needs of the runtime. */
export interface ServiceHost {
  /** Aborted when the runtime drains. */
  readonly signal: AbortSignal;
  /** What relative module specifiers are relative to. */
  readonly base: URL;
  /** Opens a connection outwards, as one of `flows`. */
  connect(options: FlowConnectOptions, flows: FlowSet): Promise<Flow>;
}

/** One entry of the config's listeners: a port, the module that serves it, and its flows. */
export class Service {
  /** Its entry in the config. */
  readonly config: ListenerConfig;
  /** Its open flows, those outwards included. */
  readonly flows: FlowSet;
  /**
   * Whether its module has ever asked for the signal. One that has not cannot know that the
   * runtime drains, so the runtime says goodbye in its place.
   */
  heedsSignal = false;
  /** The runtime. */
  readonly host: ServiceHost;
  /** `connect` of the module's contexts. */
  readonly connect: ListenerContext["connect"] = (options) =>
    this.host.connect(options, this.flows);
  /** `resolve` of the module's contexts. */
  readonly resolve: ListenerContext["resolve"] = (specifier) =>
    resolveSpecifier(specifier, this.host.base);
  readonly #isDraining = (): boolean => this.host.signal.aborted;
  #listener: Listener | undefined;

  /**
   * @param config Its entry in the config.
   * @param host The runtime.
   * @param onEmpty Called when its last open flow has ended.
   */
  constructor(config: ListenerConfig, host: ServiceHost, onEmpty: () => void) {
    this.config = config;
    this.flows = new FlowSet(onEmpty);
    this.host = host;
  }

  /**
   * Loads the module and calls its `start`.
   *
   * @throws Whatever loading or `start` throws.
   */
  async start(): Promise<void> {
    const listener = await loadListener(this.config, this.host.base);
    await listener.start?.(new Context(this));
    this.#listener = listener;
  }

  /** Hands a connection to the module, where it lives its own life. */
  serve(connection: Connection): void {
    const flow = this.flows.adopt(connection);
    if (this.#listener instanceof FetchListener) return this.#listener.serve(flow);
    const context = new Context(this, flow);
    serveFlow(this.#listener!, flow, context, this.config.module, this.#isDraining);
  }

  /** Calls the module's `stop`, if it was started. */
  async stop(): Promise<void> {
    const listener = this.#listener;
    this.#listener = undefined;
    const context = new Context(this);
    try {
      await listener?.stop?.(context);
    } catch (error) {
      context.log.error("stop failed", { module: this.config.module, error });
    }
  }
}

/** The context of a module, or of one flow of it: small, for there is one per connection. */
class Context implements ListenerContext {
  readonly #service: Service;
  readonly #flow: Flow | undefined;
  #log: Log | undefined;

  constructor(service: Service, flow?: Flow) {
    this.#service = service;
    this.#flow = flow;
  }

  get port(): number {
    return this.#service.config.port;
  }

  get signal(): AbortSignal {
    this.#service.heedsSignal = true;
    return this.#service.host.signal;
  }

  get log(): Log {
    if (this.#log === undefined) {
      const peer = this.#flow?.remoteAddr;
      const properties = peer ? { peer: `${peer.hostname}:${peer.port}` } : {};
      this.#log = createLog({ port: this.port, ...properties });
    }
    return this.#log;
  }

  get connect(): ListenerContext["connect"] {
    return this.#service.connect;
  }

  get resolve(): ListenerContext["resolve"] {
    return this.#service.resolve;
  }
}
