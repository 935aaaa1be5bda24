import { assert, assertEquals } from "@std/assert";
import { DATE_LENGTH, dateBytes } from "../../../runtime/http/date.ts";
import { takeBody, takeQuick } from "../../../runtime/http/response_body.ts";
import { statusLine } from "../../../runtime/http/status.ts";
import { textOf, turn, wire } from "../../support/duplex.ts";
import { exchange, get, parseResponse, parseResponses, serve } from "./support.ts";

const encoder = new TextEncoder();

/** The response to a GET (or another method) that is answered with `response`. */
async function respond(response: () => Response, method = "GET", version = "1.1") {
  const request = `${method} / HTTP/${version}\r\nHost: a\r\n\r\n`;
  return parseResponse(await exchange(request, response), method === "HEAD");
}

/** A stream of the given chunks. */
function streamOf(...chunks: (string | Uint8Array)[]): ReadableStream<Uint8Array> {
  return ReadableStream.from(chunks.map((chunk) => {
    return typeof chunk === "string" ? encoder.encode(chunk) : chunk;
  }));
}

for (
  const text of [
    "",
    "a",
    "x".repeat(48),
    "x".repeat(49),
    "x".repeat(32_768),
    "x".repeat(32_769),
    "x".repeat(200_000),
    "é",
    "x".repeat(9) + "é",
    "x".repeat(47) + "€",
    "x".repeat(98) + "é",
    "x".repeat(99) + "€",
    "€".repeat(334),
    "𝄞".repeat(20_000),
    "\ud800",
    "€".repeat(40_000),
  ]
) {
  Deno.test(`a text of ${text.length} characters (${text.slice(-2)}) is sent as UTF-8 with its length`, async () => {
    const bytes = wire(text);
    const responses = [
      () => new Response(text),
      () => new Response(text, { headers: { "x-a": "b" } }),
      () => new Response(encoder.encode(text)),
      () => Response.json(text),
    ];
    for (const [i, response] of responses.entries()) {
      const expected = i === 3 ? wire(JSON.stringify(text)) : bytes;
      const { headers, body } = await respond(response);
      assertEquals(headers.get("content-length"), String(expected.length));
      assert(body === expected, "the body differs");
      const head = await respond(response, "HEAD");
      assertEquals(head.headers.get("content-length"), String(expected.length));
    }
  });
}

Deno.test("content types are those of the Response", async () => {
  const type = async (response: Response) =>
    (await respond(() => response)).headers.get("content-type");
  assertEquals(await type(new Response("a")), "text/plain;charset=UTF-8");
  assertEquals(await type(Response.json(1)), "application/json");
  assertEquals(await type(new Response(encoder.encode("a"))), undefined);
  assertEquals(
    await type(new Response(new URLSearchParams("a=b"))),
    "application/x-www-form-urlencoded;charset=UTF-8",
  );
  assertEquals(await type(new Response(new Blob(["a"], { type: "text/x" }))), "text/x");
  assertEquals(
    await type(new Response("a", { headers: { "content-type": "text/html" } })),
    "text/html",
  );
  assertEquals(await type(new Response(null)), undefined);
  const changed = new Response("a");
  changed.headers.set("content-type", "text/css");
  assertEquals(await type(changed), "text/css");
});

Deno.test("the status is written with its reason, an unregistered one with none", async () => {
  for (
    const [status, reason] of [[200, "OK"], [201, "Created"], [404, "Not Found"], [
      418,
      "I'm a teapot",
    ], [599, ""]] as const
  ) {
    const response = await respond(() => new Response("a", { status, statusText: "Mine" }));
    assertEquals([response.status, response.reason], [status, reason]);
  }
  assertEquals(textOf(statusLine(503)), "HTTP/1.1 503 Service Unavailable\r\n");
});

Deno.test("204 and 304 have neither body nor length, 205 a length of 0", async () => {
  for (const [status, length] of [[204, undefined], [304, undefined], [205, "0"]] as const) {
    const response = () =>
      new Response(null, { status, headers: { "content-length": "5", etag: "x" } });
    const text = await exchange(get() + get(), response);
    for (const { headers, body } of parseResponses(text)) {
      assertEquals([headers.get("content-length"), headers.get("etag"), body], [length, "x", ""]);
    }
  }
});

