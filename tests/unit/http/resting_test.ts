// A connection without a request gives up all but a place to wait at, and is served as before when
// something comes.
import { assertEquals } from "@std/assert";
import { ConnectionFlow } from "../../../runtime/flow.ts";
import { serveHttp } from "../../../runtime/http/mod.ts";
import { turn } from "../../support/duplex.ts";
import { FakeConnection } from "../runtime/fake_connection.ts";
import { get, ManualTimers } from "./support.ts";

/** Time without a request after which a connection rests, in milliseconds, with an eighth more. */
const REST = 5_000 * 9 / 8;
/** The eighth by which the whole time may be late, and both of its parts were. */
const IDLE = 75_000;

/** One that is served over a flow, as by a runtime. */
function serving(signal?: AbortSignal) {
  const timers = new ManualTimers();
  const connection = new FakeConnection();
  let finished = false;
  const done = serveHttp(new ConnectionFlow(connection), () => new Response("hi"), {
    timers,
    signal,
  }).then(() => finished = true);
  return {
    timers,
    connection,
    done,
    get finished() {
      return finished;
    },
    /** Sends a request; gives the body of the response. */
    async ask() {
      connection.sent = "";
      connection.deliver(get());
      await turn();
      return connection.sent.split("\r\n\r\n")[1];
    },
  };
}

Deno.test("requests are answered before and after a rest, again and again", async () => {
  const all = serving();
  for (let i = 0; i < 3; i++) {
    assertEquals(await all.ask(), "hi");
    assertEquals(await all.ask(), "hi");
    all.timers.advance(REST);
    all.timers.advance(REST);
    await turn();
    assertEquals(all.connection.calls, []);
  }
});

Deno.test("a rest is part of the time that a connection may be idle", async () => {
  const all = serving();
  await all.ask();
  all.timers.advance(REST);
  await turn();
  all.timers.advance(IDLE - REST - 1);
  await turn();
  assertEquals([all.connection.calls, all.finished], [[], false]);
  all.timers.advance(1 + IDLE / 8);
  await turn();
  assertEquals([all.connection.calls, all.finished, all.timers.pending], [["close"], true, 0]);
});

Deno.test("empty lines do not prolong a rest", async () => {
  const all = serving();
  await all.ask();
  all.timers.advance(REST);
  all.connection.deliver("\r\n");
  await turn();
  all.timers.advance(REST);
  await turn();
  assertEquals([all.connection.calls, all.finished], [["close"], true]);
});

Deno.test("a client that leaves or is lost, and a drain, end a rest", async () => {
  const ways: ((all: ReturnType<typeof serving>, drain: AbortController) => void)[] = [
    (all) => all.connection.finish(),
    (all) => all.connection.end("reset"),
    (all) => all.connection.end("timeout"),
    (_, drain) => drain.abort(),
  ];
  for (const [i, end] of ways.entries()) {
    for (const rested of [true, false]) {
      const drain = new AbortController();
      const all = serving(drain.signal);
      if (rested) {
        await all.ask();
        all.timers.advance(REST);
      }
      await turn();
      end(all, drain);
      await turn();
      await all.done;
      assertEquals([i, all.connection.calls.at(-1), all.timers.pending], [i, "close", 0]);
    }
  }
});

Deno.test("a head that comes in pieces ends a rest, and must be whole in time", async () => {
  const all = serving();
  await all.ask();
  all.timers.advance(REST);
  all.connection.sent = "";
  all.connection.deliver("GET / HT");
  await turn();
  all.timers.advance(10_000);
  await turn();
  assertEquals(all.connection.sent, "");
  all.timers.advance(10_000);
  await turn();
  assertEquals([all.connection.sent.slice(0, 12), all.finished], ["HTTP/1.1 408", true]);
});
