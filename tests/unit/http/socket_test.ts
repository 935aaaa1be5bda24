import { assert, assertEquals } from "@std/assert";
import { bytesOf, textOf } from "../../support/duplex.ts";
import { EngineServer } from "./sockets.ts";
import { get, parseResponse, parseResponses, post } from "./support.ts";

/** Sends `text` over a socket, ends the stream if wanted, and reads up to the server's end. */
async function raw(port: number, text: string, end = false): Promise<string> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const writing = (async () => {
    for (let bytes = bytesOf(text); bytes.length > 0;) {
      bytes = bytes.subarray(await conn.write(bytes));
    }
    if (end) await conn.closeWrite();
  })();
  let received = "";
  const buffer = new Uint8Array(65_536);
  for (;;) {
    const length = await conn.read(buffer);
    if (length === null) break;
    received += textOf(buffer.subarray(0, length));
  }
  await writing;
  conn.close();
  return received;
}

const path = (request: Request) => new Response(new URL(request.url).pathname);

Deno.test("over sockets: keep-alive, pipelining and the end", async () => {
  const server = new EngineServer(path);
  const requests = Array.from({ length: 100 }, (_, i) => get(`/${i}`)).join("");
  const bodies = parseResponses(await raw(server.port, requests, true)).map(({ body }) => body);
  assertEquals(bodies, Array.from({ length: 100 }, (_, i) => `/${i}`));
  await server.close();
});

Deno.test("over sockets: a large body there and back, chunk by chunk", async () => {
  const server = new EngineServer((request) => new Response(request.body));
  const body = "0123456789abcdef".repeat(100_000);
  const response = parseResponse(await raw(server.port, post(body, "/", "Connection: close\r\n")));
  assert(response.body === body);
  await server.close();
});

Deno.test("over sockets: the last response is seen though the client goes on sending", async () => {
  const server = new EngineServer(path);
  const garbage = `garbage\r\n${"x".repeat(2_000_000)}`;
  assertEquals(parseResponse(await raw(server.port, garbage)).status, 400);
  await server.close();
});

Deno.test("over sockets: curl gets what it asks for", async () => {
  const server = new EngineServer(async (request) =>
    new Response(`${request.method} ${await request.text()}`, { headers: { "x-a": "b" } })
  );
  const url = `http://127.0.0.1:${server.port}/`;
  const expectations: [string[], RegExp][] = [
    [["-si", url], /^HTTP\/1\.1 200 OK\r\n[^]*x-a: b\r\n[^]*\r\n\r\nGET $/],
    [["-sI", url], /^HTTP\/1\.1 200 OK\r\n[^]*content-length: 5\r\n\r\n$/],
    [["-s", "-X", "POST", url], /^POST $/],
    [["-s", "-d", "hello", url], /^POST hello$/],
    [["-s", "-0", "-d", "hello", url], /^POST hello$/],
    [["-s", "-T", "-", url], /^PUT $/],
    [["-s", "-H", "Transfer-Encoding: chunked", "-d", "hello", url], /^POST hello$/],
    [["-s", "-H", "Expect: 100-continue", "-d", "hello", url], /^POST hello$/],
    [["-s", url, url, url], /^GET GET GET $/],
    [["-s", "--http2", url], /^GET $/],
  ];
  for (const [args, expected] of expectations) {
    const { stdout } = await new Deno.Command("curl", { args, stdin: "null" }).output();
    assert(expected.test(textOf(stdout)), `curl ${args.join(" ")}: ${textOf(stdout)}`);
  }
  await server.close();
});

Deno.test("over sockets: fetch of the platform gets what it asks for", async () => {
  const server = new EngineServer(async (request) =>
    Response.json([request.method, await request.text()])
  );
  const url = `http://127.0.0.1:${server.port}/`;
  const client = Deno.createHttpClient({});
  for (
    const [init, expected] of [[{}, ["GET", ""]], [{ method: "POST", body: "hello" }, [
      "POST",
      "hello",
    ]]] as const
  ) {
    assertEquals(await (await fetch(url, { ...init, client })).json(), expected);
  }
  const body = ReadableStream.from(["streamed ", "body"]).pipeThrough(new TextEncoderStream());
  assertEquals(await (await fetch(url, { method: "PUT", body, client })).json(), [
    "PUT",
    "streamed body",
  ]);
  client.close();
  await server.close();
});

Deno.test("over sockets: a stream to a client that resets is cancelled", async () => {
  const cancelled = Promise.withResolvers<void>();
  const server = new EngineServer(() =>
    new Response(
      new ReadableStream({
        pull: (controller) => controller.enqueue(new Uint8Array(10_000)),
        cancel: () => cancelled.resolve(),
      }),
    )
  );
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  await conn.write(bytesOf(get()));
  await conn.read(new Uint8Array(100));
  conn.close();
  await cancelled.promise;
  await server.close();
});
