import {
  assert,
  assertEquals,
  assertNotEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { exchange, get, parseResponse, parseResponses, post, serve } from "./support.ts";

/** Gives what `look` sees of a request to a handler. */
async function seen<T>(text: string, look: (request: Request) => T | Promise<T>): Promise<T> {
  let value: T | undefined;
  const answer = await exchange(text, async (request) => {
    value = await look(request);
    return new Response();
  });
  assertEquals(parseResponse(answer).status, 200);
  return value!;
}

const FIELDS =
  "X-A: 1\r\nAccept: text/html\r\nx-a:  2 \r\nCookie: a=1\r\nCookie: b=2\r\nX-Hi: \xe9\r\nEmpty:\r\n";

Deno.test("the request is a Request for everyone who looks", async () => {
  await seen(get("/a"), (request) => {
    assert(request instanceof Request);
    assertStrictEquals(request.constructor, Request);
    assertEquals(Object.prototype.toString.call(request), "[object Request]");
    assertEquals(Object.keys(request), []);
    const own = new Request("http://example.org/a", { headers: { host: "example.org" } });
    assertEquals(Deno.inspect(request), Deno.inspect(own));
    for (
      const name of [
        "cache",
        "credentials",
        "destination",
        "integrity",
        "keepalive",
        "mode",
        "redirect",
        "referrer",
        "referrerPolicy",
      ] as const
    ) {
      assertEquals(request[name], own[name], name);
    }
  });
});

Deno.test("new Request(request), also with changes, has all of it", async () => {
  await seen(post("hello", "/a?b", "X-A: 1\r\n"), async (request) => {
    const copy = new Request(request);
    assertEquals([copy.method, copy.url, copy.headers.get("x-a"), await copy.text()], [
      "POST",
      "http://example.org/a?b",
      "1",
      "hello",
    ]);
    assert(request.bodyUsed, "the copy has taken the body");
  });
  await seen(post("hello"), async (request) => {
    const copy = new Request(request, { method: "PUT", headers: { "x-b": "2" } });
    assertEquals(
      [copy.method, copy.headers.get("x-a"), copy.headers.get("x-b"), await copy.text()],
      ["PUT", null, "2", "hello"],
    );
  });
  await seen(post("hello"), async (request) => {
    const copy = new Request("http://other/", request);
    assertEquals([copy.method, copy.url, await copy.text()], ["POST", "http://other/", "hello"]);
  });
});

Deno.test("a clone and the request can both be read", async () => {
  await seen(post("hello"), async (request) => {
    const clone = request.clone();
    assert(clone instanceof Request);
    assertEquals([await request.text(), await clone.text()], ["hello", "hello"]);
    assertThrows(() => request.clone(), TypeError);
  });
});

Deno.test("the methods of Request.prototype work on it", async () => {
  await seen(post("hello"), async (request) => {
    assertEquals(await Request.prototype.text.call(request), "hello");
  });
  await seen(get("/a"), (request) => {
    const method = Object.getOwnPropertyDescriptor(Request.prototype, "method")!.get!;
    assertEquals(method.call(request), "GET");
  });
});

Deno.test("the same objects are given each time", async () => {
  await seen(post("hello"), (request) => {
    assertStrictEquals(request.headers, request.headers);
    assertStrictEquals(request.signal, request.signal);
    assertStrictEquals(request.body, request.body);
    const { headers, signal } = request;
    void new Request(request);
    assertStrictEquals(request.headers, headers);
    assertStrictEquals(request.signal, signal);
  });
});

Deno.test("a request can be sent on with fetch", async () => {
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    async (request) =>
      new Response(
        `${request.method} ${new URL(request.url).pathname} ${
          request.headers.get("x-a")
        } ${await request.text()}`,
      ),
  );
  const { client, done } = serve((request) => {
    const target = new URL(request.url);
    target.host = `127.0.0.1:${server.addr.port}`;
    return fetch(new Request(target, request));
  });
  client.send(post("hello", "/a", "X-A: 1\r\n"));
  await client.until(() => client.text.endsWith("hello"));
  assertEquals(parseResponse(client.text).body, "POST /a 1 hello");
  client.end();
  await done;
  await server.shutdown();
});

