import type { HttpConnection, HttpHandler, HttpOptions, Timers } from "./api.ts";
import { RequestBody } from "./body.ts";
import { Deadline, platformTimers } from "./deadline.ts";
import { type Drainable, joinDrain, leaveDrain } from "./drain.ts";
import { Exchange, type ExchangeHost } from "./exchange.ts";
import { Fault, FAULTS } from "./fault.ts";
import { Input } from "./input.ts";
import { type Limits, resolveLimits } from "./limits.ts";
import { Output } from "./output.ts";
import { COMPLETE, FAULTY, INCOMPLETE, RequestParser } from "./parser.ts";
import {
  addHead,
  addNumber,
  addQuickHead,
  addText,
  MOST_TEXT,
  type Reply,
  replyOf,
} from "./response.ts";
import { takeQuick } from "./response_body.ts";
import { settleSoon } from "./settle.ts";
import { type BodyEnd, BodyWriter } from "./stream.ts";
import { CR } from "./syntax.ts";

/** Most bytes of a request body that are taken after the response, so that another can follow. */
const MOST_DISCARDED = 262_144;
/** Bytes of responses that are gathered while pipelined requests are there to be answered. */
const MOST_GATHERED = 65_536;
/** Bodies up to this size in bytes are copied behind their head into one write. */
const MOST_COPIED = 65_536;

const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n";

/** What a connection is waiting for, and so what its deadline means. */
type Phase = "idle" | "head" | "exchange";

/** There is no other request to come. */
const OVER = -1;

/** Serves one connection: request after request, in order, one at a time. */
export class ServerConnection implements ExchangeHost, Drainable {
  readonly input: Input;

  readonly #connection: HttpConnection;
  readonly #handler: HttpHandler;
  readonly #limits: Limits;
  readonly #signal: AbortSignal | undefined;
  readonly #onError: HttpOptions["onError"];
  readonly #output: Output;
  readonly #parser: RequestParser;
  readonly #deadline: Deadline;
  /** Exchanges of which somebody waits to hear whether the response was sent. */
  #watched: Exchange[] = [];
  /** The exchange under way. */
  #exchange: Exchange | undefined = undefined;
  #phase: Phase = "exchange";
  /** No request is served any more after the one under way. */
  #draining = false;
  /** The connection has been closed: nothing more can be sent. */
  #closed = false;
  /** The head of a request did not arrive in time, and that has been said. */
  #timedOut = false;
  /** Why the client cannot get what is left. */
  #reason: unknown = undefined;

  constructor(connection: HttpConnection, handler: HttpHandler, options: HttpOptions) {
    const lost = (reason: unknown) => this.#lost(reason);
    const timers: Timers = options.timers ?? platformTimers;
    this.#connection = connection;
    this.#handler = handler;
    this.#limits = resolveLimits(options);
    this.#signal = options.signal;
    this.#onError = options.onError;
    this.input = new Input(connection, lost);
    this.#output = new Output(connection, lost);
    this.#parser = new RequestParser(this.#limits);
    this.#deadline = new Deadline(timers, () => this.#expire());
  }

  get remoteAddr(): Deno.NetAddr {
    return this.#connection.remoteAddr as Deno.NetAddr;
  }

  get localHost(): string {
    const { hostname, port } = this.#connection.localAddr as Deno.NetAddr;
    const host = hostname.includes(":") ? `[${hostname}]` : hostname;
    return port === 80 ? host : `${host}:${port}`;
  }

