import type { HttpConnection } from "./api.ts";
import { giveBuffer, SMALLEST, takeBuffer } from "./buffers.ts";
import { CR, LF } from "./syntax.ts";

/** Largest buffer that is taken merely to read more at once, in bytes. */
const LARGEST_READ = 32_768;
/** Least room that is worth reading ahead into, in bytes. */
const AHEAD = 256;

/**
 * The receive buffer of a connection. Requests are parsed in it, where they lie:
 *
 *     0         floor        start            end          bytes.length
 *     | pinned  |  taken     |  received      |  room      |
 *
 * `pinned` is the head of the request that is being served, whose method, target and fields are
 * read from it when the handler asks. The buffer is small while the connection is idle, and grows
 * with what arrives.
 */
export class Input {
  /** The buffer. Another one after each {@link Input.more}. */
  bytes: Uint8Array<ArrayBuffer> = takeBuffer(SMALLEST);
  /** Where the received bytes start that have not been taken. */
  start = 0;
  /** Where they end. */
  end = 0;
  /** `"ended"`: the peer has ended its stream; `"failed"`: the connection is gone. */
  state: "open" | "ended" | "failed" = "open";

  readonly #connection: HttpConnection;
  readonly #ended: () => void;
  readonly #failed: (reason: unknown) => void;
  #floor = 0;
  /** The read under way: there is never more than one. */
  #reading: Promise<unknown> | undefined = undefined;
  /** Nobody waits for the read under way, nor for those after it. */
  #eager = false;
  /** The last read filled all the room: there is probably more. */
  #filled = false;
  readonly #received = (length: number | null) => {
    this.#reading = undefined;
    if (length === null) return this.#finish();
    this.end += length;
    this.#filled = this.end === this.bytes.length;
    if (this.#eager) this.ahead();
  };
  readonly #lost = (reason: unknown) => {
    this.#reading = undefined;
    this.state = "failed";
    this.#failed(reason);
  };

  /**
   * @param ended Told once when the peer has ended its stream.
   * @param failed Told once why reading failed.
   */
  constructor(connection: HttpConnection, ended: () => void, failed: (reason: unknown) => void) {
    this.#connection = connection;
    this.#ended = ended;
    this.#failed = failed;
  }

  /** Bytes received and not taken. */
  get available(): number {
    return this.end - this.start;
  }

  /** Nothing is to be expected beyond what is {@link Input.available}. */
  get over(): boolean {
    return this.state !== "open";
  }

  /** A read is under way. */
  get busy(): boolean {
    return this.#reading !== undefined;
  }

  /**
   * Waits for more bytes, the end of the stream, or failure. Never rejects. Not to be called when
   * {@link Input.over}.
   */
  more(): Promise<unknown> {
    this.#eager = false;
    if (this.#reading !== undefined) return this.#reading;
    if (this.start === this.end) this.start = this.end = this.#floor;
    if (this.end === this.bytes.length || this.#filled) this.#makeRoom();
    return this.#read();
  }

  /**
   * Reads without anybody waiting, as long as there is room, so that the end or the loss of the
   * connection is noticed while a handler works.
   */
  ahead(): void {
    this.#eager = false;
    if (this.#reading !== undefined || this.over) return;
    if (this.start === this.end) this.start = this.end = this.#floor;
    if (this.bytes.length - this.end < AHEAD) {
      if (this.bytes.length >= LARGEST_READ) return;
      this.#makeRoom();
    }
    this.#eager = true;
    this.#read();
  }

  /**
   * Reads into memory of the caller, past the buffer, which must be empty; no read may be under
   * way.
   *
   * @returns Bytes read; 0 at the end of the stream or on failure.
   */
  into(target: Uint8Array): Promise<number> {
    const reading = this.#connection.read(target).then((length) => {
      this.#reading = undefined;
      if (length === null) this.#finish();
      return length ?? 0;
    }, (reason) => {
      this.#lost(reason);
      return 0;
    });
    this.#reading = reading;
    return reading;
  }

  /** Takes the next `length` bytes and pins them, with all before them. */
  pin(length: number): void {
    this.#floor = this.start += length;
  }

  /** Pins nothing any more. */
  unpin(): void {
    this.#floor = 0;
  }

  /** Takes empty lines, which RFC 9112 section 2.2 lets a client send before a request. */
  skipEmptyLines(): void {
    while (
      this.end - this.start >= 2 && this.bytes[this.start] === CR &&
      this.bytes[this.start + 1] === LF
    ) {
      this.start += 2;
    }
  }

  /** Releases memory, if nothing is received and nothing pinned: the connection goes idle. */
  rest(): void {
    if (this.#reading !== undefined || this.start < this.end) return;
    this.start = this.end = 0;
    this.#filled = false;
    if (this.bytes.length > SMALLEST) this.#replace(takeBuffer(SMALLEST));
  }

  /** Takes the read under way for given up: the connection will not settle it. */
  abandon(): void {
    this.#reading = undefined;
  }

  /** Releases everything; not to be used after it. */
  release(): void {
    // A read that has not settled may still write into the buffer.
    if (this.#reading === undefined) giveBuffer(this.bytes);
    this.bytes = NOTHING;
    this.start = this.end = 0;
  }

  #finish(): void {
    this.state = "ended";
    this.#ended();
  }

  #read(): Promise<unknown> {
    const room = this.end === 0 ? this.bytes : this.bytes.subarray(this.end);
    return this.#reading = this.#connection.read(room).then(this.#received, this.#lost);
  }

  /** Moves the bytes to the floor if that frees half of the buffer, else takes a larger one. */
  #makeRoom(): void {
    const { bytes, start, end } = this;
    const floor = this.#floor;
    const kept = floor + end - start;
    if (kept <= bytes.length / 2 && (!this.#filled || bytes.length >= LARGEST_READ)) {
      bytes.copyWithin(floor, start, end);
    } else if (end < bytes.length && bytes.length >= LARGEST_READ) {
      return; // There is room, and no reason to have more of it.
    } else {
      const larger = takeBuffer(bytes.length * 4);
      larger.set(bytes.subarray(0, floor));
      larger.set(bytes.subarray(start, end), floor);
      this.#replace(larger);
    }
    this.start = floor;
    this.end = kept;
  }

  #replace(bytes: Uint8Array<ArrayBuffer>): void {
    giveBuffer(this.bytes);
    this.bytes = bytes;
  }
}

const NOTHING = new Uint8Array(0);
