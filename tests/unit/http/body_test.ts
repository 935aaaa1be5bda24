import { assert, assertEquals, assertRejects } from "@std/assert";
import { turn } from "../../support/duplex.ts";
import {
  exchange,
  get,
  parseResponse,
  parseResponses,
  post,
  postChunked,
  serve,
} from "./support.ts";

/** Answers with what a way of reading the body gives. */
const readers: Record<string, (request: Request) => Promise<string>> = {
  text: (request) => request.text(),
  bytes: async (request) => new TextDecoder().decode(await request.bytes()),
  arrayBuffer: async (request) => new TextDecoder().decode(await request.arrayBuffer()),
  blob: async (request) => await (await request.blob()).text(),
  stream: async (request) => {
    let text = "";
    for await (const chunk of request.body!) text += new TextDecoder().decode(chunk);
    return text;
  },
  byob: async (request) => {
    const reader = request.body!.getReader({ mode: "byob" });
    let text = "";
    for (;;) {
      const { value, done } = await reader.read(new Uint8Array(3));
      if (done) return text;
      text += new TextDecoder().decode(value);
    }
  },
  copy: (request) => new Request(request).text(),
  clone: async (request) => {
    const [a, b] = await Promise.all([request.clone().text(), request.text()]);
    assertEquals(a, b);
    return a;
  },
};

for (const [name, read] of Object.entries(readers)) {
  const handler = async (request: Request) => new Response(await read(request));

  Deno.test(`${name}: a body with a length is read, whole and byte by byte`, async () => {
    assertEquals(parseResponse(await exchange(post("hello"), handler)).body, "hello");
    const { client, done } = serve(handler);
    client.sendBytewise(post("hello") + post("world"));
    client.end();
    await done;
    assertEquals(parseResponses(client.text).map(({ body }) => body), ["hello", "world"]);
  });

  Deno.test(`${name}: a chunked body is read, whole and byte by byte`, async () => {
    const request = postChunked() + "3;x\r\nhel\r\n2\r\nlo\r\n0\r\nT: x\r\n\r\n";
    assertEquals(parseResponse(await exchange(request, handler)).body, "hello");
    const { client, done } = serve(handler);
    client.sendBytewise(request + request);
    client.end();
    await done;
    assertEquals(parseResponses(client.text).map(({ body }) => body), ["hello", "hello"]);
  });

  Deno.test(`${name}: a body of several buffers is read, with a length and chunked`, async () => {
    const body = Array.from({ length: 20_000 }, (_, i) => `${i} `).join("");
    const length = async (request: Request) => new Response((await read(request)).slice(-20));
    const chunked = body.match(/[^]{1,7001}/g)!
      .map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join("") + "0\r\n\r\n";
    for (const text of [post(body), postChunked() + chunked]) {
      const { client, done } = serve(length);
      for (let at = 0; at < text.length; at += 1000) {
        client.send(text.slice(at, at + 1000));
        if (at % 7000 === 0) await turn();
      }
      client.end();
      await done;
      assertEquals(parseResponse(client.text).body, body.slice(-20));
    }
  });

  if (name === "byob" || name === "stream") continue;

  Deno.test(`${name}: no body reads as an empty one`, async () => {
    const none = "POST / HTTP/1.1\r\nHost: a\r\n\r\n";
    for (const request of [none, post(""), get(), postChunked() + "0\r\n\r\n"]) {
      const { status, body } = parseResponse(await exchange(request, handler));
      assertEquals([status, body], [200, ""]);
    }
  });
}

Deno.test("json and formData are read", async () => {
  const json = await exchange(
    post('{"a":[1]}'),
    async (request) => Response.json(await request.json()),
  );
  assertEquals(parseResponse(json).body, '{"a":[1]}');
  const form = await exchange(
    post("a=1&b=2", "/", "Content-Type: application/x-www-form-urlencoded\r\n"),
    async (request) => new Response([...(await request.formData()).entries()].join(";")),
  );
  assertEquals(parseResponse(form).body, "a,1;b,2");
});

