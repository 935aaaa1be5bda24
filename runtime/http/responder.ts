import type { Exchange } from "./exchange.ts";
import { Fault } from "./fault.ts";
import type { Input } from "./input.ts";
import type { Output } from "./output.ts";
import type { RequestParser } from "./parser.ts";
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
import { type BodyEnd, BodyWriter } from "./stream.ts";

/** Most bytes of a request body that are taken after the response, so that another can follow. */
export const MOST_DISCARDED = 262_144;
/** Bodies up to this size in bytes are copied behind their head into one write. */
const MOST_COPIED = 65_536;

/** What responding needs of the connection. */
export interface ResponderHost {
  /** No request is served any more after the one under way. */
  readonly draining: boolean;
  /** Takes note that the handler failed, and gives what to answer. */
  failure(exchange: Exchange, error: unknown): Response | Fault;
  /** Takes note that a response failed when it was partly sent. */
  report(exchange: Exchange, error: unknown): void;
  /**
   * Ends the connection in the middle of a response.
   *
   * @param reset Whether only a reset shows that the response is not whole.
   */
  cut(reason: unknown, reset: boolean): void;
}

/** Turns what a handler returned into bytes on the connection. */
export class Responder {
  readonly #host: ResponderHost;
  readonly #input: Input;
  readonly #output: Output;
  /** What the head of the request says. */
  readonly #parser: RequestParser;

  constructor(host: ResponderHost, input: Input, output: Output, parser: RequestParser) {
    this.#host = host;
    this.#input = input;
    this.#output = output;
    this.#parser = parser;
  }

  /**
   * Gathers the response, or sends it if it is large.
   *
   * @returns Whether the connection persists.
   */
  respond(exchange: Exchange, value: unknown): boolean | Promise<boolean> {
    const head = exchange.method === "HEAD";
    let response = value;
    for (;;) {
      if (response instanceof Fault) {
        this.refuse(response, exchange);
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
          const persists = this.#persists(exchange, false);
          addQuickHead(this.#output, quick);
          return this.#addBody(quick.body, persists, !head);
        }
        const reply = replyOf(response);
        if (!(reply.body instanceof ReadableStream)) return this.#reply(exchange, reply);
        if (head) return this.#streamHead(exchange, reply, reply.body);
        const writer = new BodyWriter(this.#output, this.#input, exchange, reply.body);
        return this.#stream(exchange, reply, writer);
      } catch (error) {
        response = this.#host.failure(exchange, error);
      }
    }
  }

  /** Gathers a response whose body is in memory. */
  #reply(exchange: Exchange, reply: Reply): boolean | Promise<boolean> {
    const output = this.#output;
    const persists = this.#persists(exchange, false) && !reply.close;
    const body = reply.body as string | Uint8Array<ArrayBuffer> | null;
    addHead(output, reply);
    // RFC 9110 section 8.6: these have no Content-Length, and never a body.
    if (reply.status === 204 || reply.status === 304) {
      output.addLatin1(`${this.#connectionField(persists)}\r\n`);
      return persists;
    }
    output.addLatin1("content-length: ");
    if (exchange.method === "HEAD" && reply.contentLength !== undefined) {
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
    const persists = this.#persists(exchange, false) && !reply.close;
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
    const persists = this.#persists(exchange, true) && !reply.close && end !== "close";
    addHead(output, reply);
    if (end === "chunked") output.addLatin1("transfer-encoding: chunked\r\n");
    else if (end !== "close") output.addLatin1(`content-length: ${end}\r\n`);
    output.addLatin1(`${this.#connectionField(persists)}\r\n`);
    try {
      await writer.write(end);
    } catch (error) {
      this.#host.report(exchange, error);
      await output.flush();
      this.#host.cut(error, end === "close");
      return false;
    }
    return persists && !exchange.aborted;
  }

  /**
   * Whether the connection can persist after the response whose head is about to be sent.
   *
   * @param streams Whether a stream follows, for which the body of the request may yet be read.
   */
  #persists(exchange: Exchange, streams: boolean): boolean {
    const input = this.#input;
    if (!this.#parser.persistent || this.#host.draining) return false;
    const { body } = exchange;
    if (!streams) body?.skip();
    if (body === undefined || body.rest === 0) return !input.over || input.available > 0;
    // What is left must be on its way, and not too much; a handler that reads it may go on.
    return body.fault === undefined && body.beforeRead === undefined && !input.over &&
      ((streams && body.begun) || body.rest <= MOST_DISCARDED || body.rest === Infinity);
  }

  /** RFC 9112 section 9.3: what is the default of the client's version need not be said. */
  #connectionField(persists: boolean): string {
    if (!persists) return "connection: close\r\n";
    return this.#parser.minorVersion === 0 ? "connection: keep-alive\r\n" : "";
  }

  /** Gathers the answer to a request that cannot be served. The connection must be closed. */
  refuse(fault: Fault, exchange?: Exchange): void {
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
    if (exchange?.method !== "HEAD") this.#output.add(body);
  }
}

const encoder = new TextEncoder();