  /** Serves until the connection is finished, and closes it. */
  async run(): Promise<void> {
    if (this.#signal !== undefined) joinDrain(this.#signal, this);
    try {
      while (await this.#exchangeOnce());
      await this.#flush();
    } finally {
      if (this.#signal !== undefined) leaveDrain(this.#signal, this);
      this.#deadline.close();
      this.#close();
      this.input.release();
      this.#output.release();
    }
  }

  drain(): void {
    this.#draining = true;
    if (this.#phase === "idle") this.#close();
  }

  watch(exchange: Exchange): void {
    if (!this.#settle(exchange)) this.#watched.push(exchange);
  }

  /**
   * One request and its response.
   *
   * @returns Whether another may follow.
   */
  async #exchangeOnce(): Promise<boolean> {
    if (this.#closed) return false;
    const { input } = this;
    const parser = this.#parser;
    parser.reset();
    let found = input.available > 0 ? this.#parse() : INCOMPLETE;
    if (found === INCOMPLETE) found = await this.#receive();
    if (found === FAULTY) this.#refuse(parser.fault);
    if (found !== COMPLETE) return false;

    const exchange = this.#begin();
    let response = this.#call(exchange);
    if (isPromise(response)) response = await this.#await(exchange, response);
    if (this.#closed) {
      discardResponse(response);
      return false;
    }
    const responded = this.#respond(exchange, response);
    let persists = isPromise(responded) ? await responded : responded;
    const { body } = exchange;
    exchange.finish(this.#output.position);
    body?.close(new TypeError("Request closed"));
    if (this.#output.length >= MOST_GATHERED) await this.#flush();
    if (persists && body !== undefined && body.rest > 0) {
      await this.#flush();
      persists = await body.discard(MOST_DISCARDED);
    }
    this.#exchange = undefined;
    input.unpin();
    return persists;
  }

  /** Sends what was gathered, and waits for the head of the next request. */
  async #receive(): Promise<number> {
    const { input } = this;
    const parser = this.#parser;
    await this.#flush();
    input.rest();
    for (;;) {
      if (this.#closed || (this.#draining && !parser.begun)) return OVER;
      if (input.over) {
        if (!parser.begun || input.state === "failed") return OVER;
        parser.fault = FAULTS.truncated;
        return FAULTY;
      }
      const phase = parser.begun ? "head" : "idle";
      if (this.#phase !== phase) {
        this.#phase = phase;
        this.#deadline.set(this.#limits[phase === "idle" ? "idleTimeout" : "headerTimeout"]);
      }
      await input.more();
      if (this.#closed || this.#timedOut) return OVER;
      const found = this.#parse();
      if (found !== INCOMPLETE) {
        this.#deadline.clear();
        this.#phase = "exchange";
        return found;
      }
    }
  }

  #parse(): number {
    const { input } = this;
    if (!this.#parser.begun) {
      input.skipEmptyLines();
      // It may be the beginning of another empty line.
      if (input.available === 1 && input.bytes[input.start] === CR) return INCOMPLETE;
    }
    return this.#parser.parse(input.bytes, input.start, input.end);
  }

  #begin(): Exchange {
    const { input } = this;
    const parser = this.#parser;
    let body: RequestBody | undefined;
    if (parser.chunked || parser.contentLength > 0) {
      body = new RequestBody(parser, input, this.#limits, this.#deadline);
      if (parser.expectsContinue) {
        body.beforeRead = () => {
          this.#output.addLatin1(CONTINUE);
          void this.#output.flush();
        };
      }
    }
    const exchange = new Exchange(this, parser, body);
    input.pin(parser.length);
    this.#exchange = exchange;
    return exchange;
  }

  #call(exchange: Exchange): unknown {
    try {
      return this.#handler(exchange.request, exchange.info);
    } catch (error) {
      return this.#failure(exchange, error);
    }
  }

  /** Waits for the handler, unless the client leaves before it is done. */
  async #await(exchange: Exchange, promise: PromiseLike<unknown>): Promise<unknown> {
    const settling = await settleSoon(promise);
    if (settling.result === undefined) {
      await this.#flush();
      if (!this.#closed) this.input.ahead();
      await Promise.race([settling.done, exchange.gone]);
    }
    const { result } = settling;
    if (result === undefined) {
      settling.done.then(() => {
        if (settling.result !== undefined && "value" in settling.result) {
          discardResponse(settling.result.value);
        }
      });
      return undefined;
    }
    return "error" in result ? this.#failure(exchange, result.error) : result.value;
  }

  /** What to answer after the handler failed. */
  #failure(exchange: Exchange, error: unknown): Response | Fault {
    const { body } = exchange;
    // It failed because the client did.
    if (body?.fault !== undefined && error === body.error) return body.fault;
    if (!exchange.isConsequence(error)) this.#onError?.(error, exchange.describe());
    return new Response(INTERNAL_SERVER_ERROR, { status: 500 });
  }

  /**
   * Gathers the response, or sends it if it is large.
   *
   * @returns Whether the connection persists.
   */
  #respond(exchange: Exchange, value: unknown): boolean | Promise<boolean> {
    const head = exchange.method === "HEAD";
    let response = value;
    for (;;) {
      if (response instanceof Fault) {
        this.#refuse(response);
        return false;
      }
      try {
        if (!(response instanceof Response)) {
          throw new TypeError(
            "Return value from serve handler must be a response or a promise resolving to a response",
          );
        }
        const quick = takeQuick(response);
        if (quick !== undefined) {
          const persists = this.#persists(exchange);
          addQuickHead(this.#output, quick);
          return this.#addBody(quick.body, persists, !head);
        }
        const reply = replyOf(response);
        if (!(reply.body instanceof ReadableStream)) return this.#reply(exchange, reply);
        if (head) return this.#streamHead(exchange, reply, reply.body);
        const writer = new BodyWriter(this.#output, this.input, exchange, reply.body);
        return this.#stream(exchange, reply, writer);
      } catch (error) {
        response = this.#failure(exchange, error);
      }
    }
  }

  /** Gathers a response whose body is in memory. */
  #reply(exchange: Exchange, reply: Reply): boolean | Promise<boolean> {
    const output = this.#output;
    const persists = this.#persists(exchange) && !reply.close;
    const body = reply.body as string | Uint8Array<ArrayBuffer> | null;
    addHead(output, reply);
    // RFC 9110 section 8.6: these have no Content-Length, and never a body.
    if (reply.status === 204 || reply.status === 304) {
      output.addLatin1(`${this.#connectionField(persists)}\r\n`);
      return persists;
    }
    output.addLatin1("content-length: ");
    if (exchange.method === "HEAD" && body === null && reply.contentLength !== undefined) {
      addNumber(output, reply.contentLength);
      output.addLatin1(`\r\n${this.#connectionField(persists)}\r\n`);
      return persists;
    }
    return this.#addBody(body ?? "", persists, exchange.method !== "HEAD");
  }

  /** Adds the rest of the head, from the number of the content length on, and the body. */
  #addBody(
    body: string | Uint8Array<ArrayBuffer>,
    persists: boolean,
    send: boolean,
  ): boolean | Promise<boolean> {
    const output = this.#output;
    const rest = `\r\n${this.#connectionField(persists)}\r\n`;
    if (typeof body === "string") {
      if (body.length <= MOST_TEXT) {
        addText(output, rest, body, send);
        return persists;
      }
      body = encoder.encode(body);
    }
    addNumber(output, body.length);
    output.addLatin1(rest);
    if (!send) return persists;
    if (body.length > MOST_COPIED) return output.send(body).then(() => persists);
    output.add(body);
    return persists;
  }

  /** Gathers the response to HEAD where GET would be answered with a stream. */
  #streamHead(exchange: Exchange, reply: Reply, stream: ReadableStream): boolean {
    const output = this.#output;
    const persists = this.#persists(exchange) && !reply.close;
    stream.cancel(new TypeError("The response to HEAD has no body")).catch(() => {});
    addHead(output, reply);
    if (reply.contentLength !== undefined) {
      output.addLatin1(`content-length: ${reply.contentLength}\r\n`);
    }
    output.addLatin1(`${this.#connectionField(persists)}\r\n`);
    return persists;
  }

  /** Sends a response whose body is a stream. */
  async #stream(exchange: Exchange, reply: Reply, writer: BodyWriter): Promise<boolean> {
    const output = this.#output;
    if (exchange.body?.beforeRead !== undefined) {
      await writer.first();
      if (exchange.aborted) return false;
    }
    const end: BodyEnd = reply.contentLength ??
      (this.#parser.minorVersion === 0 ? "close" : "chunked");
    const persists = this.#persists(exchange) && !reply.close && end !== "close";
    addHead(output, reply);
    if (end === "chunked") output.addLatin1("transfer-encoding: chunked\r\n");
    else if (end !== "close") output.addLatin1(`content-length: ${end}\r\n`);
    output.addLatin1(`${this.#connectionField(persists)}\r\n`);
    try {
      await writer.write(end);
    } catch (error) {
      if (!exchange.isConsequence(error)) this.#onError?.(error, exchange.describe());
      await this.#flush();
      this.#cut(error, end);
      return false;
    }
    return persists && !exchange.aborted;
  }

  /** Whether the connection can persist after the response whose head is about to be sent. */
  #persists(exchange: Exchange): boolean {
    const { input } = this;
    if (!this.#parser.persistent || this.#draining) return false;
    const { body } = exchange;
    if (body === undefined || body.rest === 0) return !input.over || input.available > 0;
    // What is left must be on its way, and not too much; a handler that reads it may go on.
    return body.fault === undefined && body.beforeRead === undefined && !input.over &&
      (body.begun || body.rest <= MOST_DISCARDED || body.rest === Infinity);
  }

  /** RFC 9112 section 9.3: what is the default of the client's version need not be said. */
  #connectionField(persists: boolean): string {
    if (!persists) return "connection: close\r\n";
    return this.#parser.minorVersion === 0 ? "connection: keep-alive\r\n" : "";
  }

  /** Gathers the answer to a request that cannot be served. The connection must be closed. */
  #refuse(fault: Fault): void {
    const body = encoder.encode(`${fault.message}\n`);
    addHead(this.#output, {
      status: fault.status,
      fields: "content-type: text/plain;charset=UTF-8\r\n",
      dated: false,
      close: true,
      contentLength: undefined,
      body: null,
    });
    this.#output.addLatin1(`content-length: ${body.length}\r\nconnection: close\r\n\r\n`);
    if (this.#exchange?.method !== "HEAD") this.#output.add(body);
  }

  async #flush(): Promise<void> {
    await this.#output.flush();
    if (this.#watched.length > 0) {
      this.#watched = this.#watched.filter((exchange) => !this.#settle(exchange));
    }
  }

