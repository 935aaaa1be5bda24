import type { HttpConnection } from "./api.ts";
import { RequestBody } from "./body.ts";
import { Alarm, type Deadline } from "./deadline.ts";
import type { Drainable } from "./drain.ts";
import { Exchange, type ExchangeHost } from "./exchange.ts";
import { Fault, FAULTS } from "./fault.ts";
import { Input } from "./input.ts";
import type { Limits } from "./limits.ts";
import { Output } from "./output.ts";
import { COMPLETE, FAULTY, INCOMPLETE, RequestParser } from "./parser.ts";
import { MOST_DISCARDED, Responder, type ResponderHost } from "./responder.ts";
import type { HttpEnding, HttpServer } from "./server.ts";
import { settleSoon } from "./settle.ts";
import { CR } from "./syntax.ts";

/** Bytes of responses that are gathered while pipelined requests are there to be answered. */
const MOST_GATHERED = 65_536;

const STALLED = "the client took nothing more of the response in time";
const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n";

/** Time without a request after which a connection rests, in milliseconds. */
const RESTS_AFTER = 5_000;

/** Keeps a connection on which nothing is asked for. */
export interface Rester {
  /**
   * Takes the place of who serves it, until there is something to read again.
   *
   * @param left How long it may rest, in milliseconds.
   */
  rest(left: number): void;
}

/** What a connection is waiting for, and so what its deadline means. */
type Phase = "idle" | "head" | "exchange";

/** There is no other request to come. */
const OVER = -1;

/** Serves one connection: request after request, in order, one at a time. */
export class ServerConnection implements ExchangeHost, ResponderHost, Drainable {
  readonly input: Input;

  nextDrainable: Drainable | undefined = undefined;
  previousDrainable: Drainable | undefined = undefined;

  readonly #server: HttpServer;
  readonly #connection: HttpConnection;
  readonly #ending: HttpEnding;
  /** Has it rest; `undefined`: it cannot. */
  readonly #rester: Rester | undefined;
  readonly #output: Output;
  readonly #parser: RequestParser;
  readonly #responder: Responder;
  /** For what the client is to send. */
  readonly #deadline: Deadline;
  /** For what the client is to take. */
  readonly #takeDeadline: Deadline;
  /** Exchanges of which somebody waits to hear whether the response was sent. */
  #watched: Exchange[] = [];
  /** The exchange under way. */
  #exchange: Exchange | undefined = undefined;
  #phase: Phase = "exchange";
  /** There has been a request: only then may the connection rest (again). */
  #served = false;
  /** The handler has something to wait for, and meanwhile the client may leave. */
  #awaiting = false;
  /** No request is served any more after the one under way. */
  draining = false;
  /** The connection has been closed: nothing more can be sent. */
  #closed = false;
  /** The head of a request did not arrive in time, and that has been said. */
  #timedOut = false;
  /** Why the client cannot get what is left. */
  #reason: unknown = undefined;

