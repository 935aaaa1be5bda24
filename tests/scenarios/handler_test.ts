// TCP-SCENARIOS.md: listeners, their flows, and whoever waits on one (L18 to L21, C13, C18, C24, R1,
// R8, R9, D15).
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Flow } from "../../runtime/listener.ts";
import { gone } from "../../runtime/testing/gone.ts";
import { scenario } from "../../runtime/testing/scenario.ts";
import { patternBytes } from "../../runtime/testing/segment_script.ts";
import { countOf } from "../support/established.ts";

/** A flow that is served by nobody but the test, and what happens to it. */
async function flowOf(open: { win?: number } = {}) {
  const never = Promise.withResolvers<void>();
  const flows: Flow[] = [];
  const t = scenario({
    listen: 80,
    flow(flow) {
      flows.push(flow);
      return never.promise;
    },
  });
  const peer = t.peer();
  peer.open(open);
  await t.settle();
  return { t, peer, flow: flows[0]! };
}

/** What a promise came to, or `"pending"`. */
function outcome(promise: Promise<unknown>): { value: unknown } {
  const result: { value: unknown } = { value: "pending" };
  promise.then((value) => result.value = value, (error) => result.value = error.constructor);
  return result;
}

Deno.test("who waits in read gets what arrives without its being stored, the rest is", async () => {
  const { t, peer, flow } = await flowOf();
  const first = new Uint8Array(100);
  const reads = [flow.read(first), flow.read(new Uint8Array(50))];
  peer.send("PSH ACK seq=1 ack=1 len=150");
  assertEquals([t.stack.census().memory, await reads[0], await reads[1]], [0, 100, 50]);
  assertEquals(first, patternBytes(1, 100));
  t.advance(40);
  peer.expect("ACK seq=1 ack=151");
  // Ahead of its turn, then what was missing, more than is waited for, and the end.
  const last = flow.read(new Uint8Array(30));
  peer.send("ACK seq=251 ack=1 len=100");
  peer.send("ACK seq=151 ack=1 len=100");
  peer.send("FIN ACK seq=351 ack=1 len=10");
  peer.expect("ACK seq=1 ack=151");
  peer.expect("ACK seq=1 ack=362");
  const rest = new Uint8Array(400);
  assertEquals([await last, await flow.read(rest)], [30, 180]);
  assertEquals(rest.subarray(0, 180), patternBytes(181, 180));
  assertEquals([await flow.read(rest), t.stack.census().memory], [null, 0]);
  assertEquals(t.stack.counters.tcp.bytesReceived, 360);
});

Deno.test("L18: connect rejects at once when it is refused", async () => {
  const t = scenario();
  const peer = t.peer({ port: 80 });
  const flow = t.host.connect({ hostname: peer.address, port: 80 });
  await t.settle();
  peer.expect("SYN seq=0");
  peer.send("RST ACK seq=0 ack=1");
  await assertRejects(() => flow, Deno.errors.ConnectionRefused);
  assertEquals(t.now, 0);
  gone(t.stack);
});

Deno.test("L19: connect settles once: by the SYN-ACK, by the last timeout, or by its signal", async () => {
  const t = scenario();
  const peer = t.peer({ port: 80 });
  const answered = t.host.connect({ hostname: peer.address, port: 80 });
  await t.settle();
  peer.expect("SYN seq=0");
  peer.send("SYN ACK seq=0 ack=1");
  const flow = await answered;
  assertEquals([flow.state, flow.remoteAddr.port], ["Established", 80]);
  flow.abort();
  await t.settle();

  const silent = t.peer({ port: 81 });
  const late = outcome(t.host.connect({ hostname: silent.address, port: 81 }));
  await t.elapse(122_999);
  assertEquals(late.value, "pending");
  await t.elapse(1);
  assertEquals(late.value, Deno.errors.TimedOut);

  const controller = new AbortController();
  const given = outcome(
    t.host.connect({ hostname: silent.address, port: 81, signal: controller.signal }),
  );
  await t.settle();
  controller.abort();
  await t.settle();
  assertEquals(given.value, DOMException);
  gone(t.stack);
});

