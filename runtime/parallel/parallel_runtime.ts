import { pathToFileURL } from "node:url";
import type { Counters } from "../../stack/counters.ts";
import type { Runtime, RuntimeOptions, ServedInterface, ServedListener } from "../api.ts";
import type { Config } from "../config/config.ts";
import { mergeCounters } from "../counters.ts";
import { DeviceError } from "../device/error.ts";
import { TapQueues } from "../device/tap_queues.ts";
import type { DrainResult } from "../drain.ts";
import { ignore, rejected } from "../errors.ts";
import type { Flow } from "../listener.ts";
import { createLog } from "../log.ts";
import { currentNetwork } from "../net.ts";
import type { TcpListener } from "../tcp_listener.ts";
import { Backoff } from "./backoff.ts";
import { noCounters } from "./counters_page.ts";
import { heardLevel, logRecord, type PortableRecord } from "./log_relay.ts";
import { Mailbox } from "./mailbox.ts";
import type { MainMessage } from "./messages.ts";
import { unpackError } from "./portable_error.ts";
import { queuesOf } from "./queues.ts";
import { WorkerThread } from "./worker_thread.ts";

/** How much longer than it should a Worker may take to end, in milliseconds. */
const END_GRACE = 2_000;

/** The place of a Worker: one after the other has it. */
interface Place {
  readonly backoff: Backoff;
  readonly loaded: PromiseWithResolvers<void>;
  thread: WorkerThread | undefined;
  timer: ReturnType<typeof setTimeout> | undefined;
}

/**
 * A runtime whose interfaces have several queues: a Worker for each, with a stack and the listeners
 * of its own, all with the same addresses.
 *
 * ```text
 *    main thread: config, log, signals, counters; holds the queues open; starts Workers anew
 *       │                   │                   │
 *    Worker 0 <─────────> Worker 1 <─────────> Worker 2     each: listeners, TCP, driver
 *       │      mailboxes    │      mailboxes    │           for frames on another's queue
 *    queue 0             queue 1             queue 2
 *       └───────────────── TAP ─────────────────┘           the kernel: hash of a flow -> queue
 * ```
 */
export class ParallelRuntime implements Runtime {
  readonly config: Config;
  readonly #base: string;
  readonly #taps: TapQueues[] = [];
  readonly #places: readonly Place[];
  /** Of each interface, one for each Worker. */
  readonly #mailboxes: Mailbox[][] = [];
  /** A bit for each Worker that serves. */
  readonly #serving = new Int32Array(new SharedArrayBuffer(4));
  /** What was counted by Workers that have ended. */
  #past = noCounters();
  readonly #loaded: Promise<void>;
  readonly #closed = Promise.withResolvers<void>();
  /** While Workers start: who has logged what first. */
  #said: Map<string, number> | undefined = new Map();
  #isServing = false;
  #draining: Promise<DrainResult> | undefined;
  readonly #endTimers: ReturnType<typeof setTimeout>[] = [];

