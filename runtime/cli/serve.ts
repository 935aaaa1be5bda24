import type { Config } from "../config/config.ts";
import { configureLog, createLog } from "../log.ts";
import { within } from "../within.ts";
import { banner } from "./banner.ts";
import type { Environment, Running } from "./environment.ts";
import { failureOf } from "./failure.ts";
import type { Flags } from "./flags.ts";
import { STATUS, type Status } from "./status.ts";

/** Longest time that the end waits for whoever reads the log, in milliseconds. */
const FLUSH_TIMEOUT = 1_000;

/**
 * Serves until a signal asks for the end, or a device dies.
 *
 * The first signal drains, the second resets every connection, the third does not even wait for
 * that.
 *
 * @throws Whatever `start` throws, and what a device dies of.
 */
export async function serve(
  config: Config,
  base: URL,
  flags: Flags,
  environment: Environment,
  advise: (missing: readonly string[]) => string,
): Promise<Status> {
  const lines = configureLog({
    level: flags.logLevel,
    format: flags.logFormat,
    color: environment.color,
    trace: config.trace,
    write: environment.writeError,
  });
  const log = createLog();
  const stopCatching = environment.onUncaught((error) => {
    log.error("nobody caught an error, perhaps of a listener", { error });
  });
  const end = new Ending((name) => {
    log.info(`${name}: draining, for at most ${config.drainTimeout} s; once more resets all`);
  });
  const stopListening = environment.onSignal(end.signal);
  try {
    const starting = environment.start(config, { base });
    const running = await Promise.race([starting, end.asked]);
    if (running === undefined) {
      // Told to end before it served anything: the exit of the process is the end.
      starting.then((late) => late.abort()).catch(() => {});
      return STATUS.done;
    }

    const isPending = running.listeners.some(({ pending }) => pending);
    if (isPending) announce(config, running, flags, (text) => lines.line(text));
    end.onAgain = () => void running.abort();
    try {
      await Promise.race([running.loaded, running.closed, end.asked]);
      const { missing, status } = verdict(config, running);
      // What is wrong with each has been logged; what mends it has not.
      if (missing.length > 0) log.error(advise(missing));
      if (status !== undefined) {
        await running.abort();
        log.error("no listener can be served");
        return status;
      }
      if (!isPending) announce(config, running, flags, (text) => lines.line(text));
      await Promise.race([running.closed, end.asked]);
    } finally {
      await Promise.race([running.drain(), end.forced]);
    }
    return STATUS.done;
  } finally {
    stopListening();
    stopCatching();
    await within(FLUSH_TIMEOUT, lines.flush());
  }
}

/** What the failures of listeners come to; a status only if none of them can be served. */
function verdict(
  config: Config,
  { listeners }: Running,
): { missing: string[]; status: Status | undefined } {
  const failures = listeners.flatMap(({ error }) => error ? [failureOf(error)] : []);
  const missing = failures.flatMap(({ permission }) => permission ?? []);
  if (failures.length === 0 || failures.length < config.listeners.length) {
    return { missing, status: undefined };
  }
  const status = missing.length === failures.length ? STATUS.permission : STATUS.failure;
  return { missing, status };
}

/** Says what is served: a banner for people, one line for programs. */
function announce(
  config: Config,
  { listeners }: Running,
  { logFormat }: Flags,
  line: (text: string) => void,
): void {
  const served = listeners.filter(({ error, pending }) => error === undefined && !pending);
  if (logFormat === "text") {
    const ports = new Set(served.map(({ port }) => port));
    return line(banner(config, (port) => ports.has(port)));
  }
  createLog().info("serving", {
    addresses: config.interfaces.flatMap(({ addresses }) => addresses),
    listeners: served.map(({ port, module }) => ({ port, module })),
  });
}

/** What signals have asked for. */
class Ending {
  /** Called at the second signal. */
  onAgain: () => void = () => {};
  readonly #asked = Promise.withResolvers<undefined>();
  readonly #forced = Promise.withResolvers<void>();
  readonly #onFirst: (name: string) => void;
  #count = 0;

  /** @param onFirst Called with the name of the first signal. */
  constructor(onFirst: (name: string) => void) {
    this.#onFirst = onFirst;
  }

  /** Resolves at the first signal. */
  get asked(): Promise<undefined> {
    return this.#asked.promise;
  }

  /** Resolves at the third signal. */
  get forced(): Promise<void> {
    return this.#forced.promise;
  }

  /** A signal has come. */
  readonly signal = (name: string): void => {
    this.#count++;
    if (this.#count === 1) {
      this.#onFirst(name);
      this.#asked.resolve(undefined);
    } else if (this.#count === 2) this.onAgain();
    else this.#forced.resolve();
  };
}
