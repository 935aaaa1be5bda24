import { Worker } from "node:worker_threads";
import type { Counters } from "../../stack/counters.ts";
import type { DrainResult } from "../drain.ts";
import { ignore } from "../errors.ts";
import { Allowance } from "./allowance.ts";
import { CountersPage } from "./counters_page.ts";
import type { PortableRecord } from "./log_relay.ts";
import {
  type Assignment,
  type ListenerReport,
  LOG_UNDER_WAY,
  type MainMessage,
  type WorkerMessage,
} from "./messages.ts";
import { unpackError } from "./portable_error.ts";

/** What a Worker is to do, without what it shares with the main thread. */
export type Task = Omit<Assignment, "counters" | "log">;

/** One Worker, from its start to its end, as the main thread sees it. */
export class WorkerThread {
  /** What it is to do. */
  readonly task: Task;
  /** Resolves once it serves; rejects if it has ended before. */
  readonly started: Promise<void>;
  /** Resolves once none of its listeners is pending. */
  readonly loaded: Promise<void>;
  /** Resolves when it has ended, in whatever way. */
  readonly exited: Promise<void>;
  /** Whether it serves. */
  isServing = false;
  /** Its listeners, in the order of the config; none before it has started. */
  listeners: readonly ListenerReport[] = [];
  /** What it died of, if it said so. */
  failure: Error | undefined;
  /** How its connections have ended, after a drain. */
  result: DrainResult | undefined;

  readonly #onLog: (record: PortableRecord, from: number) => void;
  readonly #worker: Worker;
  readonly #page = new CountersPage();
  readonly #log = new Allowance(LOG_UNDER_WAY);
  readonly #started = Promise.withResolvers<void>();
  readonly #loaded = Promise.withResolvers<void>();
  readonly #exited = Promise.withResolvers<void>();

  /**
   * Starts a Worker.
   *
   * @param task What it is to do.
   * @param onLog Called with what it logs, and its index.
   */
  constructor(task: Task, onLog: (record: PortableRecord, from: number) => void) {
    this.task = task;
    this.#onLog = onLog;
    this.started = this.#started.promise;
    this.started.catch(ignore);
    this.loaded = this.#loaded.promise;
    this.exited = this.#exited.promise;
    const assignment: Assignment = {
      ...task,
      counters: this.#page.memory,
      log: this.#log.memory,
    };
    this.#worker = new Worker(workerUrl(), { workerData: assignment });
    this.#worker.on("message", (message) => this.#receive(message));
    this.#worker.on("error", (error) => this.failure ??= error);
    this.#worker.on("exit", (status) => this.#exit(status));
  }

  /** What it has counted. */
  counters(): Counters {
    return this.#page.read();
  }

  /** Tells it to end. */
  end(how: MainMessage): void {
    this.#worker.postMessage(how);
  }

  /** Ends it at once. */
  terminate(): void {
    this.#worker.terminate().catch(ignore);
  }

  #receive(message: WorkerMessage): void {
    switch (message.type) {
      case "started":
        this.isServing = true;
        this.listeners = message.listeners;
        return this.#started.resolve();
      case "loaded":
        this.listeners = message.listeners;
        return this.#loaded.resolve();
      case "log":
        this.#log.give(message.size);
        return this.#onLog(message.record, this.task.index);
      case "failed":
        this.failure = unpackError(message.error);
        return this.terminate();
      case "ended":
        this.result = message.result;
        return this.terminate();
    }
  }

  #exit(status: number): void {
    this.isServing = false;
    this.#started.reject(
      this.failure ?? new Error(`a Worker ended before it served, with exit status ${status}`),
    );
    this.#exited.resolve();
  }
}

/** `node:worker_threads` takes a module from elsewhere only if one of a `data:` URL imports it. */
function workerUrl(): URL {
  const url = new URL("./worker.ts", import.meta.url);
  if (url.protocol === "file:") return url;
  return new URL(`data:text/javascript,${encodeURIComponent(`import ${JSON.stringify(url)}`)}`);
}
