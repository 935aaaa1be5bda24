import { BROKEN, ChunkedDecoder, DATA, END, WAIT } from "./chunked.ts";
import type { Deadline } from "./deadline.ts";
import { type Fault, FAULTS } from "./fault.ts";
import type { Input } from "./input.ts";
import type { Limits } from "./limits.ts";
import type { RequestParser } from "./parser.ts";

/** Least that is read from the connection past its buffer, in bytes. */
const LEAST_READ = 4_096;
/** Most that is read so at a time, in bytes. */
const MOST_READ = 65_536;

/** Why the body of a request could not be read, as its handler sees it. */
function errorOf(fault: Fault): Error {
  if (fault === FAULTS.truncated) return new Deno.errors.UnexpectedEof(fault.message);
  if (fault === FAULTS.bodyTimeout) return new Deno.errors.TimedOut(fault.message);
  return new Deno.errors.InvalidData(fault.message);
}

/**
 * The body of one request, read from the connection as it is asked for: what the handler does not
 * read stays with the client, whose window closes.
 *
 * One read at a time. After the exchange {@link RequestBody.close} ends the handler's access, and
 * {@link RequestBody.discard} finds the end of what is left.
 */
export class RequestBody {
  /** What is wrong with the body, once that is known. */
  fault: Fault | undefined = undefined;
  /** The error that reads of the handler reject with from now on. */
  error: unknown = undefined;
  /** Told before the first read of the handler: the time for `100 Continue`. */
  beforeRead: (() => void) | undefined = undefined;
  /** Told when the handler has read to the end. */
  atEnd: (() => void) | undefined = undefined;
  /** The handler has begun to read. */
  begun = false;

  readonly #input: Input;
  readonly #deadline: Deadline;
  readonly #timeout: number;
  readonly #chunks: ChunkedDecoder | undefined;
  #closed = false;
  /** Bytes still to come; while that is not known, `Infinity`. */
  #rest: number;
  /** Where in the input the data is that {@link RequestBody.#next} found. */
  #from = 0;
  #to = 0;
  #readSize = LEAST_READ;
  /** Ends the wait for the connection. */
  #wake: (() => void) | undefined = undefined;

  /** @param head The head of the request, parsed; it must say that there is a body. */
  constructor(head: RequestParser, input: Input, limits: Limits, deadline: Deadline) {
    this.#input = input;
    this.#deadline = deadline;
    this.#timeout = limits.bodyTimeout;
    this.#chunks = head.chunked ? new ChunkedDecoder(limits) : undefined;
    this.#rest = head.chunked ? Infinity : head.contentLength;
  }

  /**
   * Bytes that are still to come from the connection, `Infinity` if that is not known; 0: what
   * follows is the next request.
   */
  get rest(): number {
    return this.#rest;
  }

