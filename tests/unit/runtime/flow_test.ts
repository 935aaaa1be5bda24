import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { ConnectionFlow } from "../../../runtime/flow.ts";
import type { CloseReason } from "../../../stack/tcp/api.ts";
import { FakeConnection } from "./fake_connection.ts";

const { BadResource, BrokenPipe, ConnectionReset, Interrupted, TimedOut } = Deno.errors;

function make(room?: number): { connection: FakeConnection; flow: ConnectionFlow } {
  const connection = new FakeConnection(room);
  return { connection, flow: new ConnectionFlow(connection) };
}

function bytes(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

async function readText(flow: ConnectionFlow, limit = 100): Promise<string | null> {
  const buffer = new Uint8Array(limit);
  const count = await flow.read(buffer);
  return count === null ? null : new TextDecoder().decode(buffer.subarray(0, count));
}

/** What a promise has come to by now, without waiting for it. */
async function settled(promise: Promise<unknown>): Promise<string> {
  const outcome = promise.then((value) => `resolved ${value}`, (error) => error.name as string);
  for (let i = 0; i < 10; i++) await undefined;
  return await Promise.race([outcome, Promise.resolve("pending")]);
}

Deno.test("a flow is accepted wherever a Deno.TcpConn is", () => {
  const conn: Deno.TcpConn = make().flow;
  assertEquals(conn.localAddr, { transport: "tcp", hostname: "10.0.0.2", port: 7 });
  assertEquals(conn.remoteAddr, { transport: "tcp", hostname: "10.0.0.1", port: 40000 });
  conn.ref();
  conn.unref();
  conn.close();
});

Deno.test("a read that finds data waiting is settled without a turn of the event loop", async () => {
  const { connection, flow } = make();
  connection.deliver("hello");
  assertEquals(await settled(flow.read(new Uint8Array(10))), "resolved 5");
});

Deno.test("a waiting read is settled by the arrival itself", async () => {
  const { connection, flow } = make();
  const buffer = new Uint8Array(3);
  const read = flow.read(buffer);
  assertEquals(await settled(read), "pending");
  connection.deliver("hello");
  assertEquals(new TextDecoder().decode(buffer), "hel");
  assertEquals(await read, 3);
  assertEquals(await readText(flow), "lo");
});

Deno.test("reads that wait at the same time are served in order", async () => {
  const { connection, flow } = make();
  const reads = [readText(flow, 2), readText(flow, 2), readText(flow, 2)];
  connection.deliver("abc");
  assertEquals([await reads[0], await reads[1]], ["ab", "c"]);
  connection.finish();
  assertEquals(await reads[2], null);
});

Deno.test("reads that wait at the same time share one arrival, and the rest waits for the next", async () => {
  const { connection, flow } = make();
  const reads = [readText(flow, 2), readText(flow, 1)];
  const arrival = flow.arrival();
  connection.deliver("abcdef");
  assertEquals([await reads[0], await reads[1], await arrival], ["ab", "c", 3]);
  assertEquals([await readText(flow, 2), await readText(flow, 2)], ["de", "f"]);
  const late = readText(flow, 2);
  connection.fill(bytes("ghi"));
  assertEquals([await late, await readText(flow, 2)], ["gh", "i"]);
});

Deno.test("a read into an empty buffer yields 0 at any time, as in Deno", async () => {
  const { connection, flow } = make();
  assertEquals(await flow.read(new Uint8Array(0)), 0);
  connection.finish();
  assertEquals(await flow.read(new Uint8Array(0)), 0);
  flow.close();
  assertEquals(await flow.read(new Uint8Array(0)), 0);
});

Deno.test("the end of the stream comes after the last byte, and again each time", async () => {
  const { connection, flow } = make();
  connection.deliver("bye");
  connection.finish();
  assertEquals([await readText(flow), await readText(flow), await readText(flow)], [
    "bye",
    null,
    null,
  ]);
  connection.end("closed");
  assertEquals(await readText(flow), null);
});

Deno.test("what arrived before an orderly end is read after it", async () => {
  const { connection, flow } = make();
  await flow.closeWrite();
  connection.deliver("bye");
  connection.finish();
  connection.end("closed");
  assertEquals([await readText(flow), await readText(flow)], ["bye", null]);
});

Deno.test("a reset is not an end of stream: read and write say ConnectionReset", async () => {
  const { connection, flow } = make();
  connection.deliver("lost");
  connection.end("reset");
  await assertRejects(() => readText(flow), ConnectionReset, "10.0.0.1:40000");
  await assertRejects(() => readText(flow), ConnectionReset);
  await assertRejects(() => flow.write(bytes("x")), ConnectionReset);
  await flow.closeWrite();
  flow.close();
  assertEquals(connection.calls.includes("abort"), false);
});

Deno.test("each reason has its own error", async () => {
  const expected: [CloseReason, new () => Error, new () => Error][] = [
    ["reset", ConnectionReset, ConnectionReset],
    ["timeout", TimedOut, TimedOut],
    ["aborted", Interrupted, Interrupted],
    ["closed", TimedOut, BrokenPipe],
  ];
  for (const [reason, onRead, onWrite] of expected) {
    const { connection, flow } = make(0);
    const read = flow.read(new Uint8Array(1));
    const write = flow.write(bytes("x"));
    connection.end(reason);
    assertInstanceOf(await read.catch((error) => error), onRead, `read, ${reason}`);
    assertInstanceOf(await write.catch((error) => error), onWrite, `write, ${reason}`);
    assertEquals(await flow.closed, reason);
  }
});

Deno.test("R9: three waiting writes and a waiting read are all settled by a reset", async () => {
  const { connection, flow } = make(1);
  const waiting = [
    flow.write(bytes("one")),
    flow.write(bytes("two")),
    flow.write(bytes("three")),
    flow.read(new Uint8Array(9)),
  ];
  connection.end("reset");
  for (const outcome of await Promise.allSettled(waiting)) {
    assertEquals(outcome.status, "rejected");
    assertInstanceOf((outcome as PromiseRejectedResult).reason, ConnectionReset);
  }
});

Deno.test("promises that nobody looks at reject without harm", async () => {
  const { connection, flow } = make(0);
  flow.write(bytes("x"));
  flow.read(new Uint8Array(1));
  connection.end("reset");
  flow.write(bytes("x"));
  flow.read(new Uint8Array(1));
  flow.close();
  flow.write(bytes("x"));
  flow.closeWrite();
  // An unhandled rejection would fail the test run at the next turn of the event loop.
  await new Promise((resolve) => setTimeout(resolve));
});

Deno.test("a write waits while the send buffer is full and takes the whole buffer", async () => {
  const { connection, flow } = make(4);
  const first = flow.write(bytes("abcdef"));
  const second = flow.write(bytes("gh"));
  assertEquals([await settled(first), connection.sent], ["pending", "abcd"]);
  connection.acknowledge(3);
  assertEquals([await first, await settled(second), connection.sent], [6, "pending", "abcdefg"]);
  connection.acknowledge(3);
  assertEquals([await second, connection.sent], [2, "abcdefgh"]);
  assertEquals(await flow.write(bytes("ij")), 2);
  assertEquals(connection.sent, "abcdefghij");
});

Deno.test("closeWrite says FIN behind the writes that wait, and nothing is written after it", async () => {
  const { connection, flow } = make(1);
  const write = flow.write(bytes("abc"));
  const shut = flow.closeWrite();
  await assertRejects(() => flow.write(bytes("late")), BrokenPipe);
  assertEquals([await settled(shut), connection.calls], ["pending", []]);
  connection.acknowledge(5);
  assertEquals([await write, connection.calls, connection.sent], [3, ["closeWrite"], "abc"]);
  await shut;
  await flow.closeWrite();
  connection.deliver("still read");
  assertEquals(await readText(flow), "still read");
});

Deno.test("closeWrite settles when the connection ends before its writes were taken", async () => {
  const { connection, flow } = make(0);
  const write = flow.write(bytes("abc"));
  const shut = flow.closeWrite();
  connection.end("reset");
  await assertRejects(() => write, ConnectionReset);
  await shut;
});

Deno.test("close sends what still waits to be written, discards what arrives, then says goodbye", async () => {
  const { connection, flow } = make(2);
  const write = flow.write(bytes("abcd"));
  flow.close();
  assertEquals(connection.calls, []);
  connection.deliver("unwanted");
  assertEquals(connection.readableBytes, 0);
  connection.acknowledge(2);
  assertEquals([connection.calls, connection.sent, await write], [["close"], "abcd", 4]);
});

Deno.test("close ends a waiting read, and later calls find a closed flow", async () => {
  const { connection, flow } = make();
  const read = flow.read(new Uint8Array(1));
  flow.close();
  await assertRejects(() => read, Interrupted);
  await assertRejects(() => flow.read(new Uint8Array(1)), BadResource);
  await assertRejects(() => flow.write(bytes("x")), BadResource);
  await assertRejects(() => flow.closeWrite(), BadResource);
  assertEquals(connection.calls, ["close"]);
});

Deno.test("C18, C19: close is harmless when repeated, disposed of, or after the end", async () => {
  const { connection, flow } = make();
  flow.close();
  flow.close();
  flow[Symbol.dispose]();
  connection.end("closed");
  flow.close();
  assertEquals(connection.calls, ["close"]);
  assertEquals(await flow.closed, "closed");
});

Deno.test("abort resets at once and ends everything that waits", async () => {
  const { connection, flow } = make(0);
  const read = flow.read(new Uint8Array(1));
  const write = flow.write(bytes("x"));
  flow.abort();
  assertEquals(connection.calls, ["abort"]);
  await assertRejects(() => read, Interrupted);
  await assertRejects(() => write, Interrupted);
  await assertRejects(() => flow.read(new Uint8Array(1)), BadResource);
  assertEquals(await flow.closed, "aborted");
  flow.abort();
});

Deno.test("abort cuts short a close that still has something to write", async () => {
  const { connection, flow } = make(0);
  const write = flow.write(bytes("x"));
  flow.close();
  flow.abort();
  await assertRejects(() => write, Interrupted);
  assertEquals(connection.calls, ["abort"]);
});

Deno.test("closed tells the reason to whoever asks, before and after the end", async () => {
  const { connection, flow } = make();
  const early = flow.closed;
  connection.end("timeout");
  assertEquals([await early, await flow.closed], ["timeout", "timeout"]);
});

Deno.test("the owner is told of the end once", async () => {
  const connection = new FakeConnection();
  const told: string[] = [];
  const flow = new ConnectionFlow(connection, (reason, ended) => {
    assertStrictEquals(ended, flow);
    told.push(reason);
  });
  flow.read(new Uint8Array(1)).catch(() => told.push("read"));
  connection.end("reset");
  await flow.closed;
  assertEquals(told.toSorted(), ["read", "reset"]);
});

Deno.test("anything but bytes is refused as in Deno, by a rejection", async () => {
  const { connection, flow } = make();
  // deno-lint-ignore no-explicit-any
  await assertRejects(() => flow.write("text" as any), TypeError, "found string text");
  // deno-lint-ignore no-explicit-any
  await assertRejects(() => flow.read(undefined as any), TypeError, "found undefined");
  assertEquals(await flow.write(new Uint16Array([0x4141, 0x4242]) as unknown as Uint8Array), 4);
  assertEquals(connection.sent, "AABB");
});

Deno.test("options and information pass through", () => {
  const { connection, flow } = make();
  flow.setNoDelay();
  flow.setKeepAlive();
  assertEquals([connection.noDelay, connection.keepAlive], [true, true]);
  flow.setNoDelay(false);
  flow.setKeepAlive({ idle: 1, interval: 2, probes: 3 });
  assertEquals(connection.noDelay, false);
  assertEquals(connection.keepAlive, { idle: 1, interval: 2, probes: 3 });
  assertEquals(flow.info().mss, 1460);
  assertEquals(flow.state, "Established");
  assertEquals(Deno.inspect(flow), "Flow { 10.0.0.2:7 - 10.0.0.1:40000, Established }");
});

Deno.test("a user timeout is passed on, and one that is none is refused", () => {
  const { connection, flow } = make();
  flow.setUserTimeout(5000);
  assertEquals(connection.userTimeout, 5000);
  for (const wrong of [-1, NaN]) {
    assertThrows(() => flow.setUserTimeout(wrong), RangeError, `user timeout ${wrong}: expected`);
  }
  assertEquals(connection.userTimeout, 5000);
});

Deno.test("arrival waits without a buffer and takes nothing", async () => {
  const { connection, flow } = make();
  const arrival = flow.arrival();
  connection.deliver("abc");
  assertEquals([await arrival, flow.readableBytes, await readText(flow)], [3, 3, "abc"]);
  connection.finish();
  assertEquals(await flow.arrival(), null);
});

Deno.test("readable yields what arrives and ends with the peer's stream; writing goes on", async () => {
  const { connection, flow } = make();
  assertStrictEquals(flow.readable, flow.readable);
  const reader = flow.readable.getReader();
  connection.deliver("one");
  assertEquals(await reader.read(), { value: bytes("one"), done: false });
  const second = reader.read();
  connection.deliver("two");
  assertEquals(await second, { value: bytes("two"), done: false });
  connection.finish();
  assertEquals(await reader.read(), { value: undefined, done: true });
  assertEquals(await flow.write(bytes("ok")), 2);
});

Deno.test("readable reads nothing ahead", async () => {
  const { connection, flow } = make();
  const reader = flow.readable.getReader();
  connection.deliver("abc");
  assertEquals(await settled(reader.closed), "pending");
  assertEquals(connection.readableBytes, 3);
});

Deno.test("readable lends the caller's own buffer, and ends it too", async () => {
  const { connection, flow } = make();
  const reader = flow.readable.getReader({ mode: "byob" });
  connection.deliver("abcdef");
  assertEquals((await reader.read(new Uint8Array(4))).value, bytes("abcd"));
  const rest = reader.read(new Uint8Array(4));
  assertEquals((await rest).value, bytes("ef"));
  const last = reader.read(new Uint8Array(4));
  connection.finish();
  assertEquals((await last).done, true);
});

Deno.test("readable survives that somebody else reads what it waited for", async () => {
  const { connection, flow } = make();
  const chunk = flow.readable.getReader().read();
  await settled(chunk);
  const direct = readText(flow);
  connection.deliver("abc");
  assertEquals([await direct, await settled(chunk)], ["abc", "pending"]);
  connection.deliver("def");
  assertEquals((await chunk).value, bytes("def"));
});

Deno.test("readable fails with the reset, waiting or not", async () => {
  for (const wait of [true, false]) {
    const { connection, flow } = make();
    const reader = flow.readable.getReader();
    const read = wait ? reader.read() : undefined;
    await settled(reader.closed);
    connection.end("reset");
    await assertRejects(() => read ?? reader.read(), ConnectionReset);
    await assertRejects(() => reader.closed, ConnectionReset);
  }
});

Deno.test("cancelling readable closes the flow, as in Deno", async () => {
  const { connection, flow } = make();
  for await (const _ of streamOf(connection, flow)) break;
  assertEquals(connection.calls, ["close"]);
  await assertRejects(() => flow.write(bytes("x")), BadResource);
});

function streamOf(connection: FakeConnection, flow: ConnectionFlow): AsyncIterable<Uint8Array> {
  connection.deliver("abc");
  return flow.readable;
}

Deno.test("writable waits for the send buffer and closes one direction only", async () => {
  const { connection, flow } = make(2);
  assertStrictEquals(flow.writable, flow.writable);
  const writer = flow.writable.getWriter();
  const write = writer.write(bytes("abc"));
  assertEquals([await settled(write), writer.desiredSize], ["pending", 0]);
  connection.acknowledge(10);
  await write;
  await writer.close();
  assertEquals([connection.calls, connection.sent], [["closeWrite"], "abc"]);
  connection.deliver("still read");
  assertEquals(await readText(flow), "still read");
});

Deno.test("aborting writable resets, so that a cut is not taken for an end", async () => {
  const { connection, flow } = make();
  await flow.writable.abort(new Error("source failed"));
  assertEquals(connection.calls, ["abort"]);
});

Deno.test("closing a flow that is piped into itself says goodbye and does not reset", async () => {
  const { connection, flow } = make();
  const echo = flow.readable.pipeTo(flow.writable);
  connection.deliver("hello");
  assertEquals(await settled(echo), "pending");
  flow.close();
  await assertRejects(() => echo, Interrupted);
  assertEquals([connection.sent, connection.calls], ["hello", ["close"]]);
});

Deno.test("writable fails with the reset, also between writes", async () => {
  const { connection, flow } = make();
  const writer = flow.writable.getWriter();
  await settled(writer.ready);
  connection.end("reset");
  await assertRejects(() => writer.closed, ConnectionReset);
  await assertRejects(() => writer.write(bytes("x")), ConnectionReset);
});

Deno.test("writable refuses chunks that are not bytes", async () => {
  const { flow } = make();
  const writer = flow.writable.getWriter();
  writer.closed.catch(() => {});
  // deno-lint-ignore no-explicit-any
  await assertRejects(() => writer.write("text" as any), TypeError, "found string text");
});

Deno.test("a flow piped into itself is an echo that ends by itself", async () => {
  const { connection, flow } = make(5);
  const echo = flow.readable.pipeTo(flow.writable);
  connection.deliver("hello ");
  connection.deliver("world");
  connection.finish();
  assertEquals(await settled(echo), "pending");
  connection.acknowledge(100);
  await echo;
  assertEquals([connection.sent, connection.calls], ["hello world", ["closeWrite"]]);
});

Deno.test("a thousand writes that nobody awaits arrive in order", async () => {
  const { connection, flow } = make(10);
  let last: Promise<number> | undefined;
  let expected = "";
  for (let i = 0; i < 1000; i++) {
    last = flow.write(bytes(`${i},`));
    expected += `${i},`;
  }
  flow.close();
  while (connection.sent.length < expected.length) connection.acknowledge(7);
  await last;
  assert(connection.sent === expected);
  assertEquals(connection.calls, ["close"]);
});
