import type { CaptureSink } from "./capture.ts";

/** What a capture file writes into: a `Deno.FsFile`, `Deno.stdout`. */
export interface CaptureTarget {
  /** Writes some of the bytes; gives how many. */
  write(bytes: Uint8Array): Promise<number>;
}

/** How a capture file is written. */
export interface CaptureFileOptions {
  /** Called once, when the target fails; nothing is written from then on. */
  readonly failed: (error: Error) => void;
  /** Most bytes that wait to be written; default 128 MiB. More are refused. */
  readonly limit?: number;
}

const DEFAULT_LIMIT = 128 << 20;
const FIRST_SIZE = 64 << 10;

/**
 * Writes a capture behind the back of the packet path: chunks are copied into a buffer at once and
 * written in order, while the next ones fill another buffer.
 *
 * @example
 * ```ts ignore
 * await using file = await CaptureFile.open("trace.pcapng", { failed: (error) => log(error) });
 * const capture = new Capture({ sink: file.sink });
 * ```
 */
export class CaptureFile implements AsyncDisposable {
  readonly #target: CaptureTarget;
  readonly #release: () => void;
  readonly #failed: (error: Error) => void;
  readonly #limit: number;
  #filling = new Uint8Array(FIRST_SIZE);
  #filled = 0;
  #spare = new Uint8Array(FIRST_SIZE);
  #writing: Promise<void> | undefined;
  /** Until it fails or is closed. */
  #taking = true;
  #closing: Promise<void> | undefined;

  /**
   * @param target Where to write.
   * @param options How.
   * @param release Called when everything is written and the file is closed.
   */
  constructor(target: CaptureTarget, options: CaptureFileOptions, release: () => void = () => {}) {
    this.#target = target;
    this.#failed = options.failed;
    this.#limit = options.limit ?? DEFAULT_LIMIT;
    this.#release = release;
  }

  /**
   * Opens a file, which is made or begun anew, or standard output.
   *
   * @param path The file, or `-` for standard output.
   * @param options How to write it.
   * @throws What `Deno.open` throws, with a message that says what it is about.
   */
  static async open(path: string, options: CaptureFileOptions): Promise<CaptureFile> {
    if (path === "-") return new CaptureFile(Deno.stdout, options);
    const file = await openFile(path);
    return new CaptureFile(file, options, () => file.close());
  }

  /** Takes the next chunk; `false` if there is no room, or the file failed or is closed. */
  readonly sink: CaptureSink = (chunk) => {
    const end = this.#filled + chunk.length;
    if (!this.#taking || end > this.#limit) return false;
    if (end > this.#filling.length) {
      const grown = new Uint8Array(Math.min(2 * end, this.#limit));
      grown.set(this.#filling.subarray(0, this.#filled));
      this.#filling = grown;
    }
    this.#filling.set(chunk, this.#filled);
    this.#filled = end;
    this.#writing ??= this.#write();
    return true;
  };

  /** Writes what is left and closes the file. Twice is harmless. */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#taking = false;
    await this.#writing;
    this.#release();
  }

  async #write(): Promise<void> {
    try {
      // What comes in the same turn goes out in one write.
      await Promise.resolve();
      while (this.#filled > 0) {
        const full = this.#filling.subarray(0, this.#filled);
        [this.#filling, this.#spare] = [this.#spare, this.#filling];
        this.#filled = 0;
        for (let at = 0; at < full.length;) at += await this.#target.write(full.subarray(at));
      }
    } catch (error) {
      this.#taking = false;
      this.#failed(error as Error);
    }
    this.#writing = undefined;
  }
}

async function openFile(path: string): Promise<Deno.FsFile> {
  const { NotFound, NotADirectory, IsADirectory, PermissionDenied } = Deno.errors;
  try {
    return await Deno.open(path, { write: true, create: true, truncate: true });
  } catch (error) {
    const what = `cannot write the capture to ${JSON.stringify(path)}: expected a file`;
    if (error instanceof NotFound || error instanceof NotADirectory) {
      throw new NotFound(`${what} in a directory that is there, found no such directory`);
    }
    if (error instanceof IsADirectory) throw new IsADirectory(`${what}, found a directory`);
    if (error instanceof PermissionDenied) {
      throw new PermissionDenied(`${what} that this user may write`);
    }
    throw error;
  }
}
