/** Writes bytes, as `Deno.stderr.write` does. */
export type Write = (bytes: Uint8Array) => Promise<number>;

/** Most characters that wait to be written; what comes on top is counted and lost. */
const MAX_PENDING = 1 << 22;

/**
 * Writes lines without making anyone wait: a line is queued, and the queue is written as fast as
 * the reader takes it. A reader that does not take it costs lines, never time; the loss is told in
 * a line of its own. After an error (a closed pipe) everything is lost, silently.
 */
export class LineWriter {
  readonly #write: Write;
  readonly #encoder = new TextEncoder();
  #pending: string[] = [];
  #size = 0;
  #lost = 0;
  #pump: Promise<void> | undefined;
  #broken = false;

  /** @param write Where the lines go. */
  constructor(write: Write) {
    this.#write = write;
  }

  /** Queues one line, given without its end. Never throws and never waits. */
  line(text: string): void {
    if (this.#broken) return;
    if (this.#size + text.length > MAX_PENDING) {
      this.#lost++;
      return;
    }
    this.#pending.push(text);
    this.#size += text.length;
    this.#pump ??= this.#run();
  }

  /** Resolves when everything queued so far has been written, or cannot be. Never rejects. */
  async flush(): Promise<void> {
    await this.#pump;
  }

  async #run(): Promise<void> {
    try {
      while (this.#pending.length > 0) {
        const lines = this.#pending;
        if (this.#lost > 0) lines.push(`${this.#lost} log lines lost: they were not read in time`);
        this.#pending = [];
        this.#size = 0;
        this.#lost = 0;
        const bytes = this.#encoder.encode(lines.join("\n") + "\n");
        for (let at = 0; at < bytes.length;) at += await this.#write(bytes.subarray(at));
      }
    } catch {
      this.#broken = true;
      this.#pending = [];
    }
    this.#pump = undefined;
  }
}
