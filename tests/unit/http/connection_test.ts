import { assert, assertEquals, assertMatch } from "@std/assert";
import { turn } from "../../support/duplex.ts";
import { exchange, get, parseResponse, parseResponses, post, serve } from "./support.ts";

const hello = () => new Response("Hello, world!");
const path = (request: Request) => new Response(new URL(request.url).pathname);

Deno.test("a request is answered, and the connection stays for the next", async () => {
  const { client, done } = serve(hello);
  for (let i = 0; i < 3; i++) {
    client.send(get());
    await client.untilText("Hello, world!");
    const { status, reason, headers, body } = parseResponse(client.takeText());
    assertEquals([status, reason, body], [200, "OK", "Hello, world!"]);
    assertEquals(headers.get("content-length"), "13");
    assertEquals(headers.get("content-type"), "text/plain;charset=UTF-8");
    assertEquals(headers.has("connection"), false);
    assertMatch(headers.get("date")!, /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/);
  }
  assertEquals(client.ended, false);
  assertEquals(client.writes.length, 3, "head and body in one write");
  client.end();
  await done;
  assert(client.server.closed);
});

Deno.test("Connection: close of the client is repeated and ends the connection", async () => {
  const { client, done } = serve(hello);
  client.send(get("/", "Connection: close\r\n") + get("/ignored"));
  const { headers } = parseResponse(await client.untilEnded());
  assertEquals(headers.get("connection"), "close");
  await done;
});

Deno.test("Connection: close of the handler ends the connection", async () => {
  const { client, done } = serve(() =>
    new Response("a", { headers: { connection: "x, Close", "keep-alive": "timeout=5" } })
  );
  client.send(get() + get());
  const { headers } = parseResponse(await client.untilEnded());
  assertEquals(headers.get("connection"), "close");
  assertEquals(headers.has("keep-alive"), false);
  await done;
});

Deno.test("HTTP/1.0 is answered by HTTP/1.1 and closed, unless the client asks to keep it", async () => {
  const { client, done } = serve(path);
  client.send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  await client.untilText("/a");
  assertEquals(parseResponse(client.takeText()).headers.get("connection"), "keep-alive");
  client.send("GET /b HTTP/1.0\r\n\r\n");
  const { headers, body } = parseResponse(await client.untilEnded());
  assertEquals([headers.get("connection"), body], ["close", "/b"]);
  await done;
});

Deno.test("pipelined requests are answered in order, in one write if all are there", async () => {
  const { client, done } = serve(path);
  client.send(Array.from({ length: 5 }, (_, i) => get(`/${i}`)).join(""));
  await client.untilText("/4");
  assertEquals(parseResponses(client.text).map(({ body }) => body), ["/0", "/1", "/2", "/3", "/4"]);
  assertEquals(client.writes.length, 1);
  client.end();
  await done;
});

Deno.test("pipelined requests to async handlers that wait for nothing leave in one write, too", async () => {
  const { client, done } = serve(async (request) => {
    await undefined; // As through a layer of middleware.
    await undefined;
    return path(request);
  });
  client.send(get("/0") + get("/1"));
  await client.untilText("/1");
  assertEquals(client.writes.length, 1);
  client.end();
  await done;
});

Deno.test("a response is not held back while a later, pipelined request takes its time", async () => {
  const slow = Promise.withResolvers<Response>();
  const { client, done } = serve((request) =>
    request.url.endsWith("/slow") ? slow.promise : hello()
  );
  client.send(get("/") + get("/slow") + get("/"));
  await client.untilText("Hello, world!");
  assertEquals(parseResponses(client.takeText()).length, 1);
  slow.resolve(new Response("slow"));
  await client.untilText("Hello, world!");
  assertEquals(parseResponses(client.text).map(({ body }) => body), ["slow", "Hello, world!"]);
  client.end();
  await done;
});