Deno.test("L20: a handler that never returns holds up nobody else", async () => {
  const served: number[] = [];
  const t = scenario({
    listen: 80,
    async flow(flow) {
      served.push(flow.remoteAddr.port);
      if (served.length === 1) await new Promise<never>(() => {});
      await flow.write(new TextEncoder().encode("hello"));
    },
  });
  const [first, second] = [t.peer(), t.peer()];
  first.open();
  await t.settle();
  second.open();
  await t.settle();
  second.expect("PSH FIN ACK seq=1 ack=1", "hello");
  first.expectNothing();
  assertEquals(served, [first.port, second.port]);
});

Deno.test("L21: a handler that throws or rejects loses its flow, and is logged with port and peer", async () => {
  for (const how of ["throws", "rejects"]) {
    const t = scenario({
      listen: 80,
      flow(flow) {
        if (flow.remoteAddr.port === 40000) {
          if (how === "throws") throw new Error("broken plugin");
          return Promise.reject(new Error("broken plugin"));
        }
      },
    });
    const peer = t.peer();
    peer.open();
    await t.settle();
    peer.expect("RST ACK seq=1 ack=1");
    assertEquals(
      t.host.log.map(({ level, properties }) => [
        level,
        properties.port,
        properties.peer,
        String(properties.error),
      ]),
      [["error", 80, "10.0.0.1:40000", "Error: broken plugin"]],
    );
    gone(t.stack);
    const next = t.peer();
    next.open();
    await t.settle();
    next.expect("FIN ACK seq=1 ack=1");
  }
});

Deno.test("L21: an accept callback of the stack that throws loses its connection alone", () => {
  const t = scenario({
    listen: 80,
    accept: () => {
      throw new Error("broken");
    },
  });
  const peer = t.peer();
  peer.open();
  peer.expect("RST ACK seq=1 ack=1");
  assertEquals(t.notices.map(({ type }) => type), ["listener-error"]);
  gone(t.stack);
});

Deno.test("C13: after the peer's FIN a flow reads the end and may still write", async () => {
  const { t, peer, flow } = await flowOf();
  peer.send("FIN ACK seq=1 ack=1", "bye!");
  await t.settle();
  peer.expect("ACK seq=1 ack=6");
  const buffer = new Uint8Array(10);
  assertEquals(await flow.read(buffer), 4);
  assertEquals(await flow.read(buffer), null);
  assertEquals(await flow.read(buffer), null);
  assertEquals(flow.state, "Close_wait");
  assertEquals(await flow.write(new TextEncoder().encode("ok")), 2);
  await t.settle();
  peer.expect("PSH ACK seq=1 ack=6", "ok");
  flow.close();
  await t.settle();
  peer.expect("FIN ACK seq=3 ack=6");
  peer.send("ACK");
  await t.settle();
  assertEquals(await flow.closed, "closed");
  gone(t.stack);
});

Deno.test("C18: two closes and a closed window: one FIN, and closed settles", async () => {
  const { t, peer, flow } = await flowOf({ win: 1000 });
  const written = outcome(flow.write(new Uint8Array(100_000)));
  flow.close();
  flow.close();
  const closed = [outcome(flow.closed), outcome(flow.closed)];
  await t.settle();
  peer.expect("ACK seq=1 len=1000");
  peer.send("ACK win=0");
  await t.elapse(100);
  peer.win = 65_535;
  let fins = 0;
  for (let i = 0; i < 1000 && fins === 0; i++) {
    peer.send("ACK");
    await t.settle();
    fins += countOf(peer.drain(), "FIN");
  }
  peer.send("FIN ACK");
  await t.settle();
  assertEquals([fins, peer.received().length, written.value], [1, 100_000, 100_000]);
  assertEquals(closed.map(({ value }) => value), ["closed", "closed"]);
});

Deno.test("C19: close after a reset settles at once and says nothing", async () => {
  const { t, peer, flow } = await flowOf();
  peer.send("RST seq=1");
  flow.close();
  flow.close();
  flow.abort();
  assertEquals(await flow.closed, "reset");
  await t.elapse(100_000);
  peer.expectNothing();
  gone(t.stack);
});