Deno.test("headers are read by name in any case; repeated ones joined, cookies by semicolons", async () => {
  await seen(get("/", FIELDS), ({ headers }) => {
    assertEquals(headers.get("X-a"), "1, 2");
    assertEquals(headers.get("HOST"), "example.org");
    assertEquals(headers.get("cookie"), "a=1; b=2");
    assertEquals(headers.get("x-hi"), "é");
    assertEquals(headers.get("empty"), "");
    assertEquals(headers.get("missing"), null);
    assertEquals([headers.has("ACCEPT"), headers.has("accept-language")], [true, false]);
    assertThrows(() => headers.get("a b"), TypeError);
    assertThrows(() => headers.has(""), TypeError);
  });
});

Deno.test("headers are a Headers for everyone who looks", async () => {
  await seen(get("/", FIELDS), ({ headers }) => {
    assert(headers instanceof Headers);
    const expected: [string, string][] = [
      ["accept", "text/html"],
      ["cookie", "a=1; b=2"],
      ["empty", ""],
      ["host", "example.org"],
      ["x-a", "1, 2"],
      ["x-hi", "é"],
    ];
    assertEquals([...headers], expected);
    assertEquals([...headers.entries()], expected);
    assertEquals([...headers.keys()], expected.map(([name]) => name));
    assertEquals([...headers.values()], expected.map(([, value]) => value));
    const each: [string, string][] = [];
    headers.forEach((value, name) => each.push([name, value]));
    assertEquals(each, expected);
    assertEquals([...new Headers(headers)], expected);
    assertEquals(Object.fromEntries(headers), Object.fromEntries(expected));
    assertEquals(headers.getSetCookie(), []);
    assertEquals(Headers.prototype.get.call(headers, "x-a"), "1, 2");
    assertEquals(headers.get("x-a"), "1, 2", "after the real one was made");
    assertEquals(headers.has("x-b"), false);
    assertEquals(Deno.inspect(headers), Deno.inspect(new Headers(expected)));
  });
});

Deno.test("headers are immutable, as those of Deno.serve", async () => {
  await seen(get(), ({ headers }) => {
    for (
      const change of [
        () => headers.set("a", "b"),
        () => headers.append("a", "b"),
        () => headers.delete("host"),
      ]
    ) {
      assertThrows(change, TypeError, "Cannot change headers: headers are immutable");
    }
    assertEquals(headers.get("host"), "example.org");
  });
});

Deno.test("headers stay right while the receive buffer grows and moves", async () => {
  const fields = "X-A: 1\r\n";
  const request = post("x".repeat(50_000), "/a", fields);
  await seen(request + request, async (request) => {
    const { headers } = request;
    assertEquals(headers.get("x-a"), "1");
    const text = await request.text();
    assertEquals([text.length, headers.get("x-a"), request.url], [
      50_000,
      "1",
      "http://example.org/a",
    ]);
  }).catch((error) => assertNotEquals(error.message, ""));
});

Deno.test("a method that no Request can have is told as it is", async () => {
  await seen("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", (request) => {
    assertEquals(request.method, "TRACE");
    assertThrows(() => new Request(request), TypeError);
  });
  await seen(
    "patch / HTTP/1.1\r\nHost: a\r\n\r\n",
    (request) => assertEquals(request.method, "patch"),
  );
});

Deno.test("requests of one connection do not share anything", async () => {
  const requests: Request[] = [];
  const text = await exchange(get("/1", "X: 1\r\n") + get("/2", "X: 2\r\n"), (request) => {
    requests.push(request);
    return new Response(`${request.url} ${request.headers.get("x")}`);
  });
  assertEquals(parseResponses(text).map(({ body }) => body), [
    "http://example.org/1 1",
    "http://example.org/2 2",
  ]);
  assertEquals(requests.map((request) => `${request.url} ${[...request.headers].join()}`), [
    "http://example.org/1 host,example.org,x,1",
    "http://example.org/2 host,example.org,x,2",
  ]);
});