Deno.test("a handler is not called for a pipelined request before the one before it is answered", async () => {
  const calls: string[] = [];
  const first = Promise.withResolvers<Response>();
  const { client, done } = serve((request) => {
    calls.push(new URL(request.url).pathname);
    return calls.length === 1 ? first.promise : hello();
  });
  client.send(get("/1") + get("/2"));
  await turn();
  assertEquals(calls, ["/1"]);
  first.resolve(hello());
  await client.until(() => client.text.split("Hello").length === 3);
  assertEquals(calls, ["/1", "/2"]);
  client.end();
  await done;
});

Deno.test("a request is answered the same wherever its bytes are split", async () => {
  const request = post("hello", "/echo?q", "X-A: b\r\n") + get("/next");
  const handler = async (request: Request) =>
    new Response(
      `${request.method} ${request.url} ${request.headers.get("x-a")} ${await request.text()}`,
    );
  const bodies = ["POST http://example.org/echo?q b hello", "GET http://example.org/next null "];
  for (let at = 0; at <= request.length; at++) {
    const { client, done } = serve(handler);
    client.send(request.slice(0, at));
    if (at % 2 === 0) await turn();
    client.send(request.slice(at));
    client.end();
    await done;
    assertEquals(parseResponses(client.text).map(({ body }) => body), bodies, `split at ${at}`);
  }
  const { client, done } = serve(handler);
  client.sendBytewise(request);
  client.end();
  await done;
  assertEquals(parseResponses(client.text).map(({ body }) => body), bodies);
});

Deno.test("empty lines before a request are ignored, also in pieces", async () => {
  const { client, done } = serve(path);
  client.sendBytewise("\r\n\r\n" + get("/a") + "\r\n" + get("/b"));
  client.send("\r\n".repeat(1000));
  client.end();
  await done;
  assertEquals(parseResponses(client.text).map(({ body }) => body), ["/a", "/b"]);
});

Deno.test("a connection that ends without a request, or between two, just ends", async () => {
  assertEquals(await exchange("", hello), "");
  assertEquals(await exchange("\r\n", hello), "");
  assertEquals(parseResponses(await exchange(get(), hello)).length, 1);
});

Deno.test("a connection that ends in a head is told so", async () => {
  const { status, body } = parseResponse(await exchange("GET / HT", hello));
  assertEquals([status, body], [400, "The connection ended in the middle of the request.\n"]);
});

Deno.test("a fault is answered after the responses before it, and the connection closed", async () => {
  const { client, done } = serve(hello);
  client.send(get() + "garbage\r\n" + get());
  const [first, second, ...others] = parseResponses(await client.untilEnded());
  assertEquals([first!.status, second!.status, others.length], [200, 400, 0]);
  assertEquals(second!.headers.get("connection"), "close");
  assertEquals(second!.headers.get("content-type"), "text/plain;charset=UTF-8");
  assertMatch(second!.body, /method/);
  await done;
});

Deno.test("faults are answered with the status that is due, and the handler is not called", async () => {
  const host = "Host: a\r\n";
  for (
    const [text, status] of [
      ["GET / HTTP/1.1\r\n\r\n", 400],
      ["POST / HTTP/1.0\r\n\r\n", 411],
      [`POST / HTTP/1.1\r\n${host}Content-Length: 134217729\r\n\r\n`, 413],
      [`GET /${"a".repeat(9000)} HTTP/1.1\r\n${host}\r\n`, 414],
      [`GET / HTTP/1.1\r\n${host}Expect: foo\r\n\r\n`, 417],
      [`GET / HTTP/1.1\r\n${host}${"a: b\r\n".repeat(100)}\r\n`, 431],
      [`GET / HTTP/1.1\r\n${host}a: ${"b".repeat(40_000)}\r\n\r\n`, 431],
      [`POST / HTTP/1.1\r\n${host}Transfer-Encoding: gzip, chunked\r\n\r\n`, 501],
      [`CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n`, 501],
      ["GET / HTTP/2.0\r\n\r\n", 505],
      ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505],
    ] as [string, number][]
  ) {
    const { client, done } = serve(() => {
      throw new Error("called");
    });
    client.send(text);
    assertEquals(parseResponse(await client.untilEnded()).status, status, text.slice(0, 80));
    await done;
  }
});

