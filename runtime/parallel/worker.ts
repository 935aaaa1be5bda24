/**
 * What runs in a Worker: a runtime on one queue of each interface, which does what the main thread
 * says.
 *
 * @module
 */
import { parentPort, workerData } from "node:worker_threads";
import type { Runtime } from "../api.ts";
import { openTapQueue } from "../device/tap_queues.ts";
import { loadLibc } from "../device/linux/libc.ts";
import { signalEvent } from "../device/linux/poll.ts";
import { createLog } from "../log.ts";
import { LocalRuntime } from "../runtime.ts";
import { onUncaught } from "../uncaught.ts";
import { Allowance } from "./allowance.ts";
import { CountersPage } from "./counters_page.ts";
import { relayLog } from "./log_relay.ts";
import {
  type Assignment,
  LOG_UNDER_WAY,
  type MainMessage,
  type WorkerMessage,
} from "./messages.ts";
import { Mailbox } from "./mailbox.ts";
import { packError } from "./portable_error.ts";
import { QueueDevice } from "./queue_device.ts";

/** How old the counters may be that the main thread reads, in milliseconds. */
const COUNTERS_AGE = 100;

const assignment = workerData as Assignment;
const { config, index } = assignment;
const serving = new Int32Array(assignment.serving);
const logAllowance = new Allowance(LOG_UNDER_WAY, assignment.log);
const page = new CountersPage(assignment.counters);

// Every other Worker of Deno has it, and modules expect it.
Object.assign(globalThis, { self: globalThis });

relayLog(assignment.logLevel, config.trace, (record) => {
  const size = record.rawMessage.length + 100;
  if (logAllowance.take(size)) post({ type: "log", record, size });
});
onUncaught((error) => {
  createLog().error("nobody caught an error, perhaps of a listener", { error });
});

let runtime: Runtime | undefined;
let countersTimer: ReturnType<typeof setTimeout> | undefined;

const libc = loadLibc();
const devices = assignment.queues.map((queue, at) => {
  const addresses = assignment.mailboxes[at]!;
  return new QueueDevice({
    queue: openTapQueue(queue),
    config: config.interfaces[at]!,
    index,
    mailboxes: addresses.map(({ memory }) => new Mailbox(memory)),
    serving: () => Atomics.load(serving, 0),
    wake: (other) => signalEvent(libc, addresses[other]!.event),
    busy: () => countersTimer ??= setTimeout(writeCounters, COUNTERS_AGE),
  });
});

parentPort!.on("message", receive);
await serve();

async function serve(): Promise<void> {
  try {
    runtime = await LocalRuntime.start(config, {
      base: new URL(assignment.base),
      openDevice: (one) => devices[config.interfaces.indexOf(one)]!,
    }, devices);
    reportListeners("started");
    runtime.closed.catch(fail);
    await runtime.loaded;
    reportListeners("loaded");
  } catch (error) {
    fail(error);
  }
}

function receive(message: MainMessage): void {
  end(message === "drain" ? runtime!.drain() : runtime!.abort());
}

async function end(ending: ReturnType<Runtime["drain"]>): Promise<void> {
  const result = await ending;
  writeCounters();
  post({ type: "ended", result });
}

function fail(error: unknown): void {
  writeCounters();
  post({ type: "failed", error: packError(error) });
}

function reportListeners(type: "started" | "loaded"): void {
  const listeners = runtime!.listeners.map(({ pending, error }) => (
    { pending, error: error === undefined ? undefined : packError(error) }
  ));
  post({ type, listeners });
}

function writeCounters(): void {
  clearTimeout(countersTimer);
  countersTimer = undefined;
  if (runtime !== undefined) page.write(runtime.counters());
}

function post(message: WorkerMessage): void {
  parentPort!.postMessage(message);
}
