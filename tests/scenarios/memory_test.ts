// Buffers that follow the path and the application, and the memory of a whole stack.
import { assert, assertEquals } from "@std/assert";
import { gone } from "../../runtime/testing/gone.ts";
import { network } from "../../runtime/testing/network.ts";
import { scenario } from "../../runtime/testing/scenario.ts";
import { patternBytes } from "../../runtime/testing/segment_script.ts";
import { established } from "../support/established.ts";

/** Mbit/s that arrive in the last half second of so many, over a path of 100 ms. */
async function rateAfter(
  seconds: number,
  rate: number,
  mtu: number,
  buffer?: number,
): Promise<number> {
  await using net = network({
    path: { delay: 50, rate, queue: rate / 8 / 5 },
    link: { mtu },
    tcp: buffer === undefined
      ? {}
      : { receiveBuffer: buffer, sendBuffer: buffer, memoryLimit: 4 * buffer },
  });
  let arrived = 0;
  await net.server.serve(9, {
    async flow(flow) {
      const target = new Uint8Array(65_536);
      for (let count; (count = await flow.read(target)) !== null;) arrived += count;
    },
  });
  const flow = await net.run(() => net.client.connect({ hostname: net.server.address, port: 9 }));
  const data = new Uint8Array(1 << 20);
  const writing = (async () => {
    while (true) await flow.write(data);
  })();
  writing.catch(() => {});
  await net.advance(seconds * 1000 - 500);
  const before = arrived;
  await net.advance(500);
  flow.abort();
  return (arrived - before) * 2 * 8 / 1e6;
}

Deno.test("a path of 1 Gbit/s and 100 ms is filled within 2 seconds, with buffers as they are", async () => {
  const rate = await rateAfter(2, 1e9, 1500);
  assert(rate > 900, `${rate} Mbit/s`);
});

Deno.test("a path of 10 Gbit/s and 100 ms is filled within 2 seconds where the limits allow", async () => {
  const rate = await rateAfter(2, 1e10, 65_521, 256 << 20);
  assert(rate > 9000, `${rate} Mbit/s`);
});

Deno.test("who reads at leisure gets a window that fits, not all there could be", async () => {
  await using net = network({ path: { delay: 5 } });
  await net.server.serve(9, {
    async flow(flow) {
      const target = new Uint8Array(65_536);
      for (let read = 0; read < 2_000_000; read++) {
        if (await flow.read(target.subarray(0, 500)) === null) return;
        await new Promise<void>((resolve) => later.push(resolve));
      }
    },
  });
  const later: (() => void)[] = [];
  const flow = await net.run(() => net.client.connect({ hostname: net.server.address, port: 9 }));
  flow.write(new Uint8Array(10_000_000)).catch(() => {});
  for (let i = 0; i < 2000; i++) {
    await net.advance(5);
    later.shift()?.();
  }
  const { receiveQueued, receiveWindow } = net.server.flows[0]!.info();
  assert(receiveQueued + receiveWindow <= 65_536, `${receiveQueued} + ${receiveWindow}`);
  flow.abort();
  await net.advance(1000);
  later.shift()?.();
});

Deno.test("peers that send what nobody reads do not exhaust memory, and nothing acknowledged is lost", () => {
  const limit = 1 << 20;
  const t = scenario({ listen: 80, tcp: { memoryLimit: limit } });
  const peers = Array.from({ length: 200 }, () => {
    const peer = t.peer();
    peer.open();
    return peer;
  });
  // Each goes on until it has filled its window or is no longer acknowledged.
  for (let i = 0; i < 50; i++) {
    for (const peer of peers) peer.send(`ACK seq=${peer.sndNxt} ack=1 len=1400`);
  }
  const acknowledged = peers.map((peer) => {
    t.advance(100);
    const last = peer.drain().at(-1);
    return last === undefined ? 0 : ((last.ack - peer.isn - 1) | 0);
  });
  const { memory } = t.stack.census();
  assert(memory <= limit + 200 * 2048, `${memory} bytes for a limit of ${limit}`);
  assert(t.stack.counters.tcp.droppedMemory > 0);
  acknowledged.forEach((count, i) => {
    assert(count > 0, `peer ${i} got nothing acknowledged`);
    assertEquals(t.accepted[i]!.read().subarray(0, count), patternBytes(1, count));
  });
  for (const { connection } of t.accepted) connection.abort();
  assertEquals(t.stack.census().memory, 0);
});

Deno.test("while memory is scarce windows are a few segments, and wide again when it is not", () => {
  const t = scenario({ listen: 80, tcp: { memoryLimit: 250_000 } });
  const hog = t.peer();
  hog.open();
  for (let i = 0; i < 46; i++) hog.send("ACK len=1400");
  const second = t.peer();
  second.open();
  for (let i = 0; i < 46; i++) second.send("ACK len=1400");
  const third = t.peer();
  third.open();
  for (let i = 0; i < 46; i++) third.send("ACK len=1400");
  hog.drain();
  second.drain();
  const poor = t.peer();
  poor.open();
  // The edge that the handshake has offered stays: the window closes as it is used.
  for (let i = 0; i < 60; i++) {
    poor.send("ACK len=1000");
    t.accepted[3]!.read();
  }
  const window = () => t.accepted[3]!.connection.info().receiveWindow;
  poor.drain();
  assert(window() <= 4 * 1460, `window of ${window()} while memory is scarce`);
  for (const app of t.accepted.slice(0, 3)) app.read();
  poor.send("ACK len=1000");
  t.accepted[3]!.read();
  poor.drain();
  assert(window() > 60_000, `window of ${window()} with memory to spare`);
});

