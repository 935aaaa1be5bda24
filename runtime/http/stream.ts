import { chunkHead, LAST_CHUNK } from "./chunked.ts";
import type { Exchange } from "./exchange.ts";
import type { Input } from "./input.ts";
import type { Output } from "./output.ts";
import { settleSoon } from "./settle.ts";

/** How the end of a streamed body is told (RFC 9112 section 6.3). */
export type BodyEnd =
  /** By the last chunk. */
  | "chunked"
  /** By the end of the connection. */
  | "close"
  /** By its length in bytes, which the handler promised. */
  | number;

/** Chunks of the stream up to this size, in bytes, are copied together into one write. */
const COPIED = 16_384;
/** Bytes gathered before they are written although more is there. */
const GATHERED = 32_768;

/**
 * Sends the body of a response from a stream, no faster than the connection takes it, each chunk
 * as soon as it comes, those that are there at once together.
 *
 * When the client leaves, the stream is cancelled.
 */
export class BodyWriter {
  readonly #output: Output;
  readonly #input: Input;
  readonly #exchange: Exchange;
  readonly #reader: ReadableStreamDefaultReader<unknown>;
  /** The first read, begun before it is known when the head can be sent. */
  #first: Promise<ReadableStreamReadResult<unknown>> | undefined;

  /** @throws {TypeError} If the stream is locked. */
  constructor(output: Output, input: Input, exchange: Exchange, stream: ReadableStream) {
    this.#output = output;
    this.#input = input;
    this.#exchange = exchange;
    this.#reader = stream.getReader();
    this.#first = this.#reader.read();
    this.#first.catch(() => {}); // It is looked at later.
    exchange.gone.then(() => this.cancel(new Deno.errors.ConnectionAborted("the client left")));
  }

  /**
   * Waits for the first chunk: by then a stream that is made of the body of the request has begun
   * to read that, and `100 Continue` is sent before the head of the response.
   */
  async first(): Promise<void> {
    await Promise.race([this.#first?.catch(() => {}), this.#exchange.gone]);
  }

  /** Ends the stream before its time. */
  cancel(reason: unknown): void {
    this.#reader.cancel(reason).catch(() => {}); // It was told; how it takes it is its affair.
  }

  /**
   * Sends the body, and what tells its end.
   *
   * @throws What the stream failed with; or a TypeError if it gives other things than bytes, or
   *   other than as many as promised (no more are sent than were promised).
   */
  async write(end: BodyEnd): Promise<void> {
    let left = typeof end === "number" ? end : Infinity;
    for (;;) {
      const chunk = await this.#next();
      if (this.#exchange.aborted) return;
      if (chunk === undefined) break;
      if (chunk.length > left) {
        await this.#add(chunk.subarray(0, left), end);
        const error = new TypeError(`The body is longer than its Content-Length of ${end}`);
        this.cancel(error);
        throw error;
      }
      left -= chunk.length;
      if (chunk.length > 0) await this.#add(chunk, end);
    }
    if (end === "chunked") this.#output.addLatin1(LAST_CHUNK);
    else if (left > 0 && end !== "close") {
      throw new TypeError(`The body is ${left} bytes shorter than its Content-Length of ${end}`);
    }
  }

  /** The next chunk, `undefined` at the end. What was gathered is sent before a longer wait. */
  async #next(): Promise<Uint8Array | undefined> {
    const reading = this.#first ?? this.#reader.read();
    this.#first = undefined;
    const settling = await settleSoon(reading);
    if (settling.result === undefined) {
      await this.#output.flush();
      this.#input.ahead();
      await settling.done;
    }
    const result = settling.result!;
    if ("error" in result) throw result.error;
    if (result.value.done) return undefined;
    const chunk = result.value.value;
    if (!(chunk instanceof Uint8Array)) {
      const error = new TypeError("The stream of a Response body must give Uint8Array chunks");
      this.cancel(error);
      throw error;
    }
    return chunk;
  }

  async #add(chunk: Uint8Array, end: BodyEnd): Promise<void> {
    const output = this.#output;
    if (end === "chunked") output.addLatin1(chunkHead(chunk.length));
    if (chunk.length <= COPIED) output.add(chunk);
    else await output.send(chunk);
    if (end === "chunked") output.addLatin1("\r\n");
    if (output.length >= GATHERED) await output.flush();
  }
}
