import { type HttpConnection, serveHttp } from "../../../runtime/http/mod.ts";
import { DEFAULT_LIMITS } from "../../../runtime/http/limits.ts";
import { COMPLETE, RequestParser } from "../../../runtime/http/parser.ts";
import hello from "../hello.ts";
import { measure, measureAsync } from "./reference.ts";

const encoder = new TextEncoder();
const REQUESTS = {
  wrk: "GET / HTTP/1.1\r\nHost: 192.168.69.2\r\n\r\n",
  browser: [
    "GET /some/path?with=a&query=string HTTP/1.1",
    "Host: www.example.com",
    "Connection: keep-alive",
    'sec-ch-ua: "Chromium";v="130", "Not?A_Brand";v="99"',
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) " +
    "Chrome/130.0.0.0 Safari/537.36",
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "Accept-Encoding: gzip, deflate, br, zstd",
    "Accept-Language: en-US,en;q=0.9",
    "Cookie: session=0123456789abcdef0123456789abcdef",
    "\r\n",
  ].join("\r\n"),
};

for (const [client, request] of Object.entries(REQUESTS)) {
  const bytes = encoder.encode(request);
  const parser = new RequestParser(DEFAULT_LIMITS);
  measure(`100 request heads of ${client} parsed`, () => {
    let length = 0;
    for (let i = 0; i < 100; i++) {
      parser.reset();
      if (parser.parse(bytes, 0, bytes.length) !== COMPLETE) throw new Error(parser.fault.message);
      length += parser.length;
    }
    return length;
  });
}

/** A client that asks for so many pages, each when it has the one before, and leaves. */
class Client implements HttpConnection {
  readonly localAddr: Deno.NetAddr = { transport: "tcp", hostname: "10.0.0.2", port: 80 };
  readonly remoteAddr: Deno.NetAddr = { transport: "tcp", hostname: "10.0.0.1", port: 40_000 };
  readonly #request = encoder.encode(REQUESTS.wrk);
  #left: number;

  constructor(requests: number) {
    this.#left = requests;
  }

  read(p: Uint8Array): Promise<number | null> {
    if (this.#left-- === 0) return Promise.resolve(null);
    p.set(this.#request);
    return Promise.resolve(this.#request.length);
  }

  write(p: Uint8Array): Promise<number> {
    return Promise.resolve(p.length);
  }

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {}
}

measureAsync("100 requests answered", () => serveHttp(new Client(100), hello.fetch));
