import { assert } from "@std/assert";
import fc from "fast-check";
import { serveHttp } from "../../runtime/http/mod.ts";
import { ClientEnd, textOf, turn } from "../support/duplex.ts";
import { ManualTimers, parseResponses } from "../unit/http/support.ts";

/** How long each of these tests may take, in milliseconds. */
const TIME = 4_000;

const PIECES = [
  "GET ",
  "POST ",
  "HEAD ",
  "OPTIONS * ",
  "/",
  "/path?query",
  "http://a/",
  " HTTP/1.1\r\n",
  " HTTP/1.0\r\n",
  " HTTP/2.0\r\n",
  "Host: a\r\n",
  "Connection: close\r\n",
  "Connection: keep-alive\r\n",
  "Content-Length: 5\r\n",
  "Content-Length: 0\r\n",
  "Content-Length: 99999\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Expect: 100-continue\r\n",
  "X: y\r\n",
  "\r\n",
  "hello",
  "5\r\nhello\r\n",
  "1;a=b\r\nx\r\n",
  "0\r\n\r\n",
  "0\r\nT: x\r\n\r\n",
  "\r",
  "\n",
  " ",
  "\0",
  ":",
  "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
  "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
  "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
];

/** What a client does next. */
const step = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({ do: fc.constant("send" as const), text: fc.constantFrom(...PIECES) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("send" as const),
      text: fc.uint8Array({ maxLength: 40 }).map(textOf),
    }),
  },
  { weight: 4, arbitrary: fc.constant({ do: "turn" as const }) },
  { weight: 1, arbitrary: fc.constant({ do: "stall" as const }) },
  { weight: 1, arbitrary: fc.constant({ do: "open" as const }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(500, 5_000) }),
  },
);

/** What handlers do; each in its own way with the body, the signal and the response. */
const HANDLERS:
  ((request: Request, info: Deno.ServeHandlerInfo) => Response | Promise<Response>)[] = [
    () => new Response("text"),
    async (request) => new Response(await request.text()),
    (request) => new Response(request.body),
    async (request) => {
      await turn();
      return Response.json([...request.headers]);
    },
    async (request) => {
      const first = await request.body?.getReader().read();
      return new Response(`${first?.value?.length}`);
    },
    () => {
      throw new Error("thrown");
    },
    (request, info) => {
      void info.completed;
      void request.signal;
      return new Response(ReadableStream.from(async function* () {
        yield new Uint8Array(3);
        await turn();
        yield new Uint8Array(30_000);
      }()));
    },
    () => new Response(new Uint8Array(100_000), { headers: { connection: "close" } }),
    async (request) =>
      new Response(
        new Request(request).body?.pipeThrough(new TransformStream()) ?? await request.text(),
      ),
    () => new Response(null, { status: 204 }),
  ];

Deno.test("whatever a client does, the engine ends, and all that it sent is well-formed", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 40 }),
      fc.array(fc.nat(HANDLERS.length - 1), { minLength: 1, maxLength: 3 }),
      fc.constantFrom("end" as const, "reset" as const, "drain" as const),
      async (steps, handlers, ending) => {
        const timers = new ManualTimers();
        const drain = new AbortController();
        const client = new ClientEnd();
        const methods: string[] = [];
        let ended = false;
        const done = serveHttp(
          client.server,
          (request, info) =>
            HANDLERS[handlers[(methods.push(request.method) - 1) % handlers.length]!]!(
              request,
              info,
            ),
          {
            timers,
            signal: drain.signal,
            headerTimeout: 1_000,
            bodyTimeout: 1_000,
            idleTimeout: 10_000,
          },
        ).then(() => ended = true);
        for (const each of steps) {
          if (each.do === "send") client.send(each.text);
          else if (each.do === "turn") await turn();
          else if (each.do === "stall") client.window = 0;
          else if (each.do === "open") client.open(Infinity);
          else {
            await turn();
            timers.advance(each.ms);
          }
        }
        if (ending === "reset") client.reset();
        else if (ending === "end") client.end();
        else drain.abort();
        client.window = 0;
        client.open(Infinity);
        // What is not over now was waiting for time.
        for (let i = 0; i < 30 && !ended; i++) {
          await turn();
          if (i > 10) timers.advance(1_000);
        }
        assert(ended, `it does not end: ${JSON.stringify(client.text)}`);
        await done;
        assert(timers.pending === 0, "a timer is left");
        if (ending === "reset" || client.server.aborted) return;
        check(client.text, methods);
      },
    ),
    { numRuns: 1_000_000, interruptAfterTimeLimit: TIME, markInterruptAsFailure: false },
  );
});

/** Everything that was sent must belong to a response, the last of which may be cut short. */
function check(text: string, methods: string[]): void {
  const statuses = [...text.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map((match) => Number(match[1]));
  const final: number[] = [];
  statuses.forEach((status, i) => {
    if (status !== 100) final.push(i);
  });
  const heads = final.filter((_, i) => methods[i] === "HEAD");
  try {
    parseResponses(text, heads);
  } catch (error) {
    // A body that its stream did not finish: the text must end in the middle of it.
    const last = text.lastIndexOf("HTTP/1.1 ");
    parseResponses(text.slice(0, last), heads.filter((i) => i < statuses.length - 1));
    assert(
      /^HTTP\/1\.1 200 OK\r\n[^]*transfer-encoding: chunked/.test(text.slice(last)),
      String(error),
    );
  }
}
