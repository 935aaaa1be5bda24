/** What became of a process: its exit status and everything that it wrote. */
export interface ProcessResult {
  /** Exit status; 128 + n when signal n ended it. */
  readonly code: number;
  /** The signal that ended it, if one did. */
  readonly signal: Deno.Signal | null;
  /** Standard output as text. */
  readonly stdout: string;
  /** Standard error as text. */
  readonly stderr: string;
}

/** How to start a process. */
export interface ProcessOptions {
  /** What to write to standard input before closing it; `"open"` keeps it open for `write`. */
  readonly stdin?: string | Uint8Array<ArrayBuffer> | "open";
  /** Environment variables to add. */
  readonly env?: Record<string, string>;
  /** Working directory. */
  readonly cwd?: string;
  /** The process is killed when it has run that long, in milliseconds; default 60,000. */
  readonly timeout?: number;
}

/** A growing output of a process, which can be waited on. */
export class ProcessOutput {
  #chunks: Uint8Array[] = [];
  #text = "";
  #ended = false;
  #changed = Promise.withResolvers<void>();
  readonly #decoder = new TextDecoder();

  /** Settles when the stream has ended. */
  readonly done: Promise<void>;

  /** @param stream Read to its end, whoever waits. */
  constructor(stream: ReadableStream<Uint8Array>) {
    this.done = this.#collect(stream);
  }

  async #collect(stream: ReadableStream<Uint8Array>): Promise<void> {
    try {
      for await (const chunk of stream) {
        this.#chunks.push(chunk);
        this.#text += this.#decoder.decode(chunk, { stream: true });
        this.#notify();
      }
    } finally {
      this.#ended = true;
      this.#notify();
    }
  }

  #notify(): void {
    const { resolve } = this.#changed;
    this.#changed = Promise.withResolvers<void>();
    resolve();
  }

  /** Everything so far, as text. */
  get text(): string {
    return this.#text;
  }

  /** Everything so far, as bytes. */
  bytes(): Uint8Array<ArrayBuffer> {
    const all = new Uint8Array(this.#chunks.reduce((sum, chunk) => sum + chunk.length, 0));
    let offset = 0;
    for (const chunk of this.#chunks) {
      all.set(chunk, offset);
      offset += chunk.length;
    }
    return all;
  }

  /**
   * Waits until the output matches.
   *
   * @param timeout Longest wait in milliseconds.
   * @throws {Error} With the output so far, when it ends or the time is up first.
   */
  async match(pattern: RegExp, timeout = 20_000): Promise<RegExpMatchArray> {
    const deadline = Promise.withResolvers<"late">();
    const timer = setTimeout(() => deadline.resolve("late"), timeout);
    try {
      while (true) {
        const found = this.#text.match(pattern);
        if (found) return found;
        if (this.#ended) throw new Error(`output ended without ${pattern}:\n${this.#text}`);
        if (await Promise.race([this.#changed.promise, deadline.promise]) === "late") {
          throw new Error(`output has no ${pattern} after ${timeout} ms:\n${this.#text}`);
        }
      }
    } finally {
      clearTimeout(timer);
    }
  }
}

/**
 * A child process with its outputs collected. Disposing of it ends it, by its own id, and waits
 * until it is gone.
 */
export class Process implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array> | undefined;
  #exited = false;
  #timedOut = false;

  /** Process id. */
  readonly pid: number;
  /** Its standard output. */
  readonly stdout: ProcessOutput;
  /** Its standard error. */
  readonly stderr: ProcessOutput;
  /** Settles when it has ended and both outputs are read. */
  readonly result: Promise<ProcessResult>;

  /** @param command Program and arguments. */
  constructor(readonly command: readonly string[], options: ProcessOptions = {}) {
    const stdin = options.stdin;
    this.#child = new Deno.Command(command[0]!, {
      args: command.slice(1),
      stdin: stdin === undefined ? "null" : "piped",
      stdout: "piped",
      stderr: "piped",
      env: options.env,
      cwd: options.cwd,
    }).spawn();
    this.pid = this.#child.pid;
    this.stdout = new ProcessOutput(this.#child.stdout);
    this.stderr = new ProcessOutput(this.#child.stderr);
    if (stdin !== undefined) {
      this.#stdin = this.#child.stdin.getWriter();
      if (stdin !== "open") {
        const bytes = typeof stdin === "string" ? new TextEncoder().encode(stdin) : stdin;
        // A program need not read its input: a broken pipe is no error.
        this.#stdin.write(bytes).then(() => this.closeStdin(), () => {});
      }
    }
    const timeout = options.timeout ?? 60_000;
    const timer = setTimeout(() => {
      this.#timedOut = true;
      this.kill("SIGKILL");
    }, timeout);
    this.result = this.#finish(timer);
  }

  async #finish(timer: ReturnType<typeof setTimeout>): Promise<ProcessResult> {
    const status = await this.#child.status;
    this.#exited = true;
    clearTimeout(timer);
    await this.closeStdin();
    await Promise.all([this.stdout.done, this.stderr.done]);
    const { code, signal } = status;
    return { code, signal, stdout: this.stdout.text, stderr: this.stderr.text };
  }

  /** Whether it was killed because its time was up. */
  get timedOut(): boolean {
    return this.#timedOut;
  }

  /** Writes to standard input (opened with `stdin: "open"`). */
  async write(text: string): Promise<void> {
    await this.#stdin!.write(new TextEncoder().encode(text));
  }

  /** Closes standard input. */
  async closeStdin(): Promise<void> {
    await this.#stdin?.close().catch(() => {});
  }

  /** Sends a signal; harmless when the process has ended. */
  kill(signal: Deno.Signal = "SIGTERM"): void {
    if (this.#exited) return;
    try {
      this.#child.kill(signal);
    } catch {
      // It ended in the meantime.
    }
  }

  /**
   * Waits for a successful end.
   *
   * @throws {Error} With what it printed, when it ends in any other way.
   */
  async success(): Promise<ProcessResult> {
    const result = await this.result;
    if (result.code !== 0) {
      const how = this.#timedOut ? "timed out" : `exit status ${result.code}`;
      throw new Error(
        `${this.command.join(" ")}: ${how}\n${result.stderr}${result.stdout.slice(-2000)}`,
      );
    }
    return result;
  }

  /** Ends it (SIGTERM, and SIGKILL 3 s later), and waits until it is gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.kill("SIGTERM");
    const timer = setTimeout(() => this.kill("SIGKILL"), 3_000);
    await this.result;
    clearTimeout(timer);
  }
}

/** Runs a program to its successful end; see {@link Process.success}. */
export async function run(
  command: readonly string[],
  options?: ProcessOptions,
): Promise<ProcessResult> {
  await using process = new Process(command, options);
  return await process.success();
}