  constructor(
    server: HttpServer,
    connection: HttpConnection,
    ending: HttpEnding,
    rester?: Rester,
  ) {
    const { limits, timers } = server;
    const lost = (reason: unknown) => this.#lost(reason);
    this.#server = server;
    this.#connection = connection;
    this.#ending = ending;
    this.#rester = limits.idleTimeout > RESTS_AFTER ? rester : undefined;
    this.input = new Input(connection, () => this.#exchange?.hangUp(), lost);
    this.#deadline = new Alarm(timers, () => this.#expire());
    this.#takeDeadline = new Alarm(
      timers,
      () => this.cut(new Deno.errors.TimedOut(STALLED), true),
    );
    this.#output = new Output(
      connection,
      () => this.#tell(),
      lost,
      this.#takeDeadline,
      limits.idleTimeout,
    );
    this.#parser = new RequestParser(limits);
    this.#responder = new Responder(this, this.input, this.#output, this.#parser);
  }

  get #limits(): Limits {
    return this.#server.limits;
  }

  get remoteAddr(): Deno.NetAddr {
    return this.#connection.remoteAddr as Deno.NetAddr;
  }

  get localHost(): string {
    const { hostname, port } = this.#connection.localAddr as Deno.NetAddr;
    const host = hostname.includes(":") ? `[${hostname}]` : hostname;
    return port === 80 ? host : `${host}:${port}`;
  }

  /** Serves until the connection is finished, and closes it. Never rejects. */
  async run(): Promise<void> {
    this.#server.drain?.join(this);
    try {
      // Something has come that ended a rest.
      if (this.#rester !== undefined && !this.#closed) await this.input.more();
      await this.#serve();
      const flushing = this.#output.flush();
      if (flushing !== undefined) await flushing;
      this.#close();
      this.#release();
      this.#ending.finished(this.#connection);
    } catch (error) {
      this.#close();
      this.#release();
      this.#ending.failed(this.#connection, error);
    }
  }

  #release(): void {
    this.#server.drain?.leave(this);
    this.#deadline.close();
    this.#takeDeadline.close();
    this.input.release();
    this.#output.release();
  }

  /** Nothing has been asked for for a while: {@link ServerConnection.run} goes no further. */
  #rest(rester: Rester): void {
    rester.rest(this.#limits.idleTimeout - RESTS_AFTER);
    this.input.abandon();
    this.#release();
  }

  drain(): void {
    this.draining = true;
    if (this.#phase === "idle") this.#close();
  }

  watch(exchange: Exchange): void {
    if (!this.#settle(exchange)) this.#watched.push(exchange);
  }

  /** One request and its response after the other. */
  async #serve(): Promise<void> {
    const { input } = this;
    const parser = this.#parser;
    const output = this.#output;
    while (!this.#closed) {
      parser.reset();
      let found = input.available > 0 ? this.#parse() : INCOMPLETE;
      if (found === INCOMPLETE) {
        const flushing = output.flush();
        if (flushing !== undefined) await flushing;
        input.rest();
        while ((found = this.#expect()) === INCOMPLETE) {
          await input.more();
          if ((found = this.#arrived()) !== INCOMPLETE) break;
        }
      }
      if (found === FAULTY) this.#responder.refuse(parser.fault);
      if (found !== COMPLETE) return;

      const exchange = this.#begin();
      let response = this.#call(exchange);
      if (isPromise(response)) response = await this.#await(exchange, response);
      if (this.#closed) return discardResponse(response);
      const responded = this.#responder.respond(exchange, response);
      const persists = isPromise(responded) ? await responded : responded;
      exchange.finish(output.position);
      this.#tell();
      if (output.length >= MOST_GATHERED) await output.flush();
      if (exchange.body !== undefined && !await this.#finishBody(exchange.body, persists)) return;
      if (!persists) return;
      this.#exchange = undefined;
      input.unpin();
    }
  }

  /**
   * Takes a body out of the hands of its handler, and what is left of it from the connection.
   *
   * @returns Whether the next request can follow.
   */
  async #finishBody(body: RequestBody, persists: boolean): Promise<boolean> {
    body.close();
    if (!persists || body.rest === 0) return persists;
    await this.#output.flush();
    return await body.discard(MOST_DISCARDED);
  }

  /** Looks whether the head of a request can still come, and sets it a time limit. */
  #expect(): number {
    const { input } = this;
    const parser = this.#parser;
    if (this.#closed || (this.draining && !parser.begun)) return OVER;
    if (input.over) {
      if (!parser.begun || input.state === "failed") return OVER;
      parser.fault = FAULTS.truncated;
      return FAULTY;
    }
    const phase = parser.begun ? "head" : "idle";
    if (this.#phase !== phase) {
      this.#phase = phase;
      const { idleTimeout, headerTimeout } = this.#limits;
      const idle = this.#rester === undefined ? idleTimeout : RESTS_AFTER;
      this.#deadline.set(phase === "idle" ? idle : headerTimeout);
    }
    return INCOMPLETE;
  }

  /** Looks at what has come of the head of a request. */
  #arrived(): number {
    if (this.#closed || this.#timedOut) return OVER;
    const found = this.#parse();
    if (found !== INCOMPLETE) {
      this.#deadline.clear();
      this.#phase = "exchange";
    }
    return found;
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
      body.atEnd = () => {
        if (this.#awaiting) input.ahead();
      };
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
    this.#served = true;
    return exchange;
  }

  #call(exchange: Exchange): unknown {
    try {
      return this.#server.handler(exchange.request, exchange.info);
    } catch (error) {
      return this.failure(exchange, error);
    }
  }

  /** Waits for the handler, unless the client leaves before it is done. */
  async #await(exchange: Exchange, promise: PromiseLike<unknown>): Promise<unknown> {
    const settling = await settleSoon(promise);
    if (settling.result === undefined) {
      await this.#output.flush();
      if (!this.#closed) this.input.ahead();
      this.#awaiting = true;
      await Promise.race([settling.done, exchange.gone]);
      this.#awaiting = false;
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
    return "error" in result ? this.failure(exchange, result.error) : result.value;
  }

  failure(exchange: Exchange, error: unknown): Response | Fault {
    const { body } = exchange;
    // It failed because the client did.
    if (body?.fault !== undefined && error === body.error) return body.fault;
    this.report(exchange, error);
    return new Response(INTERNAL_SERVER_ERROR, { status: 500 });
  }

  report(exchange: Exchange, error: unknown): void {
    const { options } = this.#server;
    if (exchange.isConsequence(error)) options.onAborted?.(error, exchange.describe());
    else options.onError?.(error, exchange.describe());
  }

  /** Tells those who wait whether responses were sent. */
  #tell(): void {
    if (this.#watched.length === 0) return;
    this.#watched = this.#watched.filter((exchange) => !this.#settle(exchange));
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
        // What has come may have been empty lines: they do not keep a connection.
        if (this.#rester === undefined || !this.#served) this.#close();
        else this.#rest(this.#rester);
        return;
      case "head":
        // No response is under way: the requests before have been answered.
        this.#timedOut = true;
        this.#responder.refuse(FAULTS.headerTimeout);
        void Promise.resolve(this.#output.flush()).then(() => this.#close());
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
    this.#tell();
  }

  cut(reason: unknown, reset: boolean): void {
    if (this.#closed) return;
    if (reset) this.#connection.abort?.();
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

const INTERNAL_SERVER_ERROR = new TextEncoder().encode("Internal Server Error");

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null &&
    typeof (value as { then?: unknown }).then === "function";
}

/** Lets go of a response that nobody can get. */
function discardResponse(value: unknown): void {
  if (!(value instanceof Response) || value.bodyUsed || value.body?.locked) return;
  value.body?.cancel().catch(() => {});
}
