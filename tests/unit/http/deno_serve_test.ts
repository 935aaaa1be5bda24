import { assertEquals } from "@std/assert";
import { turn } from "../../support/duplex.ts";
import { ask, EngineServer, type SocketResponse } from "./sockets.ts";
import { get, type ParsedResponse, post, postChunked } from "./support.ts";

/**
 * The same handler behind `Deno.serve` and behind the engine, on sockets of 127.0.0.1, and the
 * same bytes from the client: status, header fields apart from Date, and body must be the same.
 */

const encoder = new TextEncoder();

function streamOf(...chunks: string[]): ReadableStream<Uint8Array> {
  return ReadableStream.from(chunks.map((chunk) => encoder.encode(chunk)));
}

const handlers: Record<string, (request: Request) => Response | Promise<Response>> = {
  text: () => new Response("Hello, world!"),
  unicode: () => new Response("Grüße, 世界 🌍"),
  empty: () => new Response(""),
  none: () => new Response(null),
  bytes: () => new Response(encoder.encode("bytes")),
  json: () => Response.json({ a: [1, "é"] }),
  html: () =>
    new Response("<p>", { headers: { "content-type": "text/html", "X-Mixed-Case": "Yes" } }),
  cookies: () =>
    new Response("", {
      headers: [["set-cookie", "a=1"], ["set-cookie", "b=2"], ["x", "1"], ["x", "2"]],
    }),
  params: () => new Response(new URLSearchParams({ a: "b c" })),
  blob: () => new Response(new Blob(["blob"], { type: "text/x" })),
  stream: () => new Response(streamOf("one", "two")),
  "stream-length": () =>
    new Response(streamOf("one", "two"), { headers: { "content-length": "6" } }),
  length: () => new Response("hello", { headers: { "content-length": "5" } }),
  "wrong-length": () => new Response("hello", { headers: { "content-length": "3" } }),
  status: () => new Response("gone", { status: 410, statusText: "Really Gone" }),
  unregistered: () => new Response("x", { status: 299 }),
  created: () => new Response(null, { status: 201, headers: { location: "/x" } }),
  204: () => new Response(null, { status: 204, headers: { "content-length": "5" } }),
  304: () => new Response(null, { status: 304, headers: { etag: '"x"', "content-length": "5" } }),
  redirect: () => Response.redirect("http://example.org/x"),
  close: () => new Response("bye", { headers: { connection: "close" } }),
  date: () => new Response("x", { headers: { date: "yesterday" } }),
  throw: () => {
    throw new Error("thrown");
  },
  reject: () => Promise.reject(new Error("rejected")),
  undefined: () => undefined as unknown as Response,
  error: () => Response.error(),
  used: async () => {
    const response = new Response("x");
    await response.text();
    return response;
  },
  large: () => new Response("0123456789".repeat(20_000)),
  "large-bytes": () => new Response(encoder.encode("0123456789".repeat(20_000))),
  method: ({ method }) => new Response(method),
  url: ({ url }) => new Response(url),
  headers: ({ headers }) => Response.json([...headers]),
  header: ({ headers }) =>
    new Response(`${headers.get("x-a")} ${headers.get("cookie")} ${headers.get("none")}`),
  mutable: ({ headers }) => {
    try {
      headers.set("a", "b");
      return new Response("mutable");
    } catch (error) {
      return new Response(String(error));
    }
  },
  body: (request) => new Response(String(request.body === null)),
  "read-text": async (request) => new Response(`[${await request.text()}]`),
  "read-json": async (request) => Response.json(await request.json()),
  "read-bytes": async (request) => new Response(await request.bytes()),
  "read-form": async (request) => new Response([...await request.formData()].join()),
  "read-twice": async (request) => {
    await request.text();
    return new Response(await request.text().catch((error) => String(error)));
  },
  "read-clone": async (request) =>
    new Response(await request.clone().text() + await request.text()),
  copy: async (request) => {
    const copy = new Request(request, { headers: { "x-b": "c" } });
    return new Response(
      `${copy.method} ${copy.url} ${copy.headers.get("x-b")} ${await copy.text()}`,
    );
  },
  echo: (request) => new Response(request.body),
};

const FIELDS =
  "X-A: 1\r\nx-a: 2\r\nCookie: a=1\r\nCookie: b=2\r\nX-High: \xe9\r\nEmpty:\r\nUser-Agent: t\r\n";