  private constructor(config: Config, base: URL) {
    this.config = config;
    this.#base = base.href;
    this.#places = Array.from({ length: queuesOf(config) }, () => ({
      backoff: new Backoff(),
      loaded: Promise.withResolvers<void>(),
      thread: undefined,
      timer: undefined,
    }));
    this.#closed.promise.catch(ignore);
    this.#loaded = Promise.all(this.#places.map(({ loaded }) => loaded.promise)).then(() => {
      this.#said = undefined;
    });
  }

  /** Starts a runtime; see `start`. */
  static async start(config: Config, options: RuntimeOptions): Promise<ParallelRuntime> {
    if (options.openDevice !== undefined) {
      throw new TypeError(
        `openDevice: expected none with ${queuesOf(config)} queues, each of which is a Worker's`,
      );
    }
    const base = options.base ?? pathToFileURL(`${Deno.cwd()}/`);
    const runtime = new ParallelRuntime(config, base);
    try {
      await runtime.#open();
    } catch (error) {
      await runtime.#close();
      throw error;
    }
    return runtime;
  }

  get interfaces(): ServedInterface[] {
    return this.#taps.map(({ name }, at) => ({ name, config: this.config.interfaces[at]! }));
  }

  get listeners(): ServedListener[] {
    return this.config.listeners.map(({ port, module }, at) => {
      const reports = this.#threads().flatMap(({ listeners }) => listeners[at] ?? []);
      const error = reports.find(({ error }) => error !== undefined)?.error;
      return {
        port,
        module,
        pending: reports.some(({ pending }) => pending),
        error: error && unpackError(error),
      };
    });
  }

  get loaded(): Promise<void> {
    return this.#loaded;
  }

  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  counters(): Counters {
    return mergeCounters([this.#past, ...this.#threads().map((thread) => thread.counters())]);
  }

  listen(): TcpListener {
    throw this.#notHere("listen");
  }

  connect(): Promise<Flow> {
    return rejected(this.#notHere("connect"));
  }

  drain(): Promise<DrainResult> {
    return this.#end("drain", this.config.drainTimeout * 1000);
  }

  abort(): Promise<DrainResult> {
    return this.#end("abort", 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain();
  }

  async #open(): Promise<void> {
    for (const { device, mtu } of this.config.interfaces) {
      if (device.type !== "tap") throw new TypeError(`a ${device.type} has no queues`);
      const { name, host, offload, queues } = device;
      this.#taps.push(new TapQueues({ name, host, mtu, offload }, queues));
      this.#mailboxes.push(Array.from({ length: queues }, () => new Mailbox()));
    }
    for (const index of this.#places.keys()) this.#spawn(index);
    await Promise.all(this.#threads().map(({ started }) => started));
    this.#isServing = true;
    currentNetwork.set(this);
    // One may have died already while the others were still starting.
    for (const [index, { thread }] of this.#places.entries()) {
      if (thread === undefined) this.#spawn(index);
    }
  }

  /** Gives a place to a new Worker. */
  #spawn(index: number): void {
    const place = this.#places[index]!;
    const thread = place.thread = new WorkerThread({
      config: this.config,
      base: this.#base,
      index,
      queues: this.#taps.map((tap) => tap.lend(index)),
      mailboxes: this.#taps.map((tap, at) =>
        this.#mailboxes[at]!.map(({ memory }, index) => ({ memory, event: tap.event(index) }))
      ),
      serving: this.#serving.buffer,
      logLevel: heardLevel(),
    }, (record, from) => this.#log(record, from));
    place.backoff.begin(performance.now());
    thread.started.then(() => Atomics.or(this.#serving, 0, 1 << index), ignore);
    thread.loaded.then(place.loaded.resolve);
    thread.exited.then(() => this.#exited(index, thread));
  }

  /** A Worker has ended: if it was not told to, another takes its place. */
  #exited(index: number, thread: WorkerThread): void {
    const place = this.#places[index]!;
    place.thread = undefined;
    Atomics.and(this.#serving, 0, ~(1 << index));
    for (const mailbox of this.#mailboxes.flat()) mailbox.release(index);
    for (const tap of this.#taps) tap.takeBack(index);
    this.#past = mergeCounters([this.#past, thread.counters()]);
    if (!this.#isServing || this.#draining !== undefined) return;
    const error = thread.failure;
    if (error instanceof DeviceError) {
      this.#closed.reject(error);
      this.abort();
      return;
    }
    const delay = place.backoff.end(performance.now());
    createLog().error("a Worker has died, its connections with it; it is started again", {
      worker: index,
      ...(delay > 0 ? { in: `${delay / 1000} s` } : {}),
      ...(error === undefined ? {} : { error }),
    });
    place.timer = setTimeout(() => this.#spawn(index), delay);
  }

  /** Writes a Worker's log into this thread's. What all say alike while they start is said once. */
  #log(record: PortableRecord, from: number): void {
    if (this.#said !== undefined) {
      const { level, rawMessage, properties } = record;
      const text = Deno.inspect([level, rawMessage, properties], { depth: 8 });
      const first = this.#said.get(text);
      if (first === undefined) this.#said.set(text, from);
      else if (first !== from) return;
    }
    logRecord(record);
  }

  /** Tells all to end, and ends those that do not do so in time. */
  #end(how: MainMessage, timeout: number): Promise<DrainResult> {
    for (const { thread } of this.#places) {
      if (thread?.isServing) thread.end(how);
      else thread?.terminate();
    }
    this.#endTimers.push(setTimeout(() => {
      for (const thread of this.#threads()) {
        createLog().warn("a Worker does not end: terminated", { worker: thread.task.index });
        thread.terminate();
      }
    }, timeout + END_GRACE));
    return this.#draining ??= this.#ended();
  }

  async #ended(): Promise<DrainResult> {
    const threads = this.#threads();
    for (const { timer, loaded } of this.#places) {
      clearTimeout(timer);
      loaded.resolve();
    }
    await Promise.all(threads.map(({ exited }) => exited));
    await this.#close();
    const total = { graceful: 0, reset: 0 };
    for (const { result } of threads) {
      total.graceful += result?.graceful ?? 0;
      total.reset += result?.reset ?? 0;
    }
    return total;
  }

  async #close(): Promise<void> {
    currentNetwork.clear(this);
    this.#isServing = false;
    const threads = this.#threads();
    for (const thread of threads) thread.terminate();
    await Promise.all(threads.map(({ exited }) => exited));
    for (const timer of this.#endTimers) clearTimeout(timer);
    for (const tap of this.#taps) tap.close();
    this.#closed.resolve();
  }

  #threads(): WorkerThread[] {
    return this.#places.flatMap(({ thread }) => thread ?? []);
  }

  #notHere(what: string): Error {
    return new Deno.errors.NotSupported(
      `${what}: there are ${this.#places.length} queues, and each has a Worker with a stack of its ` +
        `own: expected the call in a listener module, which runs there`,
    );
  }
}
