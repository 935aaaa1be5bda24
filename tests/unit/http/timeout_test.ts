import { assert, assertEquals } from "@std/assert";
import { Alarm } from "../../../runtime/http/deadline.ts";
import { turn } from "../../support/duplex.ts";
import {
  get,
  ManualTimers,
  parseResponse,
  parseResponses,
  post,
  postChunked,
  serve,
} from "./support.ts";

/** Limits in milliseconds. They are kept to an eighth: never reached early, at most that late. */
const LIMITS = { headerTimeout: 1000, bodyTimeout: 2000, idleTimeout: 5000 };
const hello = () => new Response("Hello, world!");

Deno.test("a connection on which no request begins is closed, without a word", async () => {
  const timers = new ManualTimers();
  const { client, done } = serve(hello, { ...LIMITS, timers });
  await turn();
  timers.advance(4999);
  assertEquals(client.ended, false);
  timers.advance(1);
  assertEquals(await client.untilEnded(), "");
  await done;
  assertEquals(timers.pending, 0);
});

Deno.test("each exchange gives a new time to wait for the next", async () => {
  const timers = new ManualTimers();
  const { client, done } = serve(hello, { ...LIMITS, timers });
  for (let i = 0; i < 4; i++) {
    client.send(get());
    await client.untilText("world!");
    client.takeText();
    await turn();
    timers.advance(4000);
    assertEquals(client.ended, false);
  }
  timers.advance(999);
  assertEquals(client.ended, false);
  timers.advance(1 + 5000 / 8);
  await client.untilEnded();
  await done;
});

Deno.test("empty lines do not keep a connection", async () => {
  const timers = new ManualTimers();
  const { client, done } = serve(hello, { ...LIMITS, timers });
  for (let i = 0; i < 6; i++) {
    await turn();
    client.send("\r\n");
    timers.advance(1000);
  }
  await client.untilEnded();
  await done;
});

Deno.test("a head that does not arrive in time gets 408, however its bytes drip", async () => {
  const timers = new ManualTimers();
  const { client, done } = serve(hello, { ...LIMITS, timers });
  client.send("G");
  for (let i = 0; i < 9; i++) {
    await turn();
    timers.advance(100);
    client.send("E");
  }
  await turn();
  assertEquals(client.text, "");
  timers.advance(100);
  const { status, headers } = parseResponse(await client.untilEnded());
  assertEquals([status, headers.get("connection")], [408, "close"]);
  await done;
  assertEquals(timers.pending, 0);
});

Deno.test("a head that comes after its 408 is not served", async () => {
  const timers = new ManualTimers();
  let calls = 0;
  const { client, done } = serve(() => {
    calls++;
    return hello();
  }, { ...LIMITS, timers });
  client.window = 0;
  client.send("GET / HTTP/1.1\r\n");
  await turn();
  timers.advance(1000);
  client.send("Host: a\r\n\r\n");
  await turn();
  client.open(Infinity);
  assertEquals(parseResponse(await client.untilEnded()).status, 408);
  await done;
  assertEquals(calls, 0);
});

Deno.test("the time of a handler is not limited", async () => {
  const timers = new ManualTimers();
  const go = Promise.withResolvers<Response>();
  const { client, done } = serve((request) => {
    return request.url.endsWith("/slow") ? go.promise : hello();
  }, { ...LIMITS, timers });
  client.send(get());
  await client.untilText("Hello, world!");
  client.send(get("/slow"));
  await turn();
  timers.advance(1_000_000);
  assertEquals(client.ended, false);
  go.resolve(new Response("slow"));
  await client.untilText("slow");
  client.end();
  await done;
});

Deno.test("a body that stops coming fails the read with TimedOut, and gets 408", async () => {
  for (
    const [head, more] of [[post("x".repeat(9)).slice(0, -9), "x"], [
      postChunked() + "9\r\n",
      "x",
    ]] as const
  ) {
    const timers = new ManualTimers();
    let error: unknown;
    const { client, done, errors } = serve(async (request) => {
      try {
        return new Response(await request.text());
      } catch (reason) {
        error = reason;
        throw reason;
      }
    }, { ...LIMITS, timers });
    client.send(head);
    for (let i = 0; i < 3; i++) {
      await turn();
      timers.advance(1999);
      client.send(more);
    }
    await turn();
    assertEquals(client.text, "", "each byte gives it new time");
    timers.advance(2000 + 2000 / 8);
    const { status, headers } = parseResponse(await client.untilEnded());
    assertEquals([status, headers.get("connection")], [408, "close"]);
    assert(error instanceof Deno.errors.TimedOut);
    assertEquals(errors, []);
    await done;
    assertEquals(timers.pending, 0);
  }
});

Deno.test("the time in which a handler does not read is not the client's", async () => {
  const timers = new ManualTimers();
  const go = Promise.withResolvers<void>();
  const { client, done } = serve(async (request) => {
    await go.promise;
    return new Response(await request.text());
  }, { ...LIMITS, timers });
  client.send(post("hello").slice(0, -1));
  await turn();
  timers.advance(100_000);
  go.resolve();
  await turn();
  client.send("o");
  await client.untilText("hello");
  client.end();
  await done;
});

