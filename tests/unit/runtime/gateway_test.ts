// The gateway between the kernel's loopback and a stack, in real time, on ports of 127.0.0.1.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { connect, type Socket } from "node:net";
import { Gateway } from "../../../runtime/device/gateway.ts";
import type { ConnectionFlow } from "../../../runtime/flow.ts";
import { FlowSet } from "../../../runtime/flow_set.ts";
import { NetworkInterface } from "../../../runtime/interface.ts";
import { turn } from "../../../runtime/testing/turn.ts";

const { AddrInUse, ConnectionReset } = Deno.errors;

/** A stack behind a gateway, and one port of 127.0.0.1 that leads to it. */
class Rig implements AsyncDisposable {
  readonly port: number;
  readonly gateway: Gateway;
  readonly flows = new FlowSet();
  readonly #near: NetworkInterface;
  readonly #handler: (flow: ConnectionFlow) => void;
  readonly #ready = Promise.withResolvers<void>();
  #running: Promise<unknown> | undefined;

  /** @param to The port of the stack; only 7 is listened on. */
  constructor(handler: (flow: ConnectionFlow) => void, { port = freePort(), to = 7 } = {}) {
    const device = { type: "gateway" as const, forward: { [port]: to } };
    const config = { device, addresses: ["192.168.69.2/24"], mtu: 1500 };
    this.port = port;
    this.gateway = new Gateway(device, config);
    this.#near = new NetworkInterface({ ...config, mac: "02:00:00:00:00:02" }, this.gateway.device);
    this.#handler = handler;
  }

  /** @param ready Whether the port of the stack is open from the start. */
  async open(ready = true): Promise<this> {
    await this.gateway.listen(this.#ready.promise);
    this.#running = Promise.all([this.#near.run(), this.gateway.run()]);
    if (ready) this.ready();
    return this;
  }

  ready(): void {
    this.#near.stack.listen({ port: 7 }, (connection) => {
      this.#handler(this.flows.adopt(connection));
    });
    this.#ready.resolve();
  }

  connect(): Promise<Deno.TcpConn> {
    return Deno.connect({ hostname: "127.0.0.1", port: this.port });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.gateway.close();
    await this.#near.close();
    await this.#running;
  }
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function echo(flow: ConnectionFlow): Promise<void> {
  await flow.readable.pipeTo(flow.writable).catch(() => {});
}

/** More than the kernel and the stacks buffer. */
const ANSWER = 20_000_000;

/** Says {@link ANSWER} bytes without having been asked. */
async function answer(flow: ConnectionFlow, progress = (_: number) => {}): Promise<void> {
  const chunk = new Uint8Array(50_000);
  try {
    for (let at = 0; at < ANSWER;) progress(at += await flow.write(chunk));
  } catch {
    // The client has left.
  }
  flow.close();
}

/** Reads to the end; says how much it was. */
async function length(client: Deno.TcpConn): Promise<number> {
  const buffer = new Uint8Array(65536);
  let sum = 0;
  for (let count; (count = await client.read(buffer)) !== null;) sum += count;
  return sum;
}

/** Waits until a number grows no more, as all buffers of kernel and stacks are full. */
async function standstill(written: () => number): Promise<void> {
  for (let still = 0, last = 0; still < 5000;) {
    await turn();
    still = written() === last && last > 0 ? still + 1 : 0;
    last = written();
  }
}