Deno.test("HEAD gets the head of GET and no body", async () => {
  const { client, done } = serve((request) => {
    switch (new URL(request.url).pathname) {
      case "/text":
        return new Response("hello");
      case "/null":
        return new Response(null, { headers: { "content-length": "1234" } });
      case "/stream":
        return new Response(streamOf("a"), { headers: { "content-length": "1" } });
      default:
        return new Response(streamOf("a"));
    }
  });
  const targets = ["/text", "/null", "/stream", "/other"];
  client.send(targets.map((target) => `HEAD ${target} HTTP/1.1\r\nHost: a\r\n\r\n`).join(""));
  client.end();
  await done;
  const responses = parseResponses(client.text, [0, 1, 2, 3]);
  assertEquals(responses.map(({ headers }) => headers.get("content-length")), [
    "5",
    "1234",
    "1",
    undefined,
  ]);
  assertEquals(responses.some(({ headers }) => headers.has("transfer-encoding")), false);
});

Deno.test("HEAD cancels the stream that GET would have got", async () => {
  let cancelled = false;
  await respond(
    () => new Response(new ReadableStream({ cancel: () => void (cancelled = true) })),
    "HEAD",
  );
  assert(cancelled);
});

Deno.test("a handler's Content-Length that is wrong for a body in memory is mended", async () => {
  for (const length of ["3", "10", "x", "5, 5", "-1", "1e1"]) {
    const { headers, body } = await respond(() =>
      new Response("hello", { headers: { "content-length": length } })
    );
    assertEquals([headers.get("content-length"), body], ["5", "hello"]);
  }
  const { headers } = await respond(() =>
    new Response(null, { headers: { "content-length": "9" } })
  );
  assertEquals(headers.get("content-length"), "0");
});

Deno.test("no header of the handler can frame, inject or hop", async () => {
  const { headers, body } = await respond(() =>
    new Response("hello", {
      headers: {
        "Connection": "keep-alive, x",
        "Keep-Alive": "timeout=5",
        "Proxy-Connection": "close",
        "TE": "trailers",
        "Trailer": "x",
        "Transfer-Encoding": "chunked",
        "Upgrade": "h2c",
        "X-Kept": "y",
        "Server": "z",
      },
    })
  );
  assertEquals([...headers.keys()], ["content-type", "server", "x-kept", "date", "content-length"]);
  assertEquals(body, "hello");
});

Deno.test("control characters in values become spaces, other bytes are sent as they are", async () => {
  const { headers } = await respond(() =>
    new Response("a", { headers: { "x-a": "b\x01c\x7fd\te\xe9" } })
  );
  assertEquals(headers.get("x-a"), "b c d\te\xe9");
});

Deno.test("a value with CR, LF or NUL cannot even be made", () => {
  for (const value of ["a\r\nb: c", "a\nb", "a\rb", "a\0b"]) {
    let failed = false;
    try {
      new Response("a", { headers: { "x-a": value } });
    } catch {
      failed = true;
    }
    assert(failed);
  }
});

Deno.test("Set-Cookie is a line each, other repeated fields are joined", async () => {
  const text = await exchange(get(), () => {
    const headers = new Headers([["set-cookie", "a=1"], ["set-cookie", "b=2"], ["x", "1"], [
      "x",
      "2",
    ]]);
    return new Response("", { headers });
  });
  assertEquals(text.match(/^(set-cookie|x): .*$/gm), [
    "set-cookie: a=1",
    "set-cookie: b=2",
    "x: 1, 2",
  ]);
});

Deno.test("a Date of the handler is kept, and is the only one", async () => {
  const { headers } = await respond(() => new Response("a", { headers: { date: "yesterday" } }));
  assertEquals(headers.get("date"), "yesterday");
});