Deno.test("a byte order mark is not part of the text", async () => {
  const text = await exchange(
    post("\xef\xbb\xbfa"),
    async (request) => new Response(JSON.stringify(await request.text())),
  );
  assertEquals(parseResponse(text).body, '"a"');
});

Deno.test("a body can be read once; body and bodyUsed say so", async () => {
  const text = await exchange(post("hello"), async (request) => {
    const before = request.bodyUsed;
    await request.text();
    await assertRejects(() => request.text(), TypeError);
    await assertRejects(() => request.json(), TypeError);
    return new Response(`${before} ${request.bodyUsed}`);
  });
  assertEquals(parseResponse(text).body, "false true");
});

Deno.test("what was read by text() is used for everyone: body, copies and clones", async () => {
  const text = await exchange(post("hello"), async (request) => {
    await request.text();
    let failures = 0;
    for (const use of [() => new Request(request), () => request.clone()]) {
      try {
        use();
      } catch (error) {
        failures += Number(error instanceof TypeError);
      }
    }
    return new Response(`${failures} ${request.bodyUsed}`);
  });
  assertEquals(parseResponse(text).body, "2 true");
});

Deno.test("GET and HEAD show no body, and what they carry is skipped", async () => {
  const { client, done } = serve(async (request) =>
    new Response(`${request.body} ${await request.text()} ${request.bodyUsed}`)
  );
  client.send(get("/", "Content-Length: 5\r\n") + "hello" + get("/"));
  client.end();
  await done;
  assertEquals(parseResponses(client.text).map(({ body }) => body), ["null  false", "null  false"]);
});

Deno.test("a stream of the body reads from the connection only as it is read", async () => {
  const { client, done } = serve(async (request) => {
    const reader = request.body!.getReader();
    const first = await reader.read();
    await turn();
    await turn();
    const atRest = client.server.reading;
    while (!(await reader.read()).done);
    return new Response(`${first.value!.length > 0} ${atRest}`);
  });
  client.send(post("x".repeat(100_000)));
  client.end();
  await done;
  assertEquals(parseResponse(client.text).body, "true false");
});

Deno.test("an unread body is skipped, and the next request served", async () => {
  const paths = (request: Request) => new Response(new URL(request.url).pathname);
  for (
    const first of [
      post("hello", "/a"),
      post("h".repeat(200_000), "/a"),
      postChunked() + "5\r\nhello\r\n0\r\n\r\n",
    ]
  ) {
    const { client, done } = serve(paths);
    client.send(first + get("/b"));
    client.end();
    await done;
    const [one, two] = parseResponses(client.text);
    assertEquals([one!.headers.has("connection"), two!.body], [false, "/b"]);
  }
});

Deno.test("an unread body that is still coming is skipped after the response was sent", async () => {
  const { client, done } = serve(() => new Response("early"));
  client.send(post("x".repeat(1000)).slice(0, -900));
  await client.untilText("early");
  client.send("x".repeat(900) + get());
  await client.until(() => parseResponses(client.text).length === 2);
  client.end();
  await done;
});

Deno.test("a half-read body is skipped; its reader is told", async () => {
  let late: Promise<unknown> | undefined;
  const { client, done } = serve(async (request) => {
    if (request.method === "GET") return new Response("next");
    const reader = request.body!.getReader();
    await reader.read();
    late = reader.read();
    return new Response("half");
  });
  client.send(post("x".repeat(1000)).slice(0, -900));
  await client.untilText("half");
  await assertRejects(() => late!, TypeError, "Request closed");
  client.send("x".repeat(900) + get());
  await client.untilText("next");
  client.end();
  await done;
});

Deno.test("a body that is too large to be skipped ends the connection, and that is said", async () => {
  const { client, done } = serve(() => new Response("no, thanks"));
  client.send(post("x".repeat(300_000)).slice(0, 1000));
  const { headers, body } = parseResponse(await client.untilEnded());
  assertEquals([headers.get("connection"), body], ["close", "no, thanks"]);
  await done;
});