  /**
   * Reads what there is, at least one byte.
   *
   * @returns Fresh memory, or `null` at the end of the body.
   * @throws {Deno.errors.UnexpectedEof} The connection ended before the body.
   * @throws {Deno.errors.TimedOut} The client stopped sending for longer than the limit.
   * @throws {Deno.errors.InvalidData} The chunked coding is broken, or the body too large.
   */
  async read(): Promise<Uint8Array<ArrayBuffer> | null> {
    this.#begin();
    for (;;) {
      this.#check();
      if (this.#canReadPast(LEAST_READ)) {
        const target = new Uint8Array(Math.min(this.#rest, this.#readSize));
        const length = await this.#past(target);
        if (length === target.length) this.#readSize = Math.min(this.#readSize * 4, MOST_READ);
        else if (length < target.length / 4) this.#readSize = LEAST_READ;
        if (length === 0) continue;
        return this.#give(length === target.length ? target : target.subarray(0, length));
      }
      const available = this.#input.available;
      let chunk: Uint8Array<ArrayBuffer> | undefined;
      let length = 0;
      let found = this.#next();
      while (found === DATA) {
        // Data is never more than what has been received, chunk heads included.
        chunk ??= new Uint8Array(Math.min(this.#rest + this.#to - this.#from, available));
        chunk.set(this.#input.bytes.subarray(this.#from, this.#to), length);
        length += this.#to - this.#from;
        found = this.#next();
      }
      if (chunk !== undefined) return this.#give(chunk.subarray(0, length));
      if (found === END) return this.#give(null);
      if (found === WAIT) await this.#wait();
    }
  }

  /**
   * Reads the body where it lies, if all of it has been received.
   *
   * @param use Is given the bytes, which are valid during the call only.
   * @returns What `use` returned; `undefined` if it was not called.
   * @throws As {@link RequestBody.read} does.
   */
  whole<Result>(use: (bytes: Uint8Array<ArrayBuffer>) => Result): Result | undefined {
    const input = this.#input;
    if (this.#chunks !== undefined || this.#rest > input.available) return undefined;
    this.#begin();
    const bytes = input.bytes.subarray(input.start, input.start + this.#rest);
    input.start += this.#rest;
    this.#rest = 0;
    return this.#give(use(bytes));
  }

  /** Reads all that is left. Throws as {@link RequestBody.read} does. */
  async readAll(): Promise<Uint8Array<ArrayBuffer>> {
    this.#begin();
    // No more memory than was received, or is small: a length is but a promise.
    const likely = this.#chunks === undefined ? this.#rest : this.#input.available;
    let all = new Uint8Array(Math.min(likely, Math.max(this.#input.available, MOST_READ)));
    let length = 0;
    for (;;) {
      this.#check();
      if (length < all.length && this.#canReadPast(1)) {
        length += await this.#past(all.subarray(length, length + this.#rest));
      } else {
        const found = this.#next();
        if (found === DATA) {
          const needed = length + this.#to - this.#from;
          if (needed > all.length) all = this.#enlarge(all, length, needed);
          all.set(this.#input.bytes.subarray(this.#from, this.#to), length);
          length = needed;
        } else if (found === END) {
          return this.#give(length === all.length ? all : all.slice(0, length));
        } else if (length === all.length && this.#canReadPast(1)) {
          all = this.#enlarge(all, length, length + 1);
        } else if (found === WAIT) {
          await this.#wait();
        }
      }
    }
  }

  /**
   * Ends the handler's access: a read that waits, and every later one, rejects. What is left of
   * the body can still be discarded.
   *
   * @param error What they reject with, if it is not just the end of the exchange.
   */
  close(error?: unknown): void {
    this.#closed = true;
    this.error ??= error;
    this.#endWait();
  }

  /** Takes what is there already of a body that the handler has done with. */
  skip(): void {
    while (this.#next() === DATA);
  }

  /**
   * Takes what is left of the body from the connection.
   *
   * @param most Most bytes of the connection to take.
   * @returns Whether the end was found, so that another request can follow.
   */
  async discard(most: number): Promise<boolean> {
    let taken = 0;
    for (;;) {
      const before = this.#input.start;
      const found = this.#next();
      taken += this.#input.start - before;
      if (found === END) return true;
      if (found === BROKEN || taken > most) return false;
      if (found === WAIT) await this.#wait();
    }
  }

  /** The limit on waiting was reached. */
  timeout(): void {
    this.#fail(FAULTS.bodyTimeout);
    this.#endWait();
  }

  /** Throws if the handler can read no more. */
  #check(): void {
    if (this.error !== undefined) throw this.error;
    if (this.#closed) throw new TypeError("Request closed");
  }

  #begin(): void {
    this.#check();
    this.begun = true;
    this.beforeRead?.();
    this.beforeRead = undefined;
  }

  /** What a read gives, once it has left the input. */
  #give<Given>(given: Given): Given {
    if (this.#rest === 0) this.atEnd?.();
    return given;
  }

  #fail(fault: Fault): typeof BROKEN {
    this.fault ??= fault;
    this.error ??= errorOf(fault);
    return BROKEN;
  }

  /** Takes the next data from what has been received: WAIT, DATA, END or BROKEN. */
  #next(): number {
    const input = this.#input;
    if (this.#rest === 0) return END;
    if (this.fault !== undefined) return BROKEN;
    let found: number;
    if (this.#chunks !== undefined) {
      found = this.#chunks.decode(input.bytes, input.start, input.end);
      input.start = this.#chunks.next;
      if (found === BROKEN) return this.#fail(this.#chunks.fault);
      this.#from = this.#chunks.dataStart;
      this.#to = this.#chunks.dataEnd;
    } else {
      this.#from = input.start;
      this.#to = input.start += Math.min(this.#rest, input.available);
      this.#rest -= this.#to - this.#from;
      found = this.#to > this.#from ? DATA : WAIT;
    }
    if (found === END) this.#rest = 0;
    if (found === WAIT && input.over) return this.#fail(FAULTS.truncated);
    return found;
  }

  /** Waits until the connection has more to say, or somebody ends the wait. */
  async #wait(): Promise<void> {
    await this.#interruptible(this.#input.more());
  }

  /** Whether to read from the connection straight into memory of the reader. */
  #canReadPast(least: number): boolean {
    const input = this.#input;
    return this.#chunks === undefined && this.#rest >= least && input.available === 0 &&
      !input.over && !input.busy;
  }

  /** Does so. The connection's position is right even if the wait is interrupted. */
  async #past(target: Uint8Array): Promise<number> {
    let length = 0;
    await this.#interruptible(
      this.#input.into(target).then((received) => {
        length = received;
        this.#rest -= received;
      }),
    );
    return length;
  }

  /** Waits for an event of the connection, no longer than the limit, or for `#endWait`. */
  #interruptible(event: Promise<unknown>): Promise<void> {
    this.#deadline.set(this.#timeout);
    return new Promise((resolve) => {
      this.#wake = resolve;
      event.then(() => this.#endWait());
    });
  }

  #endWait(): void {
    const wake = this.#wake;
    if (wake === undefined) return;
    this.#wake = undefined;
    this.#deadline.clear();
    wake();
  }

  #enlarge(bytes: Uint8Array, length: number, needed: number): Uint8Array<ArrayBuffer> {
    const known = this.#chunks === undefined ? length + this.#rest : Infinity;
    const larger = new Uint8Array(Math.max(needed, Math.min(known, bytes.length * 2)));
    larger.set(bytes.subarray(0, length));
    return larger;
  }
}