Deno.test("the date is that of the second", () => {
  const at = Date.UTC(1994, 10, 6, 8, 49, 37, 999);
  assertEquals(textOf(dateBytes(at)), "Sun, 06 Nov 1994 08:49:37 GMT");
  assertEquals(textOf(dateBytes(at + 1)), "Sun, 06 Nov 1994 08:49:38 GMT");
  assertEquals(textOf(dateBytes(at)), "Sun, 06 Nov 1994 08:49:37 GMT", "the clock may go back");
  assertEquals(dateBytes().length, DATE_LENGTH);
});

Deno.test("a stream is sent in chunks, to HTTP/1.0 up to the end of the connection", async () => {
  const stream = () => new Response(streamOf("hello, ", "", new Uint8Array(0), "world"));
  const chunked = await respond(stream);
  assertEquals([chunked.headers.get("transfer-encoding"), chunked.body], [
    "chunked",
    "hello, world",
  ]);
  assertEquals(chunked.headers.has("content-length"), false);
  const request = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
  const { headers, body } = parseResponse(await exchange(request, stream));
  assertEquals([headers.has("transfer-encoding"), headers.get("connection"), body], [
    false,
    "close",
    "hello, world",
  ]);
});

Deno.test("a stream of promised length is sent as that", async () => {
  const { headers, body } = await respond(() =>
    new Response(streamOf("hello, ", "world"), { headers: { "content-length": "12" } })
  );
  assertEquals([headers.get("content-length"), headers.has("transfer-encoding"), body], [
    "12",
    false,
    "hello, world",
  ]);
});

Deno.test("chunks that are there at once leave in one write with the head; later ones at once", async () => {
  const push = Promise.withResolvers<ReadableStreamDefaultController>();
  const { client, done } = serve(() =>
    new Response(
      new ReadableStream({
        start(controller) {
          controller.enqueue(encoder.encode("a"));
          controller.enqueue(encoder.encode("b"));
          push.resolve(controller);
        },
      }, { highWaterMark: 3 }),
    )
  );
  client.send(get());
  await client.untilText("1\r\na\r\n1\r\nb\r\n");
  assertEquals(client.writes.length, 1);
  const controller = await push.promise;
  controller.enqueue(encoder.encode("c"));
  await client.untilText("1\r\nc\r\n");
  assertEquals(client.writes.length, 2);
  controller.close();
  await client.untilText("0\r\n\r\n");
  client.end();
  await done;
});

Deno.test("the head of a stream is sent before its first chunk comes", async () => {
  let controller: ReadableStreamDefaultController;
  const { client, done } = serve(() =>
    new Response(new ReadableStream({ start: (c) => void (controller = c) }))
  );
  client.send(get());
  await client.untilText("\r\n\r\n");
  controller!.close();
  await client.untilText("0\r\n\r\n");
  client.end();
  await done;
});

Deno.test("a stream is read no faster than the client takes it", async () => {
  let pulled = 0;
  const { client, done } = serve(() =>
    new Response(
      new ReadableStream({
        pull(controller) {
          if (++pulled > 30) controller.close();
          else controller.enqueue(new Uint8Array(10_000));
        },
      }),
    )
  );
  client.window = 50_000;
  client.send(get());
  for (let i = 0; i < 20; i++) await turn();
  assert(pulled < 15, `${pulled} chunks were read for 5 that were taken`);
  client.open(Infinity);
  client.end();
  await done;
  assertEquals(parseResponse(client.text).body.length, 300_000);
});

Deno.test("large chunks are sent as they are", async () => {
  const large = new Uint8Array(100_000).fill(97);
  const { body } = await respond(() => new Response(streamOf("x", large, "y", large)));
  const a = "a".repeat(100_000);
  assert(body === `x${a}y${a}`);
});

Deno.test("a stream that fails ends the connection without the end of the body, and is reported", async () => {
  for (const headers of [{}, { "content-length": "12" }] as HeadersInit[]) {
    const { client, done, errors } = serve(() =>
      new Response(
        new ReadableStream({
          pull(controller) {
            controller.enqueue(encoder.encode("abc"));
            controller.error(new Error("broken"));
          },
        }, { highWaterMark: 0 }),
        { headers },
      )
    );
    client.send(get());
    const text = await client.untilEnded();
    await done;
    assertEquals(text.includes("0\r\n\r\n"), false);
    assertEquals(errors.map(({ error }) => (error as Error).message), ["broken"]);
    assertEquals(client.server.aborted, false, "the framing shows that it is not whole");
  }
});

