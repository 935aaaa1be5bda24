import { assert, assertEquals } from "@std/assert";
import {
  type FailedRequest,
  type HttpHandler,
  type HttpOptions,
  serveHttp,
  type Timers,
} from "../../../runtime/http/mod.ts";
import { ClientEnd } from "../../support/duplex.ts";

/** A served connection, in the hand of a test. */
export interface Served {
  /** The client's end. */
  client: ClientEnd;
  /** Settles with `serveHttp`. */
  done: Promise<void>;
  /** What `onError` was told. */
  errors: { error: unknown; request: FailedRequest }[];
}

/** Serves a connection in memory. */
export function serve(handler: HttpHandler, options: HttpOptions = {}): Served {
  const client = new ClientEnd();
  const errors: Served["errors"] = [];
  const onError = (error: unknown, request: FailedRequest) => {
    errors.push({ error, request });
  };
  return { client, errors, done: serveHttp(client.server, handler, { onError, ...options }) };
}

/** Serves one connection that gets `input` and then the end of the stream; gives all it sent. */
export async function exchange(
  input: string,
  handler: HttpHandler,
  options: HttpOptions = {},
): Promise<string> {
  const { client, done } = serve(handler, options);
  client.send(input);
  client.end();
  await done;
  return client.text;
}

/** The text of a GET request. */
export function get(target = "/", fields = ""): string {
  return `GET ${target} HTTP/1.1\r\nHost: example.org\r\n${fields}\r\n`;
}

/** The text of a POST request with a body and its length. */
export function post(body: string, target = "/", fields = ""): string {
  return `POST ${target} HTTP/1.1\r\nHost: example.org\r\n` +
    `Content-Length: ${body.length}\r\n${fields}\r\n${body}`;
}

/** The head of a POST request with a chunked body. */
export function postChunked(fields = ""): string {
  return `POST / HTTP/1.1\r\nHost: example.org\r\nTransfer-Encoding: chunked\r\n${fields}\r\n`;
}

/** One response, taken apart. */
export interface ParsedResponse {
  status: number;
  reason: string;
  /** Field values by name in small letters, repeated ones joined by a comma. */
  headers: Map<string, string>;
  body: string;
}

/**
 * Takes the bytes that a server sent on one connection apart, strictly: everything must belong to
 * a well-formed response.
 *
 * @param heads Which of the responses (by number) are responses to HEAD.
 */
export function parseResponses(text: string, heads: number[] = []): ParsedResponse[] {
  const responses: ParsedResponse[] = [];
  let rest = text;
  while (rest !== "") {
    const end = rest.indexOf("\r\n\r\n");
    assert(end !== -1, `no end of a head in ${JSON.stringify(rest)}`);
    const [statusLine = "", ...lines] = rest.slice(0, end).split("\r\n");
    const match = /^HTTP\/1\.1 (\d{3}) (.*)$/.exec(statusLine);
    assert(match, `no status line: ${JSON.stringify(statusLine)}`);
    const headers = new Map<string, string>();
    for (const line of lines) {
      const field = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+): ([^\r\n]*)$/.exec(line);
      assert(field, `no field line: ${JSON.stringify(line)}`);
      const name = field[1]!.toLowerCase();
      const before = headers.get(name);
      headers.set(name, before === undefined ? field[2]! : `${before}, ${field[2]!}`);
    }
    rest = rest.slice(end + 4);
    const status = Number(match[1]);
    let body = "";
    const length = headers.get("content-length");
    if (status >= 200 && status !== 204 && status !== 304 && !heads.includes(responses.length)) {
      if (headers.get("transfer-encoding") === "chunked") {
        assertEquals(length, undefined, "both Content-Length and Transfer-Encoding");
        for (;;) {
          const size = /^([0-9a-f]+)\r\n/.exec(rest);
          assert(size, `no chunk: ${JSON.stringify(rest)}`);
          const bytes = Number.parseInt(size[1]!, 16);
          rest = rest.slice(size[0].length);
          body += rest.slice(0, bytes);
          assertEquals(rest.slice(bytes, bytes + 2), "\r\n", "the end of a chunk");
          rest = rest.slice(bytes + 2);
          if (bytes === 0) break;
        }
      } else if (length !== undefined) {
        assert(rest.length >= Number(length), `a body shorter than ${length}: ${rest}`);
        body = rest.slice(0, Number(length));
        rest = rest.slice(Number(length));
      } else {
        body = rest;
        rest = "";
      }
    }
    responses.push({ status, reason: match[2]!, headers, body });
  }
  return responses;
}

/** The only response in what a server sent. */
export function parseResponse(text: string, head = false): ParsedResponse {
  const responses = parseResponses(text, head ? [0] : []);
  assertEquals(responses.length, 1, `not one response: ${JSON.stringify(text)}`);
  return responses[0]!;
}

/** Timers over a clock that a test moves. */
export class ManualTimers implements Timers {
  time = 0;
  readonly #set = new Map<number, { callback: () => void; at: number }>();
  #next = 1;

  set(callback: () => void, ms: number): unknown {
    this.#set.set(this.#next, { callback, at: this.time + ms });
    return this.#next++;
  }

  clear(handle: unknown): void {
    this.#set.delete(handle as number);
  }

  /** How many are set. */
  get pending(): number {
    return this.#set.size;
  }

  /** Lets time pass, and fires what comes due, in order. */
  advance(ms: number): void {
    const end = this.time + ms;
    for (;;) {
      let next: [number, { callback: () => void; at: number }] | undefined;
      for (const entry of this.#set) {
        if (next === undefined || entry[1].at < next[1].at) next = entry;
      }
      if (next === undefined || next[1].at > end) break;
      this.#set.delete(next[0]);
      this.time = Math.max(this.time, next[1].at);
      next[1].callback();
    }
    this.time = end;
  }
}
