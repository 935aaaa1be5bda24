import { assert, assertEquals, assertRejects } from "@std/assert";
import { turn } from "../../support/duplex.ts";
import { get, parseResponse, parseResponses, post, serve } from "./support.ts";

const encoder = new TextEncoder();

Deno.test("request.signal is aborted when the connection is lost while the handler works", async () => {
  const aborted = Promise.withResolvers<unknown>();
  const { client, done, errors } = serve((request) => {
    request.signal.addEventListener("abort", () => aborted.resolve(request.signal.reason));
    return new Promise((_, reject) =>
      request.signal.addEventListener("abort", () => reject(request.signal.reason))
    );
  });
  client.send(get());
  await turn();
  client.reset();
  const reason = await aborted.promise;
  assert(reason instanceof DOMException && reason.name === "AbortError");
  await done;
  await turn();
  assertEquals(errors, [], "the handler failed because the client left");
  assert(client.server.closed);
});

Deno.test("a signal that is first looked at after the client has left is aborted", async () => {
  const go = Promise.withResolvers<void>();
  const seen = Promise.withResolvers<boolean>();
  const { client, done } = serve(async (request) => {
    await go.promise;
    seen.resolve(request.signal.aborted);
    return new Response("late");
  });
  client.send(get());
  await turn();
  client.reset();
  await done;
  go.resolve();
  assertEquals(await seen.promise, true);
});

Deno.test("what a handler of a lost client still asks of the request is there", async () => {
  const go = Promise.withResolvers<void>();
  const seen = Promise.withResolvers<string>();
  const { client, done } = serve(async (request) => {
    await go.promise;
    seen.resolve(`${request.method} ${request.url} ${request.headers.get("x-a")}`);
    return new Response("late");
  });
  client.send(get("/path", "X-A: b\r\n"));
  await turn();
  client.reset();
  await done;
  go.resolve();
  assertEquals(await seen.promise, "GET http://example.org/path b");
});

Deno.test("the signal is not aborted after a response that was sent, nor by the next request", async () => {
  const signals: AbortSignal[] = [];
  const { client, done } = serve((request) => {
    signals.push(request.signal);
    return new Response("a");
  });
  client.send(get());
  await client.untilText("a");
  client.send(get());
  await client.until(() => signals.length === 2);
  client.end();
  await done;
  assertEquals(signals.map(({ aborted }) => aborted), [false, false]);
});

Deno.test("info.completed resolves when the response was written, not before", async () => {
  let completed = false;
  const { client, done } = serve((_, info) => {
    info.completed.then(() => completed = true);
    return new Response("x".repeat(100));
  });
  client.window = 50;
  client.send(get());
  await turn();
  assertEquals(completed, false);
  client.open(1000);
  await client.untilText("x");
  await turn();
  assertEquals(completed, true);
  client.end();
  await done;
});

Deno.test("info.completed rejects with the reason when the connection is lost", async () => {
  const completed = Promise.withResolvers<Promise<void>>();
  const { client, done } = serve((_, info) => {
    completed.resolve(info.completed);
    return new Response("x".repeat(100));
  });
  client.window = 50;
  client.send(get());
  await turn();
  client.reset(new Deno.errors.ConnectionReset("gone"));
  await assertRejects(
    async () => await (await completed.promise),
    Deno.errors.ConnectionReset,
    "gone",
  );
  await done;
});

Deno.test("info.completed that nobody handles does no harm, and can be asked for late", async () => {
  const infos: Deno.ServeHandlerInfo[] = [];
  const { client, done } = serve((_, info) => {
    infos.push(info);
    return new Response("a");
  });
  client.send(get() + get());
  await client.untilText("a");
  await turn();
  await infos[0]!.completed;
  await infos[1]!.completed;
  client.window = 0;
  client.send(get());
  await turn();
  void infos[2]!.completed;
  client.reset();
  await done;
  await assertRejects(() => infos[2]!.completed);
  await infos[0]!.completed;
});