Deno.test("to HTTP/1.0 only a reset can show that a stream failed", async () => {
  const { client, done } = serve(() =>
    new Response(new ReadableStream({ pull: () => Promise.reject(new Error("broken")) }))
  );
  client.send("GET / HTTP/1.0\r\n\r\n");
  await done;
  assert(client.server.aborted);
});

Deno.test("a stream of other than promised length ends the connection, and no more is sent", async () => {
  for (const [length, sent] of [["3", "hel"], ["9", "hello"]]) {
    let cancelled = false;
    const stream = new ReadableStream({
      pull(controller) {
        controller.enqueue(encoder.encode("hello"));
        if (length === "9") controller.close();
      },
      cancel: () => void (cancelled = true),
    });
    const { client, done, errors } = serve(() =>
      new Response(stream, { headers: { "content-length": length! } })
    );
    client.send(get() + get());
    const text = await client.untilEnded();
    await done;
    assertEquals(text.split("\r\n\r\n")[1], sent);
    assertEquals([errors.length, errors[0]!.error instanceof TypeError], [1, true]);
    assertEquals(cancelled, length === "3");
  }
});

Deno.test("a stream of other things than bytes fails", async () => {
  const { client, done, errors } = serve(() =>
    new Response(ReadableStream.from(["text"]) as unknown as ReadableStream)
  );
  client.send(get());
  await client.untilEnded();
  await done;
  assertEquals(errors[0]!.error instanceof TypeError, true);
});

Deno.test("a handler that throws, rejects or returns no Response gets 500, and the connection goes on", async () => {
  const used = new Response("a");
  await used.text();
  const locked = new Response(streamOf("a"));
  locked.body!.getReader();
  const answers: Record<string, () => unknown> = {
    "/throw": () => {
      throw new Error("thrown");
    },
    "/reject": () => Promise.reject(new Error("rejected")),
    "/undefined": () => undefined,
    "/string": () => "a",
    "/promise": () => Promise.resolve({ status: 200 }),
    "/fake": () => Object.create(Response.prototype),
    "/error": () => Response.error(),
    "/used": () => used,
    "/locked": () => locked,
    "/101": () => new Response(null, { status: 101 }),
  };
  const { client, done, errors } = serve((request) =>
    answers[new URL(request.url).pathname]!() as Response
  );
  client.send(Object.keys(answers).map((target) => get(target)).join(""));
  client.end();
  await done;
  const responses = parseResponses(client.text);
  assertEquals(responses.length, Object.keys(answers).length);
  for (const { status, body, headers } of responses) {
    assertEquals([status, body], [500, "Internal Server Error"]);
    assertEquals(headers.has("content-type"), false);
  }
  assertEquals(errors.map(({ request }) => new URL(request.url).pathname), Object.keys(answers));
  assertEquals(errors[0]!.request.method, "GET");
  assertEquals(errors[0]!.request.remoteAddr.hostname, "192.168.69.1");
});

Deno.test("a Response can be sent once", async () => {
  for (
    const response of [
      new Response("a"),
      new Response("a", { headers: { a: "b" } }),
      new Response(new Uint8Array(3)),
      Response.json(1),
      new Response(streamOf("a")),
    ]
  ) {
    const statuses = parseResponses(await exchange(get() + get(), () => response)).map((
      { status },
    ) => status);
    assertEquals(statuses, [200, 500]);
    assert(response.bodyUsed);
  }
});

Deno.test("the internal fields of a Response are as expected: bodies in memory need no stream", () => {
  assertEquals(takeQuick(new Response("a"))?.body, "a");
  assertEquals(takeQuick(Response.json("a"))?.contentType, "application/json");
  const headed = new Response("a", { headers: { a: "b" } });
  void headed.headers;
  assertEquals(takeBody(headed), "a");
});
