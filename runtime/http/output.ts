import type { HttpConnection } from "./api.ts";
import { giveBuffer, takeBuffer } from "./buffers.ts";
import type { Deadline } from "./deadline.ts";

/**
 * Most bytes written at a time: a connection may take all of them before it says so, and that must
 * be possible for a slow client within the time that it has.
 */
const MOST_WRITTEN = 65_536;
/** Size of the buffer that responses are first written into, in bytes. */
const SMALL = 2_048;

/**
 * What is to be sent, gathered so that the head and the body of a response, and the responses to
 * pipelined requests, leave in one write. It holds no memory while there is nothing to send.
 *
 * After a failure everything is discarded: the peer can no longer get it.
 */
export class Output {
  /** The buffer; write into it after {@link Output.reserve}, and advance {@link Output.length}. */
  bytes: Uint8Array<ArrayBuffer> = NOTHING;
  /** Bytes gathered. */
  length = 0;
  /** Bytes that the connection has taken so far. */
  written = 0;
  /** The connection is gone. */
  failed = false;

  readonly #connection: HttpConnection;
  readonly #onWritten: () => void;
  readonly #onFailure: (reason: unknown) => void;
  readonly #deadline: Deadline;
  readonly #timeout: number;
  #writing: Promise<void> | undefined = undefined;
  /** Bytes handed to the connection, which need not have taken them yet. */
  #handed = 0;

  /**
   * @param onWritten Told whenever {@link Output.written} has grown to all that was to be written.
   * @param onFailure Told once why writing failed.
   * @param deadline Set while the connection takes nothing.
   * @param timeout How long that may be, in milliseconds.
   */
  constructor(
    connection: HttpConnection,
    onWritten: () => void,
    onFailure: (reason: unknown) => void,
    deadline: Deadline,
    timeout: number,
  ) {
    this.#connection = connection;
    this.#onWritten = onWritten;
    this.#onFailure = onFailure;
    this.#deadline = deadline;
    this.#timeout = timeout;
  }

  /** Position in the stream of sent bytes where what is gathered next will be. */
  get position(): number {
    return this.#handed + this.length;
  }

  /** Makes room for `length` more bytes. */
  reserve(length: number): Uint8Array<ArrayBuffer> {
    const needed = this.length + length;
    if (needed <= this.bytes.length) return this.bytes;
    const larger = takeBuffer(Math.max(needed, SMALL));
    if (this.length > 0) larger.set(this.bytes.subarray(0, this.length));
    if (this.bytes !== NOTHING) giveBuffer(this.bytes);
    return this.bytes = larger;
  }

  /** Adds bytes, by copying them. */
  add(bytes: Uint8Array): void {
    this.reserve(bytes.length).set(bytes, this.length);
    this.length += bytes.length;
  }

  /** Adds text of characters up to U+00FF, one byte each. */
  addLatin1(text: string): void {
    const buffer = this.reserve(text.length);
    let at = this.length;
    for (let i = 0; i < text.length; i++) buffer[at++] = text.charCodeAt(i);
    this.length = at;
  }

  /**
   * Writes all that was gathered, after what is still being written. Never rejects.
   *
   * @returns When it is done; `undefined` if it is.
   */
  flush(): Promise<void> | undefined {
    if (this.#writing !== undefined) return this.#writing.then(() => this.flush());
    if (this.failed) this.length = 0;
    if (this.length === 0) return undefined;
    const { bytes, length } = this;
    this.bytes = NOTHING;
    this.length = 0;
    const gathered = bytes.subarray(0, length);
    const taken = this.#connection.writeNow?.(gathered) ?? 0;
    this.#handed += taken;
    this.written += taken;
    if (taken < length) return this.#writing = this.#write(gathered.subarray(taken), bytes);
    giveBuffer(bytes);
    this.#onWritten();
    return undefined;
  }

  /** Writes `bytes` without copying them, after all that was gathered. Never rejects. */
  async send(bytes: Uint8Array): Promise<void> {
    while (this.#writing !== undefined || this.length > 0) await this.flush();
    if (bytes.length > 0 && !this.failed) await (this.#writing = this.#write(bytes, NOTHING));
  }

  /** Releases everything; not to be used after it. */
  release(): void {
    if (this.bytes !== NOTHING) giveBuffer(this.bytes);
    this.bytes = NOTHING;
    this.length = 0;
  }

  async #write(bytes: Uint8Array, buffer: Uint8Array<ArrayBuffer>): Promise<void> {
    this.#handed += bytes.length;
    try {
      let rest = bytes;
      while (rest.length > 0) {
        this.#deadline.set(this.#timeout);
        const piece = rest.length > MOST_WRITTEN ? rest.subarray(0, MOST_WRITTEN) : rest;
        const taken = await this.#connection.write(piece);
        if (!(taken > 0)) throw new Deno.errors.WriteZero("the connection took no bytes");
        this.written += taken;
        if (taken === rest.length) break;
        rest = rest.subarray(taken);
      }
      this.#onWritten();
    } catch (reason) {
      this.failed = true;
      this.#onFailure(reason);
    }
    this.#deadline.clear();
    this.#writing = undefined;
    if (buffer !== NOTHING) giveBuffer(buffer);
  }
}

const NOTHING = new Uint8Array(0);
