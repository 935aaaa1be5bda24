import { pathToFileURL } from "node:url";
import type { Sharing } from "../stack/sharing.ts";
import type { Counters } from "../stack/stack.ts";
import type { ListenHandle } from "../stack/tcp/api.ts";
import type { Runtime, RuntimeOptions, ServedInterface, ServedListener } from "./api.ts";
import type { Config, InterfaceConfig } from "./config/config.ts";
import { checkPort, connectFlow, parseHostname } from "./connect.ts";
import { mergeCounters } from "./counters.ts";
import { Capture } from "./device/capture.ts";
import { CaptureFile } from "./device/capture_file.ts";
import type { Device } from "./device/device.ts";
import { Gateway } from "./device/gateway.ts";
import { openTap } from "./device/tap.ts";
import { Drain, type DrainResult } from "./drain.ts";
import { denoError, ignore, rejected } from "./errors.ts";
import { FlowSet } from "./flow_set.ts";
import { NetworkInterface } from "./interface.ts";
import type { Flow, FlowConnectOptions } from "./listener.ts";
import { createLog } from "./log.ts";
import { firstLine } from "./log/format.ts";
import { ListenerError, startInTime } from "./modules.ts";
import { currentNetwork } from "./net.ts";
import { ParallelRuntime } from "./parallel/parallel_runtime.ts";
import { queuesOf } from "./parallel/queues.ts";
import { secureRandom } from "./random.ts";
import { Service, type ServiceHost } from "./service.ts";
import { FlowListener, type ListenOptions, type TcpListener } from "./tcp_listener.ts";
import { within } from "./within.ts";

/** Longest time that the others wait for a module to be loaded and to start, in milliseconds. */
const START_PATIENCE = 2_000;
/** Least time that `stop` functions get, in milliseconds. */
const STOP_TIMEOUT = 500;
/** Longest time that what is left of the capture may take to be written, in milliseconds. */
const CAPTURE_TIMEOUT = 5_000;

/** A runtime whose stacks run in this thread. */
export class LocalRuntime implements Runtime {
  readonly config: Config;
  readonly #options: RuntimeOptions;
  readonly #sharings: readonly Sharing[];
  readonly #interfaces: NetworkInterface[] = [];
  readonly #gateways: Gateway[] = [];
  readonly #services: Service[];
  readonly #pending: Set<Service>;
  readonly #failed = new Map<Service, Error>();
  readonly #handles: ListenHandle[] = [];
  readonly #listeners = new Set<FlowListener>();
  /** The flows of `listen` and `connect`. */
  readonly #flows: FlowSet;
  readonly #drain: Drain;
  readonly #signal = new AbortController();
  readonly #loaded = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<void>();
  #draining: Promise<DrainResult> | undefined;
  #ended = false;
  #captureFile: CaptureFile | undefined;
  #capture: Capture | undefined;

