// Flows over two stacks that are joined by a wire in memory, in real time.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { connectFlow } from "../../../runtime/connect.ts";
import type { Flow } from "../../../runtime/listener.ts";
import { turn } from "../../../runtime/testing/turn.ts";
import { IpAddress } from "../../../stack/ip/address.ts";
import { Pair } from "./pair.ts";

const { ConnectionReset, ConnectionRefused } = Deno.errors;

async function readAll(flow: Flow): Promise<string> {
  return await new Response(flow.readable).text();
}

async function digest(blob: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", blob)).toHex();
}

Deno.test("what one side says the other hears, and both goodbyes end the connection", async () => {
  await using pair = new Pair();
  const [served, opened] = await pair.join();
  await opened.write(new TextEncoder().encode("hello"));
  await opened.closeWrite();
  assertEquals(await readAll(served), "hello");
  await served.write(new TextEncoder().encode("bye"));
  served.close();
  assertEquals(await readAll(opened), "bye");
  opened.close();
  assertEquals([await served.closed, await opened.closed], ["closed", "closed"]);
  assertEquals([pair.served.size, pair.opened.size], [0, 0]);
});

Deno.test("a handler that writes, closes and never reads is heard: 128 goodbyes", async () => {
  await using pair = new Pair();
  pair.listen(19, (flow) => {
    flow.write(new TextEncoder().encode("I made a string!"));
    flow.close();
  });
  const said = await Promise.all(Array.from({ length: 128 }, async () => {
    const flow = await pair.connect(19);
    await flow.write(new TextEncoder().encode("hi mom\n"));
    const text = await readAll(flow);
    flow.close();
    return [text, await flow.closed];
  }));
  assertEquals(said, new Array(128).fill(["I made a string!", "closed"]));
  await pair.servedAll();
  assertEquals([pair.served.graceful, pair.served.reset], [128, 0]);
  assertEquals(pair.server.stack.counters.tcp.segmentsRetransmitted, 0);
});

Deno.test("100 MB come back from an echo as they went", async () => {
  await using pair = new Pair();
  pair.listen(7, (flow) => void flow.readable.pipeTo(flow.writable));
  const flow = await pair.connect(7);
  const size = 100_000_000;
  const data = new Uint8Array(size);
  for (let at = 0; at < size; at += 65536) {
    crypto.getRandomValues(data.subarray(at, Math.min(at + 65536, size)));
  }
  const write = flow.write(data).then(() => flow.closeWrite());
  const back = new Uint8Array(size);
  let length = 0;
  for (let count; (count = await flow.read(back.subarray(length))) !== null; length += count) {
    if (length === size) break;
  }
  await write;
  assertEquals(length, size);
  assertEquals(await digest(back), await digest(data));
  flow.close();
  assertEquals(await flow.closed, "closed");
});

Deno.test("a peer that does not read suspends the writer, and no memory grows", async () => {
  await using pair = new Pair();
  const [served, opened] = await pair.join();
  let written = 0;
  const writing = (async () => {
    while (written < 10_000_000) written += await served.write(new Uint8Array(50_000));
    served.close();
  })();
  while (served.info().sendWindow > 0) await turn();
  for (let turns = 0; turns < 100; turns++) await turn();
  assert(written < 1_000_000, `${written} bytes went into buffers`);
  let read = 0;
  for await (const chunk of opened.readable) read += chunk.length;
  await writing;
  assertEquals(read, written);
  opened.close();
});

Deno.test("a reset reaches whoever waits on the other side, as a reset", async () => {
  await using pair = new Pair();
  const [served, opened] = await pair.join();
  const read = opened.read(new Uint8Array(1));
  served.abort();
  await assertRejects(() => read, ConnectionReset, "192.168.69.2:7");
  assertEquals([await opened.closed, await served.closed], ["reset", "aborted"]);
});

Deno.test("data that a reset destroyed is not taken for the end of the stream", async () => {
  await using pair = new Pair();
  const [served, opened] = await pair.join();
  await opened.write(new TextEncoder().encode("unread"));
  await opened.closeWrite();
  while (served.state !== "Close_wait") await turn();
  opened.abort();
  assertEquals(await served.closed, "reset");
  await assertRejects(() => served.read(new Uint8Array(10)), ConnectionReset);
});

Deno.test("a port that nobody listens on refuses", async () => {
  await using pair = new Pair();
  await assertRejects(() => pair.connect(1), ConnectionRefused, "192.168.69.2:1");
});

Deno.test("an attempt that is given up leaves nothing behind", async () => {
  await using pair = new Pair();
  const controller = new AbortController();
  const nobody = IpAddress.parse("192.168.69.77")!;
  const options = { port: 7, signal: controller.signal };
  const attempt = connectFlow(pair.client.stack, nobody, options, pair.opened);
  assertEquals(pair.client.stack.census().connections, 1);
  controller.abort();
  await assertRejects(() => attempt, DOMException);
  assertEquals(pair.client.stack.census().connections, 0);
});

Deno.test("what a handler writes later, with nothing arriving, leaves at once", async () => {
  await using pair = new Pair();
  const [served, opened] = await pair.join();
  served.setNoDelay(true);
  const buffer = new Uint8Array(1);
  const latencies: number[] = [];
  for (let i = 0; i < 20; i++) {
    for (let turns = 0; turns < 10; turns++) await turn(); // both drivers fall asleep
    const read = opened.read(buffer);
    const begun = performance.now();
    served.write(new Uint8Array([i]));
    await read;
    latencies.push(performance.now() - begun);
  }
  latencies.sort((a, b) => a - b);
  assert(latencies[10]! < 2, `median ${latencies[10]} ms`);
  opened.close();
  served.close();
  await opened.closed;
});

Deno.test("a thousand flows at once each get their own bytes", async () => {
  await using pair = new Pair();
  pair.listen(7, (flow) => void flow.readable.pipeTo(flow.writable));
  const flows = await Promise.all(Array.from({ length: 1000 }, () => pair.connect(7)));
  const echoes = await Promise.all(flows.map(async (flow, i) => {
    await flow.write(new TextEncoder().encode(`flow ${i}`));
    await flow.closeWrite();
    return await readAll(flow);
  }));
  assertEquals(echoes, flows.map((_, i) => `flow ${i}`));
  for (const flow of flows) flow.close();
  await Promise.all(flows.map((flow) => flow.closed));
  await pair.servedAll();
  assertEquals([pair.served.size, pair.opened.size], [0, 0]);
});