Deno.test("the parts of a request that were not looked at are gone after the exchange", async () => {
  const requests: Request[] = [];
  const { client, done } = serve((request) => {
    requests.push(request);
    if (requests.length === 2) void request.headers;
    if (requests.length === 3) void request.url;
    return new Response("a");
  });
  client.send(
    get("/1", "X: 1\r\n") + get("/2", "X: 2\r\n") + get("/3", "X: 3\r\n") + get("/4", "X: 4\r\n"),
  );
  client.end();
  await done;
  const attempt = (look: () => unknown) => {
    try {
      return look();
    } catch (error) {
      return (error as Error).message;
    }
  };
  assertEquals(attempt(() => requests[0]!.url), "Request closed");
  assertEquals(attempt(() => requests[0]!.headers), "Request closed");
  assertEquals(requests[0]!.method, "GET");
  assertEquals([requests[1]!.headers.get("x"), requests[1]!.url], ["2", "http://example.org/2"]);
  assertEquals(requests[2]!.url, "http://example.org/3");
});

Deno.test("H1: a first keep-alive client does not starve the second", async () => {
  const first = serve(() => new Response("a"));
  const second = serve(() => new Response("b"));
  first.client.send(get().repeat(20_000));
  second.client.send(get());
  await second.client.untilText("b");
  const answered = first.client.text.split("HTTP/1.1 200").length;
  assert(answered < 20_000, "the second was served only after all of the first");
  first.client.end();
  second.client.end();
  await Promise.all([first.done, second.done]);
});

Deno.test("H2: a garbage request gets 400 and the connection is closed", async () => {
  for (const garbage of ["garbage\r\n", "\0\0\0\0", "{}\r\n\r\n", "\x16\x03\x01\x00\xa5\x01\x00"]) {
    const { client, done } = serve(() => new Response("a"));
    client.send(garbage);
    assertEquals(parseResponse(await client.untilEnded()).status, 400);
    await done;
  }
});

Deno.test("H3: Connection: close ends the flow; otherwise there is no end after the response", async () => {
  const { client, done } = serve(() => new Response("a"));
  client.send(get());
  await client.untilText("a");
  await turn();
  assertEquals(client.ended, false);
  client.send(get("/", "Connection: close\r\n"));
  await client.untilEnded();
  await done;
});

Deno.test("H4: a writer whose peer vanished discards what is left and terminates", async () => {
  const { client, done } = serve(() => new Response(new Uint8Array(1_000_000)));
  client.window = 1000;
  client.send(get() + get());
  await turn();
  client.reset(new Deno.errors.TimedOut("vanished"));
  await done;
});

Deno.test("H4: a body reader ends when the connection ends, with an error that says how", async () => {
  for (const reset of [false, true]) {
    const ended = Promise.withResolvers<unknown>();
    const { client, done } = serve((request) => {
      const text = request.text();
      text.then(ended.resolve, ended.resolve);
      return text.then((text) => new Response(text));
    });
    client.send(post("hello").slice(0, -1));
    await turn();
    if (reset) client.reset();
    else client.end();
    const error = await ended.promise;
    assert(error instanceof (reset ? Deno.errors.ConnectionReset : Deno.errors.UnexpectedEof));
    await done;
  }
});

Deno.test("H5: a streaming response to a client that left is cancelled and the flow freed", async () => {
  for (const idle of [true, false]) {
    const cancelled = Promise.withResolvers<unknown>();
    const { client, done } = serve((_, info) => {
      info.completed.catch(() => {});
      return new Response(
        new ReadableStream({
          async pull(controller) {
            controller.enqueue(encoder.encode("x"));
            if (idle) await new Promise(() => {});
            await turn();
          },
          cancel: cancelled.resolve,
        }),
      );
    });
    client.send(get());
    await client.untilText("1\r\nx\r\n");
    client.reset();
    assert(await cancelled.promise instanceof Error);
    await done;
    assert(client.server.closed);
  }
});

Deno.test("H5: a stream that comes after the client has left is cancelled, too", async () => {
  const go = Promise.withResolvers<void>();
  const cancelled = Promise.withResolvers<unknown>();
  const { client, done } = serve(async () => {
    await go.promise;
    return new Response(new ReadableStream({ cancel: cancelled.resolve }));
  });
  client.send(get());
  await turn();
  client.reset();
  await done;
  go.resolve();
  await cancelled.promise;
});