Deno.test("a large head is read as the buffer grows, and the next small one after it", async () => {
  const value = "v".repeat(30_000);
  const handler = (request: Request) =>
    new Response(String(request.headers.get("x-large")?.length));
  const { client, done } = serve(handler);
  for (let i = 0; i < 3; i++) {
    client.send(get("/", `X-Large: ${value}\r\n`) + get("/"));
    await client.untilText("undefined");
    const bodies = parseResponses(client.takeText()).map(({ body }) => body);
    assertEquals(bodies, ["30000", "undefined"]);
    await turn();
    assert(client.server.room <= 512, "an idle connection holds a small buffer");
  }
  client.end();
  await done;
});

Deno.test("the handler learns the client's address, and this end's where no host is named", async () => {
  const { client, done } = serve((request, info) =>
    new Response(`${request.url} ${info.remoteAddr.hostname}:${info.remoteAddr.port}`)
  );
  client.send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /b HTTP/1.1\r\nHost:\r\n\r\n");
  client.end();
  await done;
  assertEquals(parseResponses(client.text).map(({ body }) => body), [
    "http://192.168.69.2/a 192.168.69.1:40000",
    "http://192.168.69.2/b 192.168.69.1:40000",
  ]);
});

Deno.test("targets become URLs: OPTIONS *, absolute-form, odd paths, other methods", async () => {
  const handler = (request: Request) => new Response(`${request.method} ${request.url}`);
  for (
    const [line, body] of [
      ["OPTIONS * HTTP/1.1", "OPTIONS http://example.org/*"],
      ["OPTIONS / HTTP/1.1", "OPTIONS http://example.org/"],
      ["GET http://other:81/a?b HTTP/1.1", "GET http://other:81/a?b"],
      ["GET https://other HTTP/1.1", "GET https://other"],
      ["GET //a//b/../c;d='e'|f HTTP/1.1", "GET http://example.org//a//b/../c;d='e'|f"],
      ["get /a HTTP/1.1", "get http://example.org/a"],
      ["TRACE /a HTTP/1.1", "TRACE http://example.org/a"],
      ["M-SEARCH /a HTTP/1.1", "M-SEARCH http://example.org/a"],
    ] as [string, string][]
  ) {
    const text = await exchange(`${line}\r\nHost: example.org\r\n\r\n`, handler);
    assertEquals(parseResponse(text).body, body);
  }
});

Deno.test("an upgrade is not granted: the request is answered as any other", async () => {
  const fields =
    "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n";
  const { status, headers } = parseResponse(await exchange(get("/", fields), hello));
  assertEquals([status, headers.has("upgrade")], [200, false]);
});

Deno.test("an endless stream of pipelined requests does not gather responses without end", async () => {
  const { client, done } = serve(() => new Response("x".repeat(1000)));
  client.window = 0;
  client.send(get().repeat(500));
  await turn();
  assertEquals(client.server.writing, true);
  client.open(Infinity);
  client.end();
  await done;
  assertEquals(parseResponses(client.text).length, 500);
  const largest = Math.max(...client.writes.map(({ length }) => length));
  assert(largest < 131_072, `a write of ${largest} bytes`);
});

Deno.test("two connections are served side by side, whatever the first one does", async () => {
  const never = new Promise<Response>(() => {});
  const first = serve(() => never);
  const second = serve(hello);
  first.client.send(get());
  second.client.send(get());
  await second.client.untilText("Hello, world!");
  second.client.end();
  await second.done;
  first.client.reset();
  await first.done;
});

Deno.test("errors of the platform when the connection is already closed do no harm", async () => {
  const { client, done } = serve(() => {
    client.server.close();
    return hello();
  });
  client.send(get());
  await done;
});