  private constructor(config: Config, options: RuntimeOptions, sharings: readonly Sharing[]) {
    const onEmpty = () => this.#drain.stir();
    const host: ServiceHost = {
      signal: this.#signal.signal,
      base: options.base ?? currentDirectory(),
      connect: (to, flows) => this.#connect(to, flows),
    };
    this.config = config;
    this.#options = options;
    this.#sharings = sharings;
    this.#flows = new FlowSet(onEmpty);
    this.#services = config.listeners.map((listener) => new Service(listener, host, onEmpty));
    this.#pending = new Set(this.#services);
    this.#drain = new Drain(
      [{ flows: this.#flows, heedsSignal: false }, ...this.#services],
      () => this.#gateways.some((gateway) => gateway.delivers),
    );
    this.#closed.promise.catch(ignore);
  }

  /**
   * {@link start}
   *
   * @param sharings What each interface's stack must know of others with the same addresses.
   */
  static async start(
    config: Config,
    options: RuntimeOptions,
    sharings: readonly Sharing[] = [],
  ): Promise<LocalRuntime> {
    const runtime = new LocalRuntime(config, options, sharings);
    try {
      await runtime.#open();
    } catch (error) {
      await runtime.#close();
      throw error;
    }
    return runtime;
  }

  get interfaces(): ServedInterface[] {
    return this.#interfaces.map(({ config, device }) => ({ name: device.name, config }));
  }

  get listeners(): ServedListener[] {
    return this.#services.map((service) => {
      const { port, module } = service.config;
      return {
        port,
        module,
        pending: this.#pending.has(service),
        error: this.#failed.get(service),
      };
    });
  }

  get loaded(): Promise<void> {
    return this.#loaded.promise;
  }

  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  counters(): Counters {
    return mergeCounters(this.#interfaces.map(({ stack }) => stack.counters));
  }

  listen(options: ListenOptions = {}): TcpListener {
    const { port = 0, hostname = "0.0.0.0", backlog = 511, congestion } = options;
    checkPort(port, 0);
    if (this.#draining !== undefined) throw new Deno.errors.BadResource("the runtime drains");
    const address = parseHostname(hostname);
    const own = address.isUnspecified ? undefined : address;
    const interfaces = this.#interfaces.filter((one) => own === undefined || one.owns(own));
    if (interfaces.length === 0) {
      const addresses = this.#interfaces.flatMap(({ config }) => config.addresses);
      throw new Deno.errors.AddrNotAvailable(
        `cannot listen on ${hostname}: expected one of our addresses (${addresses.join(", ")})`,
      );
    }

    const handles: ListenHandle[] = [];
    const open = (port: number) =>
      this.#listen(interfaces, { port, address: own, congestion }, (connection) => {
        listener.deliver(this.#flows.adopt(connection));
      }, handles);
    const actual = port === 0 ? findFree(open) : (open(port), port);
    const addr: Deno.NetAddr = { transport: "tcp", hostname, port: actual };
    const listener = new FlowListener(addr, backlog, () => {
      for (const handle of handles) handle.close();
      this.#listeners.delete(listener);
    });
    this.#listeners.add(listener);
    return listener;
  }

  connect(options: FlowConnectOptions): Promise<Flow> {
    return this.#connect(options, this.#flows);
  }

  drain(): Promise<DrainResult> {
    this.#drain.deadline = Math.min(
      this.#drain.deadline,
      performance.now() + this.config.drainTimeout * 1000,
    );
    return this.#draining ??= this.#end();
  }

  abort(): Promise<DrainResult> {
    this.#drain.deadline = 0;
    this.#drain.stir();
    return this.drain();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain();
  }

  async #open(): Promise<void> {
    await this.#openInterfaces();
    const served = Promise.withResolvers<void>();
    for (const gateway of this.#gateways) await gateway.listen(served.promise);
    for (const one of [...this.#interfaces, ...this.#gateways]) {
      one.run().catch((error) => this.#fail(error));
    }
    currentNetwork.set(this);
    const serving = Promise.all(this.#services.map((service) => this.#serve(service)));
    serving.then(() => this.#loaded.resolve());
    if (!await within(START_PATIENCE, serving)) {
      for (const { config: { port, module } } of this.#pending) {
        createLog({ port }).warn("still loading or starting; not waited for", { module });
      }
    }
    served.resolve();
  }

  async #openInterfaces(): Promise<void> {
    const { capture: path, trace } = this.config;
    for (const [index, one] of this.config.interfaces.entries()) {
      const device = await (this.#options.openDevice?.(one) ?? this.#openDevice(one));
      try {
        if (path !== undefined) await this.#openCapture(path);
        const busyPoll = one.device.type === "tap" ? one.device.busyPoll : 0;
        const sharing = this.#sharings[index];
        const options = { capture: this.#capture, trace, busyPoll, sharing };
        this.#interfaces.push(new NetworkInterface(one, device, options));
      } catch (error) {
        await device.close();
        throw denoError(error);
      }
    }
  }

  /** One file for all interfaces, opened after the first device was. */
  async #openCapture(path: string): Promise<void> {
    if (this.#captureFile !== undefined) return;
    const failed = (error: Error) =>
      createLog().error("the capture ends here: it cannot be written", { capture: path, error });
    this.#captureFile = await CaptureFile.open(path, { failed });
    this.#capture = new Capture({ sink: this.#captureFile.sink, live: path === "-" });
  }

  #openDevice(one: InterfaceConfig): Device {
    if (one.device.type === "tap") {
      const { name, host, offload } = one.device;
      return openTap({ name, host, mtu: one.mtu, offload });
    }
    const gateway = new Gateway(one.device, one);
    this.#gateways.push(gateway);
    return gateway.device;
  }

  /** Loads, starts and opens a listener; a failure is its own. */
  async #serve(service: Service): Promise<void> {
    const { config } = service;
    const log = createLog({ port: config.port });
    const { signal } = this.#signal;
    const starting = service.start();
    try {
      const drains = new Promise<void>((resolve) => {
        signal.addEventListener("abort", () => resolve(), { once: true });
      });
      await startInTime(config, Promise.race([starting, drains]));
      if (signal.aborted) {
        starting.then(() => service.stop()).catch(ignore);
        return;
      }
      const accept = service.serve.bind(service);
      const { port, congestion } = config;
      this.#listen(this.#interfaces, { port, congestion }, accept, this.#handles);
    } catch (error) {
      const fault = error instanceof ListenerError
        ? error
        : new ListenerError(config, `it does not start: ${firstLine(error)}`, { cause: error });
      this.#failed.set(service, fault);
      log.error(fault.message);
      if (fault.cause !== undefined) log.debug("the module's own error", { error: fault.cause });
    } finally {
      this.#pending.delete(service);
    }
  }

  /** Listens on several interfaces, or on none of them. */
  #listen(
    interfaces: readonly NetworkInterface[],
    at: Parameters<NetworkInterface["stack"]["listen"]>[0],
    accept: Parameters<NetworkInterface["stack"]["listen"]>[1],
    handles: ListenHandle[],
  ): void {
    const opened: ListenHandle[] = [];
    try {
      for (const { stack } of interfaces) opened.push(stack.listen(at, accept));
    } catch (error) {
      for (const handle of opened) handle.close();
      throw denoError(error);
    }
    handles.push(...opened);
  }

  #connect(options: FlowConnectOptions, flows: FlowSet): Promise<Flow> {
    try {
      checkPort(options.port, 1);
      if (this.#ended) throw new Deno.errors.BadResource("the runtime has ended");
      const address = parseHostname(options.hostname);
      let nearest = this.#interfaces[0]!;
      for (const one of this.#interfaces) {
        if (one.nearness(address) > nearest.nearness(address)) nearest = one;
      }
      return connectFlow(nearest.stack, address, options, flows);
    } catch (error) {
      return rejected(error);
    }
  }

  /** Ends everything because something that all depends on has died. */
  #fail(error: unknown): void {
    this.#closed.reject(error);
    this.abort();
  }

  async #end(): Promise<DrainResult> {
    for (const handle of this.#handles) handle.close();
    for (const listener of this.#listeners) listener.close();
    for (const gateway of this.#gateways) gateway.drain();
    this.#signal.abort(new Deno.errors.Interrupted("the runtime drains"));
    const result = await this.#drain.run();

    const rest = Math.max(this.#drain.deadline - performance.now(), STOP_TIMEOUT);
    const stopped = Promise.all(this.#services.map((service) => service.stop()));
    if (!await within(rest, stopped)) createLog().warn("a listener's stop did not end in time");
    await this.#close();
    return result;
  }

  async #close(): Promise<void> {
    this.#ended = true;
    currentNetwork.clear(this);
    await Promise.allSettled([...this.#gateways, ...this.#interfaces].map((one) => one.close()));
    this.#capture?.flush();
    if (this.#captureFile) await within(CAPTURE_TIMEOUT, this.#captureFile.close());
    this.#closed.resolve();
  }
}

/**
 * Starts a runtime: opens the devices, loads the listeners and opens their ports. A listener that
 * cannot be loaded is logged, found in {@link Runtime.listeners}, and harms nothing else; one that
 * takes longer than 2 s is not waited for, and served once it has started ({@link Runtime.loaded}).
 *
 * With more than one queue each has a Worker with a stack and the listeners of its own.
 *
 * @param config What it is to do.
 * @param options What else it needs to know.
 * @throws {DeviceError} A device cannot be had.
 * @throws {Deno.errors.AddrInUse} A port of a gateway is taken.
 * @throws {Deno.errors.NotCapable} A permission is missing.
 */
export function start(config: Config, options: RuntimeOptions = {}): Promise<Runtime> {
  return queuesOf(config) > 1
    ? ParallelRuntime.start(config, options)
    : LocalRuntime.start(config, options);
}

/** Tries ports from the dynamic range (RFC 6335 section 6) until one is free. */
function findFree(open: (port: number) => void): number {
  for (let tries = 0; tries < 1000; tries++) {
    const port = 49152 + secureRandom() % 16384;
    try {
      open(port);
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
  throw new Deno.errors.AddrNotAvailable("no port from 49152 to 65535 is free to listen on");
}

function currentDirectory(): URL {
  return pathToFileURL(`${Deno.cwd()}/`);
}