/** Requests by the handler that they are for; without a name of their own. */
const requests: Record<string, string> = {
  url: get("/url/../a//b?c=d&e"),
  headers: get("/headers", FIELDS),
  header: get("/header", FIELDS),
  method: "OPTIONS /method HTTP/1.1\r\nHost: example.org\r\n\r\n",
};

const named: Record<string, string> = {
  "1.0 text": "GET /text HTTP/1.0\r\nHost: example.org\r\n\r\n",
  "1.0 keep-alive text":
    "GET /text HTTP/1.0\r\nHost: example.org\r\nConnection: keep-alive\r\n\r\n",
  "1.0 stream": "GET /stream HTTP/1.0\r\nHost: example.org\r\n\r\n",
  "close text": get("/text", "Connection: close\r\n"),
  "absolute url": "GET http://other:81/url?q HTTP/1.1\r\nHost: example.org\r\n\r\n",
  "port url": "GET /url HTTP/1.1\r\nHost: Example.ORG:8080\r\n\r\n",
  "odd url": 'GET /url/"<>^`{|}?%zz HTTP/1.1\r\nHost: example.org\r\n\r\n',
  "TRACE method": "TRACE /method HTTP/1.1\r\nHost: example.org\r\n\r\n",
  "custom method": "FROB /method HTTP/1.1\r\nHost: example.org\r\n\r\n",
  "small method": "get /method HTTP/1.1\r\nHost: example.org\r\n\r\n",
  "asterisk": "OPTIONS * HTTP/1.1\r\nHost: example.org\r\n\r\n",
  "length body": post("hello", "/body"),
  "no body": "POST /body HTTP/1.1\r\nHost: example.org\r\n\r\n",
  "GET with a body": get("/read-text", "Content-Length: 5\r\n") + "hello",
  "POST without a body": "POST /read-text HTTP/1.1\r\nHost: example.org\r\n\r\n",
  "POST unread": post("hello", "/text"),
  "POST read-text": post("hello", "/read-text"),
  "POST empty": post("", "/read-text"),
  "POST chunked": postChunked().replace("POST /", "POST /read-text") +
    "5;a=b\r\nhello\r\n6\r\n world\r\n0\r\nT: x\r\n\r\n",
  "POST read-json": post('{"a":1}', "/read-json"),
  "POST bad json": post("{", "/read-json"),
  "POST read-bytes": post("\0\xff", "/read-bytes"),
  "POST read-form": post(
    "a=b&c=d",
    "/read-form",
    "Content-Type: application/x-www-form-urlencoded\r\n",
  ),
  "POST read-twice": post("hello", "/read-twice"),
  "POST read-clone": post("hello", "/read-clone"),
  "POST copy": post("hello", "/copy"),
  "POST repeated length": post("hello", "/read-text", "Content-Length: 5\r\n"),
  "empty lines": "\r\n\r\n" + get("/text"),
  "no such handler": get("/nothing"),
};

/** Where we do otherwise, on purpose: what we answer, and why. */
const DELIBERATE: Record<
  string,
  { why: string; ours: Partial<ParsedResponse>; header?: [string, string | undefined] }
> = {
  "garbage": {
    why: "a fault is explained in the body, where Deno.serve says nothing",
    ours: {
      status: 400,
      body: "The request line must begin with a method, a token followed by one space.\n",
    },
  },
  "fragment": { why: "RFC 9112 section 3.2: a target has none", ours: { status: 400 } },
  "no host": { why: "RFC 9112 section 3.2: 400", ours: { status: 400 } },
  "bare LF": {
    why: "RFC 9112 section 2.2 lets one reject it, and it has been used to smuggle",
    ours: { status: 400 },
  },
  "bad host": { why: "RFC 9112 section 3.2: 400", ours: { status: 400 } },
  "unknown coding": { why: "RFC 9112 section 6.1: 501", ours: { status: 501 } },
  "gzip, chunked": {
    why: "Deno.serve takes the body for one that is not compressed",
    ours: { status: 501 },
  },
  "HTTP/2.0": { why: "RFC 9110 section 15.6.6: 505", ours: { status: 505 } },
  "CONNECT": { why: "RFC 9110 section 9.1: 501; there is no tunnel", ours: { status: 501 } },
  "expectation": { why: "RFC 9110 section 10.1.1: 417", ours: { status: 417 } },
  "1.0 POST without a length": {
    why: "RFC 1945 section 8.3: the length must be known",
    ours: { status: 411 },
  },
  "hop": {
    why: "the fields of the connection are ours, not the handler's",
    ours: { status: 200, body: "hello" },
    header: ["keep-alive", undefined],
  },
  "205": {
    why: "RFC 9110 section 15.3.6: without a length a client would wait for a body",
    ours: { status: 205 },
    header: ["content-length", "0"],
  },
  "echo": {
    why: "the body of a request is a stream to us, also when all of it has come",
    ours: { status: 200, body: "hello" },
    header: ["transfer-encoding", "chunked"],
  },
  "101": {
    why: "there is nothing to switch to",
    ours: { status: 500, body: "Internal Server Error" },
  },
};
handlers["hop"] = () =>
  new Response("hello", {
    headers: { "keep-alive": "x", "transfer-encoding": "chunked", upgrade: "x", te: "x" },
  });