Deno.test("a chunked body that proves too large to be skipped ends the connection", async () => {
  const { client, done } = serve(() => new Response("no, thanks"));
  client.send(postChunked());
  await client.untilText("no, thanks");
  for (let i = 0; i < 300 && !client.ended; i++) {
    client.send(`400\r\n${"x".repeat(1024)}\r\n`);
    await turn();
  }
  assert(client.ended);
  await done;
});

Deno.test("malformed chunks fail the read, and are answered with 400 if that fails the handler", async () => {
  let error: unknown;
  const { client, done, errors } = serve(async (request) => {
    try {
      return new Response(await request.text());
    } catch (reason) {
      error = reason;
      throw reason;
    }
  });
  client.send(postChunked() + "5\r\nhello\r\nx\r\n" + get());
  const { status, headers } = parseResponse(await client.untilEnded());
  assertEquals([status, headers.get("connection")], [400, "close"]);
  assert(error instanceof Deno.errors.InvalidData);
  assertEquals(errors, [], "it is no failure of the handler");
  await done;
});

Deno.test("a handler may answer malformed chunks itself; the connection is closed", async () => {
  const { client, done } = serve(async (request) => {
    const failed = await request.text().then(() => false, () => true);
    return new Response(`failed: ${failed}`, { status: 422 });
  });
  client.send(postChunked() + "zz\r\n" + get());
  const { status, headers, body } = parseResponse(await client.untilEnded());
  assertEquals([status, headers.get("connection"), body], [422, "close", "failed: true"]);
  await done;
});

Deno.test("a chunked body beyond the limit is answered with 413", async () => {
  const { client, done } = serve(async (request) => new Response(await request.text()), {
    maxBody: 9,
  });
  client.send(postChunked() + "9\r\n123456789\r\n0\r\n\r\n");
  await client.untilText("123456789");
  client.takeText();
  client.send(postChunked() + "9\r\n123456789\r\n1\r\n");
  assertEquals(parseResponse(await client.untilEnded()).status, 413);
  await done;
});

Deno.test("a body cut off by the end of the connection is no body", async () => {
  let error: unknown;
  const { client, done } = serve((request) =>
    request.text().then(
      (text) => new Response(text),
      (reason) => {
        error = reason;
        throw reason;
      },
    )
  );
  client.send(post("hello").slice(0, -2));
  client.end();
  await done;
  assert(error instanceof Deno.errors.UnexpectedEof);
  assertEquals(parseResponse(client.text).status, 400);
});

Deno.test("many small chunks cost their size, not a multiple of it", async () => {
  const { client, done } = serve(async (request) =>
    new Response(String((await request.text()).length))
  );
  client.send(postChunked());
  const chunks = "1\r\nx\r\n".repeat(1000);
  for (let i = 0; i < 50; i++) client.send(chunks);
  client.send("0\r\n\r\n");
  client.end();
  await done;
  assertEquals(parseResponse(client.text).body, "50000");
});

Deno.test("reading ahead of a handler that waits does not touch what it read", async () => {
  const { client, done } = serve(async (request) => {
    const chunks: string[] = [];
    for await (const chunk of request.body!) {
      await turn();
      chunks.push(new TextDecoder().decode(chunk));
    }
    await turn();
    return new Response(chunks.join(""));
  });
  for (const body of ["a".repeat(100), "b".repeat(600), "c".repeat(3000)]) {
    const request = post(body);
    client.send(request.slice(0, 90));
    await turn();
    // The end of the body, and then more, come while the handler waits.
    client.send(request.slice(90));
    client.send(post("z".repeat(600)));
    await client.until(() => client.text.endsWith("z"));
    assertEquals(parseResponses(client.takeText()).map((response) => response.body), [
      body,
      "z".repeat(600),
    ]);
  }
  client.end();
  await done;
});