Deno.test("an unread body that stops coming ends the connection", async () => {
  const timers = new ManualTimers();
  const { client, done } = serve(hello, { ...LIMITS, timers });
  client.send(post("hello").slice(0, -1));
  await client.untilText("Hello, world!");
  await turn();
  timers.advance(2000 + 2000 / 8);
  await client.untilEnded();
  await done;
});

Deno.test("a client that takes nothing of a response is reset", async () => {
  const timers = new ManualTimers();
  const aborted = Promise.withResolvers<void>();
  const { client, done } = serve((request) => {
    request.signal.addEventListener("abort", () => aborted.resolve());
    return new Response("x".repeat(100));
  }, { ...LIMITS, timers });
  client.window = 10;
  client.send(get());
  for (let i = 0; i < 3; i++) {
    await turn();
    timers.advance(4999);
    client.open(10);
  }
  await turn();
  assertEquals(client.server.aborted, false, "each byte gives it new time");
  timers.advance(5000 + 5000 / 8);
  await aborted.promise;
  assert(client.server.aborted);
  await done;
  assertEquals(timers.pending, 0);
});

Deno.test("Infinity switches a limit off", async () => {
  const timers = new ManualTimers();
  const { client, done } = serve(hello, {
    headerTimeout: Infinity,
    bodyTimeout: Infinity,
    idleTimeout: Infinity,
    timers,
  });
  await turn();
  timers.advance(1e12);
  client.send("GET /");
  await turn();
  timers.advance(1e12);
  client.send(" HTTP/1.1\r\nHost: a\r\n\r\n");
  await client.untilText("Hello, world!");
  assertEquals(timers.pending, 0);
  client.end();
  await done;
  assertEquals(parseResponses(client.text).length, 1);
});

Deno.test("without limits of one's own the defaults hold, on the platform's timers", async () => {
  const { client, done } = serve(hello);
  client.send(get());
  await client.untilText("Hello, world!");
  client.end();
  await done; // The test's own checks find a timer that is left.
});

Deno.test("limits that are no numbers from 0 up are refused", () => {
  for (const value of [-1, NaN, "5" as unknown as number]) {
    let message = "";
    try {
      serve(hello, { idleTimeout: value });
    } catch (error) {
      message = (error as RangeError).message;
    }
    assertEquals(message, `idleTimeout is ${value}, but must be a number from 0 to Infinity`);
  }
});

Deno.test("deadlines are reached in order, never early and at most an eighth late", async () => {
  const timers = new ManualTimers();
  const reached: [string, number][] = [];
  const set = new Map<string, number>();
  const make = (name: string) =>
    new Alarm(timers, () => reached.push([name, timers.time - set.get(name)!]));
  const deadlines = ["a", "b", "c", "d", "e"].map((name) => ({ name, deadline: make(name) }));
  const [a, b, c, d, e] = deadlines;
  const put = ({ name, deadline }: typeof deadlines[number], ms: number) => {
    deadline.set(ms);
    set.set(name, timers.time);
  };
  put(a!, 100);
  await turn(); // The timer is set when the turn is over.
  timers.advance(10);
  put(b!, 100);
  put(c!, 50);
  put(d!, 100);
  await turn();
  timers.advance(30);
  put(a!, 100);
  put(e!, 100);
  d!.deadline.clear();
  d!.deadline.clear();
  await turn();
  timers.advance(1000);
  assertEquals(reached.map(([name]) => name), ["c", "b", "a", "e"]);
  for (const [name, ms] of reached) {
    const length = name === "c" ? 50 : 100;
    assert(ms >= length && ms <= length * 9 / 8, `${name} was reached after ${ms} ms`);
  }
  assertEquals(timers.pending, 0, "nothing ticks for nobody");
  b!.deadline.set(Infinity);
  timers.advance(1000);
  assertEquals(reached.length, 4);
  put(a!, 10);
  await turn();
  assertEquals(timers.pending, 1);
  for (const { deadline } of deadlines) deadline.close();
  assertEquals(timers.pending, 0);
});

Deno.test("a deadline may be set again when it is reached", async () => {
  const timers = new ManualTimers();
  let count = 0;
  const deadline = new Alarm(timers, () => {
    if (++count < 5) deadline.set(100);
  });
  deadline.set(100);
  await turn();
  timers.advance(10_000);
  assertEquals(count, 5);
  deadline.close();
});

Deno.test("to set deadlines of many connections takes one timer", async () => {
  const timers = new ManualTimers();
  const deadlines = Array.from({ length: 1000 }, () => new Alarm(timers, () => {}));
  for (let round = 0; round < 10; round++) {
    for (const deadline of deadlines) deadline.set(1000);
    await turn();
    timers.advance(10);
  }
  assertEquals(timers.pending, 1);
  for (const deadline of deadlines) deadline.close();
  assertEquals(timers.pending, 0);
});

Deno.test("a deadline that is taken away in the turn in which it was set takes no timer", async () => {
  const timers = new ManualTimers();
  const deadline = new Alarm(timers, () => {});
  deadline.set(1000);
  deadline.clear();
  await turn();
  assertEquals(timers.pending, 0);
  deadline.close();
});