/** Waits until the flows of a rig have ended; says how. */
async function ended(rig: Rig): Promise<string[]> {
  return await Promise.all([...rig.flows].map((flow) => flow.closed));
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("a half-close is carried in, and the answer and the end are carried out", async () => {
  await using rig = await new Rig(echo).open();
  using client = await rig.connect();
  await client.write(bytes("hello"));
  await client.closeWrite();
  assertEquals(await new Response(client.readable).text(), "hello");
});

Deno.test("a half-close is carried out, and the client goes on", async () => {
  const heard = Promise.withResolvers<string>();
  await using rig = await new Rig(async (flow) => {
    await flow.write(bytes("bye"));
    await flow.closeWrite();
    heard.resolve(await new Response(flow.readable).text());
  }).open();
  using client = await rig.connect();
  const buffer = new Uint8Array(10);
  assertEquals(await client.read(buffer), 3);
  assertEquals(await client.read(buffer), null);
  await client.write(bytes("still here"));
  await client.closeWrite();
  assertEquals(await heard.promise, "still here");
});

Deno.test("a client that half-closes before it has sent anything gets the answer", async () => {
  await using rig = await new Rig(async (flow) => {
    await flow.write(bytes("bye"));
    flow.close();
  }).open();
  for (let round = 0; round < 50; round++) {
    using client = await rig.connect();
    await client.closeWrite();
    assertEquals(await new Response(client.readable).text(), "bye");
  }
});

Deno.test("it gets all of an answer that is longer than what the kernel buffers", async () => {
  await using rig = await new Rig(answer).open();
  using client = await rig.connect();
  await client.closeWrite();
  assertEquals(await length(client), ANSWER);
});

Deno.test("a client that half-closes in the middle of an answer gets the rest", async () => {
  let written = 0;
  await using rig = await new Rig((flow) => answer(flow, (count) => written = count)).open();
  using client = await rig.connect();
  await standstill(() => written);
  await client.closeWrite();
  assert(written < ANSWER, "all of it went into buffers");
  assertEquals(await length(client), ANSWER);
});

Deno.test("a client that half-closes and then leaves in the middle of its answer is a reset", async () => {
  let written = 0;
  await using rig = await new Rig((flow) => answer(flow, (count) => written = count)).open();
  const client = await rig.connect();
  await client.closeWrite();
  await standstill(() => written);
  client.close();
  assertEquals(await ended(rig), ["reset"]);
});

Deno.test("a listener that closes while the client still writes is heard to the end", async () => {
  const reason = Promise.withResolvers<string>();
  await using rig = await new Rig(async (flow) => {
    await flow.write(bytes("bye"));
    flow.close();
    reason.resolve(await flow.closed);
  }).open();
  using client = await rig.connect();
  for (let at = 0; at < 1_000_000;) at += await client.write(new Uint8Array(50_000));
  await client.closeWrite();
  assertEquals(await new Response(client.readable).text(), "bye");
  assertEquals(await reason.promise, "closed");
});

Deno.test("10 MB go both ways at once, unharmed", async () => {
  await using rig = await new Rig(echo).open();
  using client = await rig.connect();
  const data = new Uint8Array(10_000_000);
  for (let at = 0; at < data.length; at += 50_000) {
    crypto.getRandomValues(data.subarray(at, at + 50_000));
  }
  const [back] = await Promise.all([
    new Response(client.readable).bytes(),
    (async () => {
      for (let at = 0; at < data.length;) at += await client.write(data.subarray(at));
      await client.closeWrite();
    })(),
  ]);
  assert(back.length === data.length && back.every((byte, i) => byte === data[i]));
});

Deno.test("a client that does not read suspends the writer", async () => {
  const limit = 100_000_000;
  let written = 0;
  await using rig = await new Rig(async (flow) => {
    const chunk = new Uint8Array(65536);
    try {
      while (written < limit) written += await flow.write(chunk);
    } catch {
      // The client has left.
    }
  }).open();
  const client = await rig.connect();
  await standstill(() => written);
  assert(written < limit / 2, `${written} bytes went into buffers`);
  client.close();
  assertEquals(await ended(rig), ["reset"]);
});

Deno.test("a reset by the listener reaches the client as a reset", async () => {
  await using rig = await new Rig((flow) => {
    flow.read(new Uint8Array(10)).then(() => flow.abort());
  }).open();
  using client = await rig.connect();
  await client.write(bytes("x"));
  await assertRejects(() => client.read(new Uint8Array(1)), ConnectionReset);
});

Deno.test("a reset by the listener reaches a client that has half-closed without a word", async () => {
  await using rig = await new Rig((flow) => {
    flow.read(new Uint8Array(10)).then(() => flow.abort());
  }).open();
  using client = await rig.connect();
  await client.closeWrite();
  await assertRejects(() => client.read(new Uint8Array(1)), ConnectionReset);
});

Deno.test("a reset by the client reaches the listener as a reset", async () => {
  const failed = Promise.withResolvers<unknown>();
  await using rig = await new Rig(async (flow) => {
    const buffer = new Uint8Array(10);
    assertEquals(text(buffer.subarray(0, (await flow.read(buffer))!)), "x");
    await flow.write(bytes("y"));
    failed.resolve(await flow.read(buffer).catch((error) => error.name));
  }).open();
  const socket: Socket = connect(rig.port, "127.0.0.1");
  socket.write("x");
  await new Promise((resolve) => socket.once("data", resolve));
  socket.resetAndDestroy();
  assertEquals(await failed.promise, "ConnectionReset");
});

Deno.test("what a client writes after its flow has ended is answered by a reset", async () => {
  await using rig = await new Rig(async (flow) => {
    await flow.closeWrite();
    await flow.read(new Uint8Array(1));
    flow.abort();
  }).open();
  using client = await rig.connect();
  assertEquals(await length(client), 0);
  await assertRejects(async () => {
    while (true) await client.write(bytes("x"));
  });
});

Deno.test("a reset behind a half-close is found by the next thing that is said", async () => {
  const failed = Promise.withResolvers<unknown>();
  await using rig = await new Rig(async (flow) => {
    try {
      while (true) {
        await flow.write(bytes("x"));
        await turn();
      }
    } catch (error) {
      failed.resolve(error);
    }
  }).open();
  const socket: Socket = connect(rig.port, "127.0.0.1");
  socket.end();
  await new Promise((resolve) => socket.once("data", resolve));
  socket.resetAndDestroy();
  await failed.promise;
  assertEquals(await ended(rig), []);
});

Deno.test("a port that the stack refuses resets the client", async () => {
  await using rig = await new Rig(echo, { to: 8 }).open();
  await assertRejects(async () => {
    using client = await rig.connect();
    await client.read(new Uint8Array(1));
  }, ConnectionReset);
});

Deno.test("clients that come before everything is ready are carried when it is", async () => {
  await using rig = await new Rig(echo).open(false);
  using client = await rig.connect();
  await client.write(bytes("early"));
  for (let turns = 0; turns < 1000; turns++) await turn();
  rig.ready();
  const buffer = new Uint8Array(10);
  assertEquals(text(buffer.subarray(0, (await client.read(buffer))!)), "early");
});

Deno.test("a client that left before everything was ready leaves no flow behind", async () => {
  await using rig = await new Rig(echo).open(false);
  const socket: Socket = connect(rig.port, "127.0.0.1");
  await new Promise<void>((resolve) => socket.once("connect", resolve));
  socket.resetAndDestroy();
  using client = await rig.connect();
  await client.write(bytes("x"));
  for (let turns = 0; turns < 1000; turns++) await turn();
  rig.ready();
  await client.read(new Uint8Array(10));
  assertEquals(rig.flows.size, 1);
});

Deno.test("the end of the gateway resets a client that has not got all of its answer", async () => {
  let written = 0;
  const rig = await new Rig((flow) => answer(flow, (count) => written = count)).open();
  using client = await rig.connect();
  await standstill(() => written);
  await rig[Symbol.asyncDispose]();
  await assertRejects(() => length(client), ConnectionReset);
});

Deno.test("the end of the gateway takes nothing from a client that has got all of it", async () => {
  const rig = await new Rig(async (flow) => {
    await flow.read(new Uint8Array(1));
    await flow.write(new Uint8Array(1_000_000));
    flow.close();
  }).open();
  using client = await rig.connect();
  await client.write(bytes("x"));
  while (rig.flows.size === 0 || rig.gateway.delivers) await turn();
  await rig[Symbol.asyncDispose]();
  assertEquals(await length(client), 1_000_000);
});

Deno.test("draining lets nobody in, and those inside finish", async () => {
  await using rig = await new Rig(echo).open();
  using client = await rig.connect();
  await client.write(bytes("one"));
  const buffer = new Uint8Array(10);
  await client.read(buffer);
  assertEquals(rig.gateway.delivers, true);
  rig.gateway.drain();
  await assertRejects(() => rig.connect(), Deno.errors.ConnectionRefused);
  await client.write(bytes("two"));
  assertEquals(text(buffer.subarray(0, (await client.read(buffer))!)), "two");
  await client.closeWrite();
  assertEquals(await client.read(buffer), null);
  assertEquals(rig.gateway.delivers, false);
});

Deno.test("a port that somebody else has is refused by name", async () => {
  using other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = other.addr;
  const rig = new Rig(echo, { port });
  await assertRejects(() => rig.open(), AddrInUse, `port ${port} of 127.0.0.1 is in use`);
  await rig[Symbol.asyncDispose]();
});

Deno.test({
  name: "without the permission Deno's own words say which flag gives it",
  permissions: { net: false },
  fn: async () => {
    const device = { type: "gateway" as const, forward: { "8080": 80 } };
    const gateway = new Gateway(device, { addresses: ["192.168.69.2/24"], mtu: 1500 });
    await assertRejects(
      () => gateway.listen(Promise.resolve()),
      Deno.errors.NotCapable,
      'Requires net access to "127.0.0.1:8080", run again with the --allow-net flag',
    );
    await gateway.close();
  },
});
