import type { CaptureSink } from "./device/capture.ts";

/** Where the bytes of a capture go. */
export interface CaptureOutput {
  /** Takes the capture's blocks. */
  readonly sink: CaptureSink;
  /** Somebody may be reading along. */
  readonly live: boolean;
  /** Writes what has not been written yet, and closes. */
  close(): Promise<void>;
}

/** Bytes that are gathered for one write to a file. */
const GATHERED = 1 << 18;
/** How long bytes wait for others, in milliseconds. */
const GATHERING = 200;
/** Bytes that may wait for whoever reads standard output. */
const BACKLOG = 1 << 23;

/**
 * Opens what a capture is written to.
 *
 * @param path A file, replaced if it exists; `-` for standard output.
 * @param onError Told, once, that no more can be written; the capture ends there.
 * @throws Whatever `Deno.openSync` throws.
 */
export function openCaptureOutput(
  path: string,
  onError: (error: unknown) => void,
): CaptureOutput {
  return path === "-" ? new PipeOutput(onError) : new FileOutput(path, onError);
}

/** A file: nothing is lost, and who writes waits for the disk. */
class FileOutput implements CaptureOutput {
  readonly live = false;
  readonly #file: Deno.FsFile;
  readonly #onError: (error: unknown) => void;
  readonly #gathered = new Uint8Array(GATHERED);
  #length = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #failed = false;

  constructor(path: string, onError: (error: unknown) => void) {
    this.#file = Deno.openSync(path, { write: true, create: true, truncate: true });
    this.#onError = onError;
  }

  readonly sink = (chunk: Uint8Array): boolean => {
    if (this.#length + chunk.length > GATHERED) this.#flush();
    if (chunk.length > GATHERED) this.#write(chunk);
    else {
      this.#gathered.set(chunk, this.#length);
      this.#length += chunk.length;
    }
    if (this.#timer === undefined) {
      const timer = setTimeout(this.#flush, GATHERING);
      Deno.unrefTimer(timer);
      this.#timer = timer;
    }
    return !this.#failed;
  };

  close(): Promise<void> {
    this.#flush();
    this.#file.close();
    return Promise.resolve();
  }

  readonly #flush = (): void => {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#write(this.#gathered.subarray(0, this.#length));
    this.#length = 0;
  };

  #write(bytes: Uint8Array): void {
    try {
      for (let at = 0; at < bytes.length && !this.#failed;) {
        at += this.#file.writeSync(bytes.subarray(at));
      }
    } catch (error) {
      this.#failed = true;
      this.#onError(error);
    }
  }
}

/** Standard output: whoever reads it must not hold up the stack, so what it cannot take is lost. */
class PipeOutput implements CaptureOutput {
  readonly live = true;
  readonly #onError: (error: unknown) => void;
  #waiting: Uint8Array[] = [];
  #length = 0;
  #failed = false;
  #writing: Promise<void> | undefined;

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  readonly sink = (chunk: Uint8Array): boolean => {
    if (this.#failed || this.#length + chunk.length > BACKLOG) return false;
    this.#waiting.push(chunk.slice());
    this.#length += chunk.length;
    this.#writing ??= this.#write();
    return true;
  };

  async close(): Promise<void> {
    await this.#writing;
  }

  async #write(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        const blocks = this.#waiting;
        this.#waiting = [];
        const bytes = join(blocks);
        for (let at = 0; at < bytes.length;) at += await Deno.stdout.write(bytes.subarray(at));
        this.#length -= bytes.length;
      }
    } catch (error) {
      this.#failed = true;
      this.#onError(error);
    }
    this.#writing = undefined;
  }
}

function join(blocks: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(blocks.reduce((sum, block) => sum + block.length, 0));
  let at = 0;
  for (const block of blocks) {
    bytes.set(block, at);
    at += block.length;
  }
  return bytes;
}