handlers["205"] = () => new Response(null, { status: 205 });
handlers["101"] = () => new Response(null, { status: 101 });
const deliberateRequests: Record<string, string> = {
  "fragment": get("/text#fragment"),
  "echo": post("hello", "/echo"),
  "garbage": "garbage\r\n",
  "no host": "GET /text HTTP/1.1\r\n\r\n",
  "bare LF": "GET /text HTTP/1.1\nHost: a\n\n",
  "bad host": "GET /text HTTP/1.1\r\nHost: a/b\r\n\r\n",
  "unknown coding": "POST /text HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
  "gzip, chunked":
    "POST /text HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
  "HTTP/2.0": "GET /text HTTP/2.0\r\nHost: a\r\n\r\n",
  "CONNECT": "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n",
  "expectation": post("hello", "/text", "Expect: x\r\n"),
  "1.0 POST without a length": "POST /read-text HTTP/1.0\r\nHost: a\r\n\r\n",
};

function route(request: Request): Response | Promise<Response> {
  const name = /^https?:\/\/[^/]*\/([^/?#]*)/.exec(request.url)?.[1] ?? "";
  const handler = handlers[name];
  return handler === undefined
    ? new Response(`none for ${request.url}`, { status: 404 })
    : handler(request);
}

async function withBoth(use: (theirs: number, ours: number) => Promise<void>): Promise<void> {
  const theirs = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen() {},
    onError: () => internalError(),
  }, route);
  const ours = new EngineServer(route);
  try {
    await use(theirs.addr.port, ours.port);
  } finally {
    await ours.close();
    await theirs.shutdown();
    await turn();
  }
}

/** What Deno.serve answers by itself when a handler fails, without its log. */
function internalError(): Response {
  return new Response(encoder.encode("Internal Server Error"), { status: 500 });
}

/** All that is compared, as a value; Content-Length of no bytes and none at all are the same. */
function comparable({ status, reason, headers, body, kept }: SocketResponse) {
  const fields = [...headers].filter(([name]) =>
    name !== "connection" && name !== "content-length"
  );
  return {
    status,
    reason,
    fields: fields.sort(),
    length: headers.get("content-length") ?? "0",
    body,
    kept,
  };
}

Deno.test("the engine answers as Deno.serve does", async () => {
  await withBoth(async (theirs, ours) => {
    const all = { ...named };
    for (const name of Object.keys(handlers)) {
      if (name in DELIBERATE) continue;
      all[`GET ${name}`] = requests[name] ?? get(`/${name}`);
      all[`HEAD ${name}`] = get(`/${name}`).replace("GET", "HEAD");
    }
    for (const [name, request] of Object.entries(all)) {
      const [expected, found] = [await ask(theirs, request), await ask(ours, request)];
      assertEquals(comparable(found), comparable(expected), name);
    }
  });
});

Deno.test("where the engine answers otherwise than Deno.serve, it is on purpose", async () => {
  await withBoth(async (theirs, ours) => {
    for (const [name, { why, ours: expected, header }] of Object.entries(DELIBERATE)) {
      const request = deliberateRequests[name] ?? get(`/${name}`);
      const found = await ask(ours, request);
      for (const key of ["status", "body"] as const) {
        if (expected[key] !== undefined) assertEquals(found[key], expected[key], `${name}: ${why}`);
      }
      if (header !== undefined) {
        assertEquals(found.headers.get(header[0]), header[1], `${name}: ${why}`);
      }
      if (name === "101") continue; // Deno.serve then leaves the connection to nobody.
      const other = await ask(theirs, request);
      const same = JSON.stringify(comparable(other)) === JSON.stringify(comparable(found)) &&
        other.headers.get("content-length") === found.headers.get("content-length");
      assertEquals(same, false, `${name}: no difference any more`);
    }
  });
});