Deno.test("a writer gets room with the congestion window, and little while memory is scarce", () => {
  const { peer, app } = established({ tcp: { memoryLimit: 1 << 20 } });
  const first = app.connection.write(new Uint8Array(1 << 20));
  assertEquals(first, 262_144);
  peer.drain();
  assertEquals(app.connection.writableBytes, 0);
  const { t, peer: other, app: writer } = established({ tcp: { memoryLimit: 65_536 } });
  assertEquals(writer.connection.write(new Uint8Array(1 << 20)), 65_536);
  assertEquals(writer.connection.writableBytes, 0);
  other.drain();
  const next = t.peer();
  next.open();
  const poor = t.accepted[1]!;
  assertEquals(poor.connection.write(new Uint8Array(1 << 20)), 2048);
  next.drain();
  next.send("ACK ack=2049");
  assert(poor.connection.write(new Uint8Array(1 << 20)) > 0, "a connection stands still");
  for (const { connection } of t.accepted) connection.abort();
  t.advance(0);
  gone(t.stack);
  assertEquals(t.stack.census().memory, 0);
});

Deno.test("a byte at the far edge of its window takes no memory from others, and is reported no more", () => {
  const limit = 1 << 20;
  const t = scenario({ listen: 80, tcp: { memoryLimit: limit } });
  const peers = Array.from({ length: 40 }, () => t.peer());
  for (const peer of peers) peer.open({ options: "sackok" });
  for (const peer of peers) peer.send("ACK seq=60001 ack=1 len=1");
  const { tcp } = t.stack.counters;
  assertEquals(t.stack.census().memory, 9 * 65_536, "up to half of it is had for nothing");
  assertEquals([tcp.segmentsOutOfOrder, tcp.droppedMemory], [9, 31]);
  assert(t.accepted[39]!.connection.write(new Uint8Array(limit)) >= 131_072);
  t.accepted[39]!.connection.abort();
  t.advance(1000);
  assertEquals([t.stack.census().memory, tcp.aheadPruned], [0, 9]);
  const peer = peers[0]!;
  peer.drain();
  peer.send("ACK seq=2001 ack=1 len=1000");
  peer.expect("ACK ack=1 sack=2001-3001");
  peer.send("ACK seq=1 ack=1 len=2000");
  peer.expect("ACK ack=3001 sack=none");
  assertEquals(t.accepted[0]!.read(), patternBytes(1, 3000));
});

Deno.test("while memory is plentiful, what came out of order stays, however far ahead and how long", () => {
  const { t, peer, app } = established({}, { options: "sackok" });
  peer.send("ACK seq=60001 ack=1 len=1");
  t.advance(3_600_000);
  peer.drain();
  for (let seq = 1; seq < 60_001; seq += 1000) peer.send(`ACK seq=${seq} ack=1 len=1000`);
  assertEquals(app.read(), patternBytes(1, 60_001));
  assertEquals(t.stack.counters.tcp.aheadPruned, 0);
});

Deno.test("while memory is scarce, out-of-order data waits five seconds; what is in order stays", () => {
  const t = scenario({ listen: 80, tcp: { memoryLimit: 100_000 } });
  const [ahead, unread] = [t.peer(), t.peer()];
  ahead.open();
  unread.open();
  ahead.send("ACK seq=1 ack=1 len=1000");
  for (let seq = 2001; seq < 60_001; seq += 1000) ahead.send(`ACK seq=${seq} ack=1 len=1000`);
  for (let seq = 1; seq < 20_001; seq += 1000) unread.send(`ACK seq=${seq} ack=1 len=1000`);
  const waiting = () => t.accepted[0]!.connection.info().receiveAhead;
  t.advance(4900);
  assertEquals([t.stack.census().memory, waiting()], [98_304, 58_000]);
  t.advance(1100);
  // And the one buffer is as small again as what it holds.
  assertEquals([t.stack.census().memory, waiting()], [34_816, 0]);
  assertEquals(t.stack.counters.tcp.aheadPruned, 1);
  assertEquals(t.accepted[0]!.read(), patternBytes(1, 1000));
  assertEquals(t.accepted[1]!.read(), patternBytes(1, 20_000));
});

Deno.test("while memory is neither scarce nor plentiful, dense out-of-order data stays", () => {
  const { t, peer, app } = established({ tcp: { memoryLimit: 100_000 } });
  for (let seq = 1001; seq < 60_001; seq += 1000) peer.send(`ACK seq=${seq} ack=1 len=1000`);
  t.advance(60_000);
  assertEquals([t.stack.census().memory, app.connection.info().receiveAhead], [65_536, 59_000]);
});

Deno.test("what lies beyond the peer's FIN takes no memory", () => {
  const { t, peer } = established();
  peer.send("ACK seq=30001 ack=1 len=1");
  assertEquals(t.stack.census().memory, 32_768);
  peer.send("FIN ACK seq=1 ack=1");
  assertEquals(t.stack.census().memory, 0);
});
