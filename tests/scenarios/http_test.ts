// TCP-SCENARIOS.md section E: HTTP/1.1 over the stack.
import { assert, assertEquals } from "@std/assert";
import type { FetchModule } from "../../runtime/listener.ts";
import { gone } from "../../runtime/testing/gone.ts";
import { type Scenario, scenario } from "../../runtime/testing/scenario.ts";
import type { ScriptedPeer } from "../../runtime/testing/scripted_peer.ts";
import { countOf } from "../support/established.ts";

const GET = "GET / HTTP/1.1\r\nHost: sut\r\n\r\n";

/** A stack that serves an HTTP application on port 80. */
async function serving(fetch: FetchModule["fetch"]): Promise<Scenario> {
  const t = scenario();
  await t.host.serve(80, { fetch });
  return t;
}

/** A client with an open connection. */
function client(t: Scenario): ScriptedPeer {
  const peer = t.peer({ to: 80 });
  peer.open();
  return peer;
}

/** Lets the server answer, acknowledges all of it, and tells what came since the last time. */
async function answer(t: Scenario, peer: ScriptedPeer): Promise<{ text: string; fins: number }> {
  const before = peer.received().length;
  let fins = 0;
  for (let quiet = 0; quiet < 2;) {
    await t.settle();
    const segments = peer.drain();
    fins += countOf(segments, "FIN");
    assertEquals(countOf(segments, "RST"), 0, t.traceText());
    quiet = segments.length === 0 ? quiet + 1 : 0;
    if (segments.length > 0) peer.send("ACK");
  }
  return { text: new TextDecoder().decode(peer.received().subarray(before)), fins };
}

Deno.test("H1: a client that keeps its connection does not starve the next one", async () => {
  const t = await serving(() => new Response("hello"));
  const [first, second] = [client(t), client(t)];
  first.send("PSH ACK", GET);
  assert((await answer(t, first)).text.startsWith("HTTP/1.1 200 OK\r\n"));
  second.send("PSH ACK", GET);
  assert((await answer(t, second)).text.endsWith("\r\n\r\nhello"));
  first.send("PSH ACK", GET);
  const { text, fins } = await answer(t, first);
  assert(text.endsWith("\r\n\r\nhello"));
  assertEquals([fins, t.host.flows.length], [0, 2]);
  first.send("FIN ACK");
  second.send("FIN ACK");
  assertEquals([(await answer(t, first)).fins, (await answer(t, second)).fins], [1, 1]);
  gone(t.stack);
});

Deno.test("H2: garbage is answered with 400 and the connection is closed", async () => {
  for (const garbage of ["garbage\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\r\n\r\n"]) {
    const t = await serving(() => new Response("never"));
    const peer = client(t);
    peer.send("PSH ACK", garbage);
    const { text, fins } = await answer(t, peer);
    assert(text.startsWith("HTTP/1.1 400 "), text);
    assertEquals(fins, 1);
    peer.send("FIN ACK");
    await t.elapse(60_000);
    gone(t.stack);
  }
});

Deno.test("H3: a response to Connection: close is followed by FIN, any other is not", async () => {
  const t = await serving(() => new Response("hello"));
  const keeping = client(t);
  keeping.send("PSH ACK", GET);
  assertEquals((await answer(t, keeping)).fins, 0);
  const closing = client(t);
  closing.send("PSH ACK", "GET / HTTP/1.1\r\nHost: sut\r\nConnection: close\r\n\r\n");
  const { text, fins } = await answer(t, closing);
  assert(text.endsWith("\r\n\r\nhello"), text);
  assertEquals(fins, 1);
  const old = client(t);
  old.send("PSH ACK", "GET / HTTP/1.0\r\n\r\n");
  assertEquals((await answer(t, old)).fins, 1);
  keeping.send("PSH ACK", GET);
  assertEquals((await answer(t, keeping)).fins, 0);
  keeping.send("FIN ACK");
  await answer(t, keeping);
});

/** A body without an end, and whether somebody has had enough of it. */
function endless() {
  const seen = { pulled: 0, cancelled: false };
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      seen.pulled++;
      controller.enqueue(new Uint8Array(10_000).fill(65));
    },
    cancel() {
      seen.cancelled = true;
    },
  });
  return { seen, body };
}

Deno.test("H4: what is left for a client that has vanished is discarded, and all is freed", async () => {
  const { seen, body } = endless();
  const t = await serving(() => new Response(body));
  const peer = client(t);
  peer.send("PSH ACK", GET);
  await t.settle();
  assert(peer.drain().length > 0);
  await t.elapse(3_600_000);
  assertEquals([seen.cancelled, t.host.flows.length], [true, 0]);
  // The send buffer bounds what was ever produced.
  assert(seen.pulled < 100, `${seen.pulled} chunks`);
  gone(t.stack);
});

Deno.test("H4: who reads a body is not left waiting when the connection ends", async () => {
  for (const end of ["FIN ACK", "RST"]) {
    let outcome = "pending";
    const t = await serving(async (request) => {
      await request.text().then((text) => outcome = text, () => outcome = "rejected");
      return new Response("late");
    });
    const peer = client(t);
    peer.send("PSH ACK", "POST / HTTP/1.1\r\nHost: sut\r\nContent-Length: 100\r\n\r\nonly this");
    await t.settle();
    assertEquals(outcome, "pending");
    peer.send(end);
    await t.settle();
    assert(outcome !== "pending", `after ${end}`);
    peer.drain();
    peer.send("FIN ACK");
    await t.elapse(3_600_000);
    assertEquals(t.host.flows.length, 0);
    gone(t.stack);
  }
});

Deno.test("H5: when the client leaves in the middle of a stream, the handler is told and all is freed", async () => {
  const { seen, body } = endless();
  let aborted = false;
  const t = await serving((request) => {
    request.signal.addEventListener("abort", () => aborted = true);
    return new Response(body);
  });
  const peer = client(t);
  peer.send("PSH ACK", GET);
  await t.settle();
  peer.drain();
  peer.send("RST");
  await t.settle();
  assertEquals([seen.cancelled, aborted, t.host.flows.length], [true, true, 0]);
  await t.elapse(600_000);
  peer.expectNothing();
  gone(t.stack);
});

Deno.test("H6: a client that has closed its half gets its whole response", async () => {
  const ready = Promise.withResolvers<void>();
  const t = await serving(async () => {
    await ready.promise;
    return new Response("x".repeat(100_000));
  });
  const peer = client(t);
  peer.send("PSH FIN ACK", GET);
  await t.settle();
  peer.drain();
  ready.resolve();
  const { text, fins } = await answer(t, peer);
  assert(text.startsWith("HTTP/1.1 200 OK\r\n"));
  assertEquals(text.split("\r\n\r\n")[1]!.length, 100_000);
  assertEquals(fins, 1);
  gone(t.stack);
});