Deno.test("C24: a FIN and then a RST: the reader is told the end, once", async () => {
  const { t, peer, flow } = await flowOf();
  const first = outcome(flow.read(new Uint8Array(10)));
  peer.send("FIN ACK seq=1 ack=1");
  peer.send("RST seq=2");
  peer.send("FIN ACK seq=1 ack=1");
  await t.settle();
  assertEquals(first.value, null);
  assertEquals(await flow.closed, "reset");
});

Deno.test("R1: a reset rejects who reads and who writes, and is not the end of the stream", async () => {
  const { t, peer, flow } = await flowOf({ win: 1000 });
  const read = outcome(flow.read(new Uint8Array(10)));
  const write = outcome(flow.write(new Uint8Array(1_000_000)));
  await t.settle();
  peer.drain();
  peer.send("RST seq=1");
  await t.settle();
  assertEquals([read.value, write.value], [
    Deno.errors.ConnectionReset,
    Deno.errors.ConnectionReset,
  ]);
  assertEquals(await flow.closed, "reset");
  await assertRejects(() => flow.read(new Uint8Array(10)), Deno.errors.ConnectionReset);
  await assertRejects(() => flow.write(new Uint8Array(10)), Deno.errors.ConnectionReset);
  peer.expectNothing();
  gone(t.stack);
});

Deno.test("R8: who writes to a peer that has vanished is told after the last try", async () => {
  const { t, flow } = await flowOf();
  const write = outcome(flow.write(new Uint8Array(1_000_000)));
  await t.elapse(24 * 3_600_000);
  assertEquals([write.value, await flow.closed], [Deno.errors.TimedOut, "timeout"]);
  gone(t.stack);
});

Deno.test("R9: a reset wakes every waiter", async () => {
  const { t, peer, flow } = await flowOf({ win: 1000 });
  const waiters = [
    outcome(flow.read(new Uint8Array(10))),
    outcome(flow.write(new Uint8Array(1_000_000))),
    outcome(flow.write(new Uint8Array(10))),
    outcome(flow.write(new Uint8Array(10))),
    outcome(flow.readable.getReader().read()),
  ];
  await t.settle();
  assertEquals(waiters.map(({ value }) => value), new Array(5).fill("pending"));
  peer.send("RST seq=1");
  await t.settle();
  assertEquals(
    waiters.map(({ value }) => value),
    new Array(5).fill(Deno.errors.ConnectionReset),
  );
  assertEquals(await flow.closed, "reset");
});

Deno.test("D15: a peer that never reads suspends the writer, and memory stays bounded", async () => {
  let written = 0;
  let flow: Flow | undefined;
  const t = scenario({
    listen: 19,
    async flow(accepted) {
      flow = accepted;
      for (const line = new Uint8Array(74).fill(65);; written += line.length) {
        await accepted.write(line);
      }
    },
  });
  const peer = t.peer();
  peer.open({ win: 5000 });
  await t.settle();
  peer.drain();
  // It answers every probe, and takes nothing.
  for (let minutes = 0; minutes < 30; minutes++) {
    peer.send("ACK win=0");
    await t.elapse(60_000);
  }
  assert(written < 400_000, `${written} bytes were taken`);
  assert(flow!.info().sendQueued <= 256 * 1024);
  peer.send("RST seq=1");
  await t.settle();
  assertEquals(await flow!.closed, "reset");
});

Deno.test("there is no way to hold a connection before it is Established", async () => {
  const seen: string[] = [];
  const t = scenario({
    listen: 80,
    flow(flow) {
      seen.push(flow.state);
    },
  });
  const peer = t.peer();
  const outwards = t.peer({ port: 81 });
  const opening = outcome(t.host.connect({ hostname: outwards.address, port: 81 }));
  peer.send("SYN seq=0");
  await t.elapse(5000);
  assertEquals([seen, opening.value, t.host.flows.length], [[], "pending", 0]);
  // Neither module nor class of the public API makes one from less.
  const api = await import("../../mod.ts");
  const makers = Object.entries(api).filter(([name]) => /flow|connection|tcb/i.test(name));
  assertEquals(makers.map(([name]) => name), []);
});