  /** Tells an exchange what became of its response, if that is known. */
  #settle(exchange: Exchange): boolean {
    if (exchange.end <= this.#output.written) exchange.complete();
    else if (this.#reason !== undefined) exchange.abort(this.#reason);
    else return false;
    return true;
  }

  /** The time limit of what is waited for has been reached. */
  #expire(): void {
    switch (this.#phase) {
      case "idle":
        return this.#close();
      case "head":
        // No response is under way: the requests before have been answered.
        this.#timedOut = true;
        this.#refuse(FAULTS.headerTimeout);
        void this.#flush().then(() => this.#close());
        return;
      case "exchange":
        this.#exchange?.body?.timeout();
    }
  }

  /** The client has left, as reading or writing showed. */
  #lost(reason: unknown): void {
    if (this.#closed) return;
    this.#close();
    this.#reason = reason;
    this.#exchange?.body?.close(reason);
    if (this.#exchange !== undefined) this.#settle(this.#exchange);
    for (const exchange of this.#watched) this.#settle(exchange);
    this.#watched = [];
  }

  /** Ends the connection so that what was sent of a response is not taken for the whole. */
  #cut(reason: unknown, end: BodyEnd): void {
    if (this.#closed) return;
    if (end === "close" && this.#connection.abort !== undefined) this.#connection.abort();
    this.#lost(reason);
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    try {
      this.#connection.close();
    } catch {
      // It was closed before, by the other side of its owner.
    }
  }
}

const encoder = new TextEncoder();
const INTERNAL_SERVER_ERROR = encoder.encode("Internal Server Error");

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null &&
    typeof (value as { then?: unknown }).then === "function";
}

/** Lets go of a response that nobody can get. */
function discardResponse(value: unknown): void {
  if (!(value instanceof Response) || value.bodyUsed || value.body?.locked) return;
  value.body?.cancel().catch(() => {});
}
