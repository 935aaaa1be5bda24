import { resetSync } from "@logtape/logtape";
import type { Environment, Running } from "../../../runtime/cli/environment.ts";
import { main } from "../../../runtime/cli/main.ts";
import type { Config } from "../../../runtime/config/config.ts";

/** What a run of the command line came to. */
export interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A world for the command line, in which nothing is real but modules. */
export class World {
  stdout = "";
  stderr = "";
  /** Files by name: text, or the error of reading them. */
  files: Record<string, string | Error> = {};
  /** Makes what `start` gives. */
  start: (config: Config) => Promise<Running> = () => Promise.resolve(new FakeRuntime());
  /** What was started with, each time. */
  readonly started: { config: Config; base: URL | undefined }[] = [];
  readonly #signals = new Set<(name: string) => void>();
  readonly #uncaught = new Set<(error: unknown) => void>();
  readonly #watchers = new Set<() => void>();

  readonly environment: Environment = {
    invocation: {
      mainModule: "file:///srv/taproom/mod.ts",
      cwd: "/srv/taproom",
      granted: () => false,
    },
    printResult: (text) => {
      this.stdout += text;
    },
    writeError: (bytes) => {
      this.stderr += new TextDecoder().decode(bytes);
      for (const watch of this.#watchers) watch();
      return Promise.resolve(bytes.length);
    },
    color: false,
    readTextFile: (path) => {
      const file = this.files[path] ?? new Deno.errors.NotFound("No such file (os error 2)");
      return typeof file === "string" ? Promise.resolve(file) : Promise.reject(file);
    },
    start: (config, { base }) => {
      this.started.push({ config, base });
      return this.start(config);
    },
    onSignal: (handler) => {
      this.#signals.add(handler);
      return () => this.#signals.delete(handler);
    },
    onUncaught: (handler) => {
      this.#uncaught.add(handler);
      return () => this.#uncaught.delete(handler);
    },
  };

  /** Runs the command line to its end; the arguments are parted by blanks. */
  async run(args: string): Promise<Outcome> {
    try {
      const status = await main(args.split(" ").filter(Boolean), this.environment);
      return { status, stdout: this.stdout, stderr: this.stderr };
    } finally {
      resetSync();
    }
  }

  /** Resolves once standard error has a text. */
  says(text: string): Promise<void> {
    return new Promise((resolve) => {
      const watch = () => {
        if (!this.stderr.includes(text)) return;
        this.#watchers.delete(watch);
        resolve();
      };
      this.#watchers.add(watch);
      watch();
    });
  }

  /** Sends a signal. */
  signal(name = "SIGTERM"): void {
    for (const handler of this.#signals) handler(name);
  }

  /** Throws where nobody catches. */
  throwUncaught(error: unknown): void {
    for (const handler of this.#uncaught) handler(error);
  }

  /** How many handlers are registered: none, before and after a run. */
  get handlers(): number {
    return this.#signals.size + this.#uncaught.size;
  }
}

/** A runtime that serves everything and drains when told to. */
export class FakeRuntime implements Running {
  readonly calls: string[] = [];
  loaded: Promise<void> = Promise.resolve();
  readonly #closed = Promise.withResolvers<void>();
  readonly #drained = Promise.withResolvers<{ graceful: number; reset: number }>();

  constructor(
    readonly listeners: Running["listeners"] = [],
    readonly drainsAtOnce: boolean = true,
  ) {
    this.#closed.promise.catch(() => {});
  }

  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  drain(): Promise<{ graceful: number; reset: number }> {
    this.calls.push("drain");
    if (this.drainsAtOnce) this.#end();
    return this.#drained.promise;
  }

  abort(): Promise<{ graceful: number; reset: number }> {
    this.calls.push("abort");
    this.#end();
    return this.#drained.promise;
  }

  /** Dies of an error, as when a device goes away. */
  die(error: Error): void {
    this.#closed.reject(error);
    this.#end();
  }

  #end(): void {
    this.#closed.resolve();
    this.#drained.resolve({ graceful: 0, reset: 0 });
  }
}