Deno.test("H6: a client that ends its stream after the request still gets the response", async () => {
  for (const stream of [false, true]) {
    const go = Promise.withResolvers<void>();
    const { client, done } = serve(async () => {
      await go.promise;
      return new Response(
        stream ? ReadableStream.from([encoder.encode("a"), encoder.encode("b")]) : "ab",
      );
    });
    client.send(get());
    client.end();
    await turn();
    go.resolve();
    const { headers, body } = parseResponse(await client.untilEnded());
    assertEquals([body, headers.get("connection")], ["ab", "close"]);
    await done;
  }
});

Deno.test("H6: request.signal tells the handler of the end; what it does then is its affair", async () => {
  const { client, done, errors } = serve(async (request) => {
    const { signal } = request;
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve));
    if (request.url.endsWith("/2")) signal.throwIfAborted();
    return new Response("aborted");
  });
  client.send(get("/1") + get("/2"));
  await turn();
  assertEquals(client.text, "");
  client.end();
  await done;
  const [first, second] = parseResponses(client.text);
  assertEquals([first!.body, second!.status], ["aborted", 500]);
  assertEquals(errors, [], "it failed because of the client");
});

Deno.test("H6: so do pipelined requests before the end of the stream", async () => {
  const { client, done } = serve(async (request) => {
    await turn();
    return new Response(new URL(request.url).pathname);
  });
  client.send(get("/1") + get("/2") + get("/3"));
  client.end();
  await done;
  assertEquals(parseResponses(client.text).map(({ body }) => body), ["/1", "/2", "/3"]);
});

Deno.test("no handler is called for requests of a client that has left", async () => {
  let calls = 0;
  const { client, done } = serve(async () => {
    calls++;
    await turn();
    return new Response("a");
  });
  client.window = 0;
  client.send(get().repeat(3));
  await turn();
  client.reset();
  await done;
  await turn();
  assertEquals(calls, 1);
});

Deno.test("the request that comes while a handler works is read ahead and answered next", async () => {
  const go = Promise.withResolvers<void>();
  const { client, done } = serve(async (request) => {
    await go.promise;
    return new Response(new URL(request.url).pathname);
  });
  client.send(get("/1"));
  await turn();
  for (let i = 2; i < 20; i++) client.send(get(`/${i}`));
  await turn();
  go.resolve();
  client.end();
  await done;
  const bodies = parseResponses(client.text).map(({ body }) => body);
  assertEquals(bodies, Array.from({ length: 19 }, (_, i) => `/${i + 1}`));
});

Deno.test("leaving is noticed also after the body was read, and behind pipelined requests", async () => {
  for (const more of ["", get("/next")]) {
    for (const body of ["hello", "x".repeat(100_000)]) {
      const aborted = Promise.withResolvers<void>();
      const { client, done } = serve(async (request) => {
        const { signal } = request;
        signal.addEventListener("abort", () => aborted.resolve());
        await request.text();
        return await new Promise<Response>(() => {});
      });
      const request = post(body);
      client.send(request.slice(0, 200));
      await turn();
      client.send(request.slice(200));
      await turn();
      client.send(more);
      await turn();
      client.reset();
      await aborted.promise;
      await done;
    }
  }
});

Deno.test("what is read ahead of a handler is bounded", async () => {
  const go = Promise.withResolvers<Response>();
  const { client, done } = serve(() => go.promise);
  client.send(get());
  let sent = 0;
  for (; sent < 1000; sent++) {
    client.send(get("/", `X: ${"x".repeat(1_000)}\r\n`));
    await turn();
    if (!client.server.reading) break;
  }
  assert(sent < 40, `${sent} requests of 1 KB were read ahead`);
  client.reset();
  go.resolve(new Response("a"));
  await done;
});

Deno.test("a 500 of the request's own aborted signal is told apart from a handler's failure", async () => {
  const told: string[] = [];
  const { client, done, errors } = serve((request) => {
    return new Promise((_, reject) =>
      request.signal.addEventListener("abort", () => reject(request.signal.reason))
    );
  }, { onAborted: (error, { method, url }) => told.push(`${method} ${url} ${error}`) });
  client.send(get("/path"));
  await turn();
  client.end();
  await done;
  assertEquals(errors, []);
  assertEquals(told, ["GET http://example.org/path AbortError: The request has been cancelled."]);
});
