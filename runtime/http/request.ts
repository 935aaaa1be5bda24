import type { RequestBody } from "./body.ts";
import { borrowInternals, borrowMethods, type RequestHeaders } from "./headers.ts";

/** What a request is made of, each part when it is asked for. */
export interface RequestSource {
  /** Method, as sent. */
  readonly method: string;
  /** URL, absolute. */
  readonly url: string;
  /** Header fields. */
  readonly headers: RequestHeaders;
  /** Aborted when the client leaves. */
  readonly signal: AbortSignal;
  /** Whether `body` of the request is null: as in `Deno.serve`, GET and HEAD show none. */
  readonly bodyless: boolean;
  /** The body, unless there is none. */
  readonly body: RequestBody | undefined;
}

/**
 * A request as a `Request` that is made of nothing: URL, headers, body and signal
 * come into being when they are asked for, because a real `Request` costs more than all the rest
 * of an exchange.
 *
 * It is a `Request` for everyone: `instanceof Request` holds, and where the platform's own code is
 * given it (`new Request(it)`, `fetch(it)`, `it.clone()`) a real one is made and stands in for it
 * from then on.
 */
class LazyRequest {
  readonly #source: RequestSource;
  #url: string | undefined = undefined;
  #real: Request | undefined = undefined;
  /** The body was read here, not by the real one. */
  #used = false;

  constructor(source: RequestSource) {
    this.#source = source;
  }

  get method(): string {
    return this.#source.method;
  }

  get url(): string {
    return this.#url ??= this.#source.url;
  }

  get headers(): Headers {
    return this.#source.headers as unknown as Headers;
  }

  get signal(): AbortSignal {
    return this.#source.signal;
  }

  get body(): ReadableStream<Uint8Array<ArrayBuffer>> | null {
    return this.#source.bodyless ? null : this.#materialise().body;
  }

  get bodyUsed(): boolean {
    return this.#real?.bodyUsed ?? this.#used;
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    if (this.#real !== undefined) return await this.#real.arrayBuffer();
    return (await this.#readBytes()).buffer;
  }

  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    return await (this.#real?.bytes() ?? this.#readBytes());
  }

  async text(): Promise<string> {
    return await (this.#real?.text() ?? this.#readText());
  }

  async json(): Promise<unknown> {
    return this.#real !== undefined ? await this.#real.json() : JSON.parse(await this.#readText());
  }

  #readBytes(): Uint8Array<ArrayBuffer> | Promise<Uint8Array<ArrayBuffer>> {
    const body = this.#claimBody();
    if (body === undefined) return new Uint8Array(0);
    return body.whole((bytes) => bytes.slice()) ?? body.readAll();
  }

  #readText(): string | Promise<string> {
    const body = this.#claimBody();
    if (body === undefined) return "";
    return body.whole(decode) ?? body.readAll().then(decode);
  }

  /** The body to be read to its end, which can be done once; `undefined` if there is none. */
  #claimBody(): RequestBody | undefined {
    if (this.#used) throw new TypeError("Body already consumed");
    if (this.#source.bodyless) return undefined;
    this.#used = true;
    return this.#source.body;
  }

  #materialise(): Request {
    if (this.#real === undefined) {
      this.#real = realRequest(this.#source, this.url, this.#used);
      if (this.#used) void this.#real.bytes(); // Makes it as used as this one.
    }
    return this.#real;
  }

  static {
    Object.setPrototypeOf(this.prototype, Request.prototype);
    Object.defineProperty(this.prototype, "constructor", { value: Request });
    const make = (request: LazyRequest) => request.#materialise();
    borrowInternals(this.prototype, new Request("http://localhost/"), make);
    borrowMethods(this.prototype, ["blob", "clone", "formData"], Request.prototype, make);
  }
}

const utf8 = new TextDecoder();
const decode = (bytes: Uint8Array<ArrayBuffer>) => utf8.decode(bytes);

/** A `Request` of the platform with all that the source has. */
function realRequest(source: RequestSource, url: string, used: boolean): Request {
  const { method, headers, signal, body } = source;
  // The platform takes `get` for GET, which has no body.
  const withBody = !/^(?:get|head)$/i.test(method);
  return new Request(url, {
    method,
    headers: headers.pairs(),
    signal,
    body: withBody ? (used ? "used" : bodyStream(body)) : null,
  });
}

/** The body of the request as a stream that reads from the connection only when it is read. */
function bodyStream(body: RequestBody | undefined): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    type: "bytes",
    async pull(controller) {
      const chunk = await body?.read() ?? null;
      if (chunk !== null) return controller.enqueue(chunk);
      controller.close();
      controller.byobRequest?.respond(0);
    },
  });
}

/** Whether the platform takes a lazy request for a real one. */
function lazyRequestsWork(): boolean {
  try {
    const source: RequestSource = {
      method: "PUT",
      url: "http://localhost/",
      headers: { pairs: () => [["a", "b"]] } as unknown as RequestHeaders,
      signal: new AbortController().signal,
      bodyless: false,
      body: undefined,
    };
    const copy = new Request(new LazyRequest(source) as unknown as Request);
    return copy.method === "PUT" && copy.url === source.url && copy.headers.get("a") === "b" &&
      copy.body !== null;
  } catch {
    return false;
  }
}

/**
 * Makes a request. On a platform whose requests are built otherwise than the one that this was
 * written for (which a try at start-up shows) it is a real one at once.
 */
export const createRequest: (source: RequestSource) => Request = lazyRequestsWork()
  ? (source) => new LazyRequest(source) as unknown as Request
  : (source) => realRequest(source, source.url, false);
