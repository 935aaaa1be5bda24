import { assertEquals } from "@std/assert";
import { turn } from "../../support/duplex.ts";
import { get, ManualTimers, parseResponse, parseResponses, serve } from "./support.ts";

const hello = () => new Response("Hello, world!");

Deno.test("draining closes a connection that waits for a request at once", async () => {
  const drain = new AbortController();
  // The timers stand still: no time limit ends these connections.
  const options = { signal: drain.signal, timers: new ManualTimers() };
  const fresh = serve(hello, options);
  const used = serve(hello, options);
  used.client.send(get());
  await used.client.untilText("Hello, world!");
  await turn();
  drain.abort();
  await Promise.all([fresh.done, used.done]);
  assertEquals([fresh.client.ended, used.client.ended], [true, true]);
});

Deno.test("draining lets the current exchange finish, with Connection: close", async () => {
  const drain = new AbortController();
  const go = Promise.withResolvers<Response>();
  const { client, done } = serve(() => go.promise, { signal: drain.signal });
  client.send(get());
  await turn();
  drain.abort();
  await turn();
  assertEquals(client.ended, false);
  go.resolve(hello());
  const { headers, body } = parseResponse(await client.untilEnded());
  assertEquals([headers.get("connection"), body], ["close", "Hello, world!"]);
  await done;
});

Deno.test("draining lets a stream under way finish, and then ends the connection", async () => {
  const drain = new AbortController();
  let controller: ReadableStreamDefaultController;
  const { client, done } = serve(
    () => new Response(new ReadableStream({ start: (c) => void (controller = c) })),
    { signal: drain.signal },
  );
  client.send(get());
  await client.untilText("\r\n\r\n");
  drain.abort();
  controller!.enqueue(new TextEncoder().encode("a"));
  controller!.close();
  assertEquals(parseResponse(await client.untilEnded()).body, "a");
  await done;
});

Deno.test("draining lets a request whose head has begun be sent and answered", async () => {
  const drain = new AbortController();
  const { client, done } = serve(hello, { signal: drain.signal });
  client.send("GET / HTTP/1.1\r\n");
  await turn();
  drain.abort();
  await turn();
  client.send("Host: a\r\n\r\n");
  assertEquals(parseResponse(await client.untilEnded()).headers.get("connection"), "close");
  await done;
});

Deno.test("pipelined requests behind the current one are not served once draining", async () => {
  const drain = new AbortController();
  const { client, done } = serve(() => {
    drain.abort();
    return hello();
  }, { signal: drain.signal });
  client.send(get() + get());
  assertEquals(parseResponses(await client.untilEnded()).length, 1);
  await done;
});

Deno.test("a connection that comes when all is drained is closed", async () => {
  const { client, done } = serve(hello, { signal: AbortSignal.abort() });
  client.send(get());
  await done;
  assertEquals(client.text, "");
});

Deno.test("a connection that has ended is not drained any more", async () => {
  const drain = new AbortController();
  const { client, done } = serve(hello, { signal: drain.signal });
  client.end();
  await done;
  drain.abort();
});
