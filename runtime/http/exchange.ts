import type { FailedRequest, ServeInfo } from "./api.ts";
import type { RequestBody } from "./body.ts";
import { RequestHeaders } from "./headers.ts";
import type { Input } from "./input.ts";
import type { RequestParser } from "./parser.ts";
import { createRequest } from "./request.ts";
import { latin1 } from "./syntax.ts";
import { targetUrl } from "./target.ts";

/** What an exchange needs of its connection. */
export interface ExchangeHost {
  /** Where the head of the request lies. */
  readonly input: Input;
  /** The client's address. */
  readonly remoteAddr: Deno.NetAddr;
  /** Host and port for a request that names none. */
  readonly localHost: string;
  /** Calls `complete` or `abort` of the exchange as soon as it is known which, or at once. */
  watch(exchange: Exchange): void;
}

/**
 * One request and its response (RFC 9110 section 3.4). All that a handler may ask for is made when
 * it asks.
 *
 * The head of the request stays where it was received. Once the exchange has ended that memory is
 * used again: what the handler did not ask for before is then gone, as it is with `Deno.serve`.
 */
export class Exchange {
  /** Method, as sent. */
  readonly method: string;
  /** The body, unless there is none. */
  readonly body: RequestBody | undefined;
  /**
   * Position in the stream of sent bytes where the response ends; `Infinity` while the exchange
   * is under way.
   */
  end = Infinity;

  readonly #host: ExchangeHost;
  /** The head still lies in the input. */
  #inPlace = true;
  /** A copy of the head, if it was worth keeping. */
  #kept: Uint8Array | undefined = undefined;
  /** Offset of the head in the memory that it lies in. */
  #start: number;
  readonly #length: number;
  readonly #targetStart: number;
  readonly #targetEnd: number;
  readonly #hostStart: number;
  readonly #hostEnd: number;
  readonly #fieldsStart: number;
  #headers: RequestHeaders | undefined = undefined;
  #controller: AbortController | undefined = undefined;
  #completed: PromiseWithResolvers<void> | undefined = undefined;
  #gone: PromiseWithResolvers<void> | undefined = undefined;
  #aborted = false;

  /** @param head What the parser found in the head, at the start of the input. */
  constructor(host: ExchangeHost, head: RequestParser, body: RequestBody | undefined) {
    this.#host = host;
    this.method = head.method;
    this.body = body;
    this.#start = host.input.start;
    this.#length = head.length;
    this.#targetStart = head.targetStart;
    this.#targetEnd = head.targetEnd;
    this.#hostStart = head.hostStart;
    this.#hostEnd = head.hostEnd;
    this.#fieldsStart = head.fieldsStart;
  }

  /** What the handler is called with. */
  get request(): Request {
    return createRequest(this);
  }

  /** What the handler is called with beside the request. */
  get info(): ServeInfo {
    return new Info(this);
  }

  /** Whether `body` of the request is null: as in `Deno.serve`, GET and HEAD show none. */
  get bodyless(): boolean {
    return this.method === "GET" || this.method === "HEAD";
  }

  /** The memory that the head lies in. */
  get bytes(): Uint8Array {
    if (this.#inPlace) return this.#host.input.bytes;
    if (this.#kept === undefined) throw new TypeError("Request closed");
    return this.#kept;
  }

  /** Offset in it of the first header line. */
  get fieldsStart(): number {
    return this.#start + this.#fieldsStart;
  }

  /** URL of the request. */
  get url(): string {
    const { bytes } = this;
    const start = this.#start;
    const host = this.#hostEnd > this.#hostStart
      ? latin1(bytes, start + this.#hostStart, start + this.#hostEnd)
      : this.#host.localHost;
    return targetUrl(bytes, start + this.#targetStart, start + this.#targetEnd, host);
  }

  /** Header fields of the request. */
  get headers(): RequestHeaders {
    if (this.#headers === undefined) {
      void this.bytes; // Throws if it is too late.
      this.#headers = new RequestHeaders(this);
    }
    return this.#headers;
  }

  /** Aborted when the client leaves, or ends its stream, before the response is complete. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted) this.#controller.abort(cancelled());
      else this.#host.watch(this);
      if (this.#host.input.over) this.hangUp();
    }
    return this.#controller.signal;
  }

  /** The client's address. */
  get remoteAddr(): Deno.NetAddr {
    return this.#host.remoteAddr;
  }

  /** Settles when it is known whether the whole response could be sent. */
  get completed(): Promise<void> {
    if (this.#completed === undefined) {
      this.#completed = Promise.withResolvers();
      this.#completed.promise.catch(() => {}); // Nobody need handle it.
      this.#host.watch(this);
    }
    return this.#completed.promise;
  }

  /** Resolves when the client has left. */
  get gone(): Promise<void> {
    if (this.#gone === undefined) {
      this.#gone = Promise.withResolvers();
      if (this.#aborted) this.#gone.resolve();
    }
    return this.#gone.promise;
  }

  /** The client has left: nothing that is still to be sent can reach it. */
  get aborted(): boolean {
    return this.#aborted;
  }

  /** The request in short, for a log line. */
  describe(): FailedRequest {
    return { method: this.method, url: this.url, remoteAddr: this.remoteAddr };
  }

  /** Whether an error is but the consequence of the client's leaving. */
  isConsequence(error: unknown): boolean {
    const left = this.#aborted || this.#controller?.signal.aborted === true;
    return left && error instanceof Error && error.name === "AbortError";
  }

  /** Ends the exchange: its response is complete at position `end` of the sent bytes. */
  finish(end: number): void {
    this.end = end;
    this.#leave(
      this.#headers !== undefined || this.#controller !== undefined ||
        this.#completed !== undefined,
    );
  }

  /** The whole response has been sent. */
  complete(): void {
    this.#completed?.resolve();
  }

  /** The client has ended its stream: it may have left, and may yet wait for the response. */
  hangUp(): void {
    if (this.end === Infinity) this.#controller?.abort(cancelled());
  }

  /** The client has left, or the response could not be finished. */
  abort(reason: unknown): void {
    if (this.#aborted) return;
    this.#aborted = true;
    this.#leave(true);
    this.#completed?.reject(reason);
    this.#controller?.abort(cancelled());
    this.#gone?.resolve();
  }

  /** The memory that the head lies in is about to be used again. */
  #leave(keep: boolean): void {
    if (!this.#inPlace) return;
    if (keep) this.#kept = this.bytes.slice(this.#start, this.#start + this.#length);
    this.#start = 0;
    this.#inPlace = false;
  }
}

function cancelled(): DOMException {
  return new DOMException("The request has been cancelled.", "AbortError");
}

/** The face of an exchange that a handler sees beside the request. */
class Info implements ServeInfo {
  readonly #exchange: Exchange;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  get remoteAddr(): Deno.NetAddr {
    return this.#exchange.remoteAddr;
  }

  get completed(): Promise<void> {
    return this.#exchange.completed;
  }
}
