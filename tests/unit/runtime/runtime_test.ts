import { assert, assertEquals, assertLess, assertMatch, assertRejects } from "@std/assert";
import type { Flow, Listener, ListenerContext } from "../../../runtime/listener.ts";
import { start } from "../../../runtime/runtime.ts";
import { turn } from "../../../runtime/testing/turn.ts";
import { Rig, runtimeConfig } from "./rig.ts";

const { ConnectionRefused, ConnectionReset } = Deno.errors;

const say = (text: string): Listener => ({
  async flow(flow) {
    await flow.write(new TextEncoder().encode(text));
  },
});

const forever = () => new Promise<void>(() => {});

const bytes = (text: string) => new TextEncoder().encode(text);

/** Reads one chunk of text. */
async function hear(flow: Flow): Promise<string | null> {
  const buffer = new Uint8Array(1000);
  const count = await flow.read(buffer);
  return count === null ? null : new TextDecoder().decode(buffer.subarray(0, count));
}

/** Lets everything happen that needs no time. */
async function settle(): Promise<void> {
  for (let turns = 0; turns < 20; turns++) await turn();
}

Deno.test("each port is served by its module, and a flow is closed when its handler is done", async () => {
  await using rig = await Rig.start({
    listeners: { 13: say("one"), 17: { flow: (flow) => void flow.write(bytes("two")) } },
  });
  assertEquals([await rig.ask(13), await rig.ask(17)], ["one", "two"]);
  assertEquals((await rig.runtime.drain()).reset, 0);
});

Deno.test("a module is loaded relative to the base, and built-ins by their names", async () => {
  await using rig = await Rig.start({ listeners: { 7: "echo", 19: "goodbye" } });
  assertEquals(await rig.ask(19), "I made a string!");
  assertEquals(rig.runtime.listeners.map(({ port, module, error }) => [port, module, error]), [
    [7, "echo", undefined],
    [19, "goodbye", undefined],
  ]);
});

Deno.test("a flow is Established when its handler gets it, not before", async () => {
  const states: string[] = [];
  await using rig = await Rig.start({
    listeners: { 7: { flow: (flow) => void states.push(flow.state) } },
    config: { trace: true },
  });
  await rig.ask(7);
  assertEquals(states, ["Established"]);
  const line = rig.log.find((line) => line.includes("->  { Established }"))!;
  assertMatch(
    line,
    /192\.168\.69\.1:\d+ \{ Syn_rcvd \d+ \} {2}- Recv_ack \d+ -> {2}\{ Established \}/,
  );
});

Deno.test("L20: a handler that never ends does not keep others from being served", async () => {
  let calls = 0;
  await using rig = await Rig.start({
    listeners: { 7: { flow: (flow) => ++calls === 1 ? forever() : say("hi").flow(flow, never) } },
  });
  const first = await rig.connect(7);
  assertEquals(await rig.ask(7), "hi");
  first.abort();
});

const never = undefined as unknown as ListenerContext;

Deno.test("L21: a handler that throws resets its own flow, and is logged with port and peer", async () => {
  const failures: Listener["flow"][] = [
    () => {
      throw new Error("thrown on purpose");
    },
    async () => {
      await undefined;
      throw new Error("rejected on purpose");
    },
  ];
  await using rig = await Rig.start({
    listeners: {
      7: { flow: (flow, context) => failures.shift()?.(flow, context) ?? forever() },
      13: say("fine"),
    },
  });
  for (const what of ["thrown on purpose", "rejected on purpose"]) {
    const flow = await rig.connect(7);
    await assertRejects(() => hear(flow), ConnectionReset);
    const peer = `${flow.localAddr.hostname}:${(flow.localAddr as Deno.NetAddr).port}`;
    const line = rig.log.find((line) => line.includes(what))!;
    assertMatch(line, new RegExp(`^error listener failed  port=7 peer=${peer} .*Error: ${what}`));
  }
  const alive = await rig.connect(7);
  assertEquals(await rig.ask(13), "fine");
  assertEquals(alive.state, "Established");
  assertEquals(rig.runtime.counters().tcp.connectionsAborted, 2);
});

Deno.test("a handler cut short by its peer's reset is no error of the module", async () => {
  await using rig = await Rig.start({
    listeners: { 7: { flow: (flow) => flow.readable.pipeTo(flow.writable) } },
  });
  const flow = await rig.connect(7);
  await settle();
  flow.abort();
  await settle();
  assertEquals(rig.log.filter((line) => line.startsWith("error")), []);
  assert(rig.log.some((line) => /^debug flow cut short.*reason=reset/.test(line)));
});

