import { assertEquals, assertRejects } from "@std/assert";
import { turn } from "../../support/duplex.ts";
import { get, parseResponses, post, postChunked, serve } from "./support.ts";

const EXPECT = "Expect: 100-continue\r\n";
const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n";

/** Head and body of a POST that waits for 100 Continue. */
function expecting(body: string): [string, string] {
  const request = post(body, "/", EXPECT);
  return [request.slice(0, request.length - body.length), body];
}

Deno.test("100 Continue is sent when the handler first reads the body, not before", async () => {
  const go = Promise.withResolvers<void>();
  const { client, done } = serve(async (request) => {
    await go.promise;
    return new Response(await request.text());
  });
  const [head, body] = expecting("hello");
  client.send(head);
  await turn();
  assertEquals(client.text, "");
  go.resolve();
  await client.untilText(CONTINUE);
  client.send(body);
  await client.untilText("hello");
  const [interim, final] = parseResponses(client.text);
  assertEquals([interim!.status, final!.status, final!.headers.has("connection")], [
    100,
    200,
    false,
  ]);
  client.send(get());
  client.end();
  await done;
});

Deno.test("100 Continue is sent once, also for a stream and a chunked body", async () => {
  const { client, done } = serve(async (request) => {
    let length = 0;
    for await (const chunk of request.body!) length += chunk.length;
    return new Response(`${length}`);
  });
  client.send(postChunked(EXPECT));
  await client.untilText(CONTINUE);
  client.send("5\r\nhello\r\n");
  await turn();
  client.send("5\r\nworld\r\n0\r\n\r\n");
  await client.untilText("10");
  assertEquals(parseResponses(client.text).map(({ status }) => status), [100, 200]);
  client.end();
  await done;
});

Deno.test("when the body is not read the final answer comes alone, and the connection is closed", async () => {
  const { client, done } = serve(() => new Response("no", { status: 403 }));
  client.send(expecting("hello")[0]);
  const [final, ...others] = parseResponses(await client.untilEnded());
  assertEquals([final!.status, final!.headers.get("connection"), others.length], [403, "close", 0]);
  await done;
});

Deno.test("a response made of the body of the request comes after 100 Continue", async () => {
  const { client, done } = serve((request) => new Response(request.body));
  const [head, body] = expecting("hello");
  client.send(head);
  await client.untilText(CONTINUE);
  client.send(body);
  await client.until(() => client.text.endsWith("0\r\n\r\n"));
  assertEquals(parseResponses(client.text).map(({ body }) => body), ["", "hello"]);
  client.send(get());
  client.end();
  await done;
});

Deno.test("so does one made through other streams", async () => {
  const { client, done } = serve((request) =>
    new Response(
      request.body!.pipeThrough(new TransformStream()).pipeThrough(new TransformStream()),
    )
  );
  const [head, body] = expecting("hello");
  client.send(head);
  await client.untilText(CONTINUE);
  client.send(body);
  client.end();
  await done;
  assertEquals(parseResponses(client.text).map(({ status, body }) => `${status} ${body}`), [
    "100 ",
    "200 hello",
  ]);
});

Deno.test("a body that is already there is read all the same", async () => {
  const { client, done } = serve(async (request) => new Response(await request.text()));
  client.send(expecting("hello").join("") + get());
  client.end();
  await done;
  assertEquals(parseResponses(client.text).map(({ body }) => body), ["", "hello", ""]);
});

Deno.test("without a body there is nothing to wait for", async () => {
  const { client, done } = serve(async (request) => new Response(await request.text()));
  client.send(get("/", EXPECT) + post("", "/", EXPECT));
  client.end();
  await done;
  assertEquals(parseResponses(client.text).map(({ status }) => status), [200, 200]);
});

Deno.test("100 Continue comes after the responses to the requests before", async () => {
  const { client, done } = serve(async (request) => new Response(`[${await request.text()}]`));
  const [head, body] = expecting("hello");
  client.send(get() + head);
  await client.untilText(CONTINUE);
  client.send(body);
  client.end();
  await done;
  assertEquals(parseResponses(client.text).map(({ body }) => body), ["[]", "", "[hello]"]);
});

Deno.test("a client that does not wait for 100 Continue of HTTP/1.0 gets none", async () => {
  const { client, done } = serve(async (request) => new Response(await request.text()));
  client.send(`POST / HTTP/1.0\r\nContent-Length: 5\r\n${EXPECT}\r\nhello`);
  await done;
  assertEquals(parseResponses(client.text).map(({ status }) => status), [200]);
});

Deno.test("a body that is read too late gets no 100 Continue", async () => {
  const requests: Request[] = [];
  const { client, done } = serve((request) => {
    requests.push(request);
    return new Response("early");
  });
  client.send(expecting("hello").join(""));
  await client.untilText("early");
  await assertRejects(() => requests[0]!.text(), TypeError, "Request closed");
  client.send(get());
  await client.until(() => client.text.split("early").length === 3);
  assertEquals(parseResponses(client.text).map(({ status }) => status), [200, 200]);
  client.end();
  await done;
});