Deno.test("a module that fails to load or to start is named, and harms no other", async () => {
  await using rig = await Rig.start({
    listeners: {
      7: "data:text/javascript,throw new Error('broken on purpose')",
      9: {
        start() {
          throw new Error("start broken on purpose");
        },
        flow() {},
      },
      13: say("fine"),
    },
  });
  assertEquals(await rig.ask(13), "fine");
  await assertRejects(() => rig.connect(7), ConnectionRefused);
  await assertRejects(() => rig.connect(9), ConnectionRefused);
  const [one, two, three] = rig.runtime.listeners;
  assertMatch(one!.error!.message, /port 7 \(data:.*broken on purpose/);
  assertMatch(two!.error!.message, /port 9 .*it does not start: Error: start broken on purpose/);
  assertEquals(three!.error, undefined);
  assertEquals(rig.log.filter((line) => line.startsWith("error")).length, 2);
});

Deno.test("a module that hangs while it starts is named, and holds up no other", async () => {
  const go = Promise.withResolvers<void>();
  Object.assign(globalThis, { hungImport: go.promise });
  await using rig = await Rig.start({
    listeners: {
      7: { start: () => go.promise, flow: say("late").flow },
      9: "data:text/javascript,await globalThis.hungImport",
      13: say("fine"),
    },
  });
  assertEquals(await rig.ask(13), "fine");
  await assertRejects(() => rig.connect(7), ConnectionRefused);
  const warnings = rig.log.filter((line) => line.startsWith("warn"));
  assertEquals(warnings.length, 2);
  assertMatch(warnings[0]!, /^warn {1,2}still loading or starting.* port=7 .*module=/);
  assertMatch(warnings[1]!, / port=9 .*module=.*await globalThis/);
  assertEquals(rig.runtime.listeners.map(({ pending }) => pending), [true, true, false]);
  go.resolve();
  await settle();
  assertEquals(await rig.ask(7), "late");
});

Deno.test("a module that has started only when the runtime drains is stopped, not served", async () => {
  const go = Promise.withResolvers<void>();
  const calls: string[] = [];
  await using rig = await Rig.start({
    listeners: {
      7: { start: () => go.promise, flow() {}, stop: () => void calls.push("stop") },
    },
  });
  await rig.runtime.drain();
  await rig.runtime.loaded;
  go.resolve();
  await settle();
  assertEquals(calls, ["stop"]);
});

Deno.test("start comes before the first flow and stop after the last", async () => {
  const calls: string[] = [];
  await using rig = await Rig.start({
    listeners: {
      7: {
        start: (context) => void calls.push(`start ${context.port}`),
        async flow(flow, context) {
          calls.push("flow");
          await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
          await flow.write(bytes("bye"));
          calls.push("done");
        },
        stop: (context) => void calls.push(`stop ${context.port}`),
      },
    },
  });
  const asked = rig.ask(7);
  await settle();
  const drained = rig.runtime.drain();
  assertEquals(await asked, "bye");
  assertEquals(await drained, { graceful: 1, reset: 0 });
  assertEquals(calls, ["start 7", "flow", "done", "stop 7"]);
});

Deno.test("draining says goodbye on each of 50 idle flows that heed the signal, at once", async () => {
  await using rig = await Rig.start({
    listeners: {
      7: {
        flow: (_flow, { signal }) =>
          new Promise((resolve) => signal.addEventListener("abort", () => resolve())),
      },
    },
  });
  const flows = await Promise.all(Array.from({ length: 50 }, () => rig.connect(7)));
  const heard = flows.map(async (flow) => {
    const end = await hear(flow);
    flow.close();
    return end;
  });
  await settle();
  const begun = performance.now();
  assertEquals(await rig.runtime.drain(), { graceful: 50, reset: 0 });
  assertLess(performance.now() - begun, 500);
  assertEquals(await Promise.all(heard), new Array(50).fill(null));
});

Deno.test("draining closes the flows of a module that never looks at the signal", async () => {
  await using rig = await Rig.start({
    listeners: { 7: "echo", 9: { flow: forever } },
    config: { drainTimeout: 0.5 },
  });
  const flows = [await rig.connect(7), await rig.connect(9)];
  await flows[0]!.write(bytes("hello"));
  assertEquals(await hear(flows[0]!), "hello");
  const begun = performance.now();
  const drained = rig.runtime.drain();
  for (const flow of flows) {
    assertEquals(await hear(flow), null);
    flow.close();
  }
  assertEquals(await drained, { graceful: 2, reset: 0 });
  assertLess(performance.now() - begun, 400);
  assertEquals(rig.log.filter((line) => line.startsWith("error")), []);
});

Deno.test("a peer that does not close for its part is not waited for to the end", async () => {
  await using rig = await Rig.start({ listeners: { 7: { flow: () => {} } } });
  const flow = await rig.connect(7);
  assertEquals(await hear(flow), null);
  const begun = performance.now();
  assertEquals(await rig.runtime.drain(), { graceful: 1, reset: 0 });
  assertLess(performance.now() - begun, 3_000);
});

Deno.test("what does not answer until the end of the drain time is reset", async () => {
  await using rig = await Rig.start({
    listeners: { 7: { flow: forever } },
    config: { drainTimeout: 0.3 },
  });
  await rig.connect(7);
  await settle();
  await rig.client.close(); // gone without a word
  const begun = performance.now();
  assertEquals(await rig.runtime.drain(), { graceful: 0, reset: 1 });
  const took = performance.now() - begun;
  assert(took >= 299 && took < 1_000, `${took} ms`);
});

Deno.test("while the runtime drains new connections are refused", async () => {
  const end = Promise.withResolvers<void>();
  await using rig = await Rig.start({ listeners: { 7: { flow: () => end.promise } } });
  await using listener = disposable(rig.runtime.listen({ port: 8 }));
  const flow = await rig.connect(7);
  await settle();
  const drained = rig.runtime.drain();
  await assertRejects(() => rig.connect(7), ConnectionRefused);
  await assertRejects(() => rig.connect(8), ConnectionRefused);
  await assertRejects(() => listener.value.accept(), Deno.errors.BadResource);
  end.resolve();
  assertEquals(await hear(flow), null);
  flow.close();
  await drained;
});

function disposable<T extends { close(): void }>(value: T): { value: T } & AsyncDisposable {
  return {
    value,
    [Symbol.asyncDispose]() {
      value.close();
      return Promise.resolve();
    },
  };
}

Deno.test("abort cuts a drain short and resets what is left", async () => {
  await using rig = await Rig.start({
    listeners: { 7: { flow: (_flow, { signal }) => (signal.aborted, forever()) } },
  });
  const flow = await rig.connect(7);
  await settle();
  const drained = rig.runtime.drain();
  const heard = assertRejects(() => hear(flow), ConnectionReset);
  const begun = performance.now();
  assertEquals(await rig.runtime.abort(), { graceful: 0, reset: 1 });
  assertLess(performance.now() - begun, 300);
  assertEquals(await drained, { graceful: 0, reset: 1 });
  await heard;
});

Deno.test("a stop that hangs does not hang the exit", async () => {
  await using rig = await Rig.start({
    listeners: { 7: { flow() {}, stop: forever } },
    config: { drainTimeout: 0.2 },
  });
  const begun = performance.now();
  await rig.runtime.drain();
  assertLess(performance.now() - begun, 1_500);
  assert(rig.log.some((line) => line.includes("stop did not end in time")));
});

Deno.test("a handler connects outwards through its context", async () => {
  await using rig = await Rig.start({
    listeners: {
      7: {
        async flow(flow, { connect }) {
          using upstream = await connect({ hostname: "192.168.69.1", port: 99 });
          await upstream.readable.pipeTo(flow.writable);
        },
      },
    },
  });
  rig.client.stack.listen({ port: 99 }, (connection) => {
    const flow = rig.flows.adopt(connection);
    flow.write(bytes("from upstream"));
    flow.close();
  });
  assertEquals(await rig.ask(7), "from upstream");
});

Deno.test("a device that dies ends everything, and closed rejects with its error", async () => {
  await using rig = await Rig.start({ listeners: { 7: { flow: forever } } });
  await rig.connect(7);
  const { wait } = rig.device;
  rig.device.wait = () => Promise.reject(new Error("the device died on purpose"));
  rig.device.wake();
  await assertRejects(() => rig.runtime.closed, Error, "the device died on purpose");
  rig.device.wait = wait;
});

Deno.test("closed resolves when the runtime has ended, and drained again it says the same", async () => {
  await using rig = await Rig.start();
  const { runtime } = rig;
  const drained = await runtime.drain();
  await runtime.closed;
  assertEquals(await runtime.drain(), drained);
  assertEquals(await runtime.abort(), drained);
});

Deno.test("a capture has every frame and the transitions", async () => {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/trace.pcapng`;
  {
    await using rig = await Rig.start({
      listeners: { 7: say("captured text") },
      config: { capture: path },
    });
    await rig.ask(7);
    await rig.runtime.drain();
  }
  const file = new TextDecoder().decode(await Deno.readFile(path));
  assert(file.includes("captured text"));
  assertMatch(file, /Recv_ack \d+ -> {2}\{ Established \}/);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("a device that cannot be opened fails the start, and what was open is closed", async () => {
  let closed = 0;
  const rig = await Rig.start();
  await using _ = rig;
  rig.device.close = () => Promise.resolve(void closed++);
  const config = runtimeConfig([]);
  const interfaces = [config.interfaces[0]!, config.interfaces[0]!];
  let opened = 0;
  const openDevice = () => {
    if (opened++ === 0) return rig.device;
    throw new Error("no such device");
  };
  await assertRejects(() => start({ ...config, interfaces }, { openDevice }), Error, "no such");
  assertEquals(closed, 1);
});
