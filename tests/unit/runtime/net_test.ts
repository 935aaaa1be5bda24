// listen() and connect() as a library: of a runtime, and of the one that was started last.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { loopbackPair } from "../../../runtime/device/loopback.ts";
import { connect, listen } from "../../../runtime/net.ts";
import type { Runtime } from "../../../runtime/api.ts";
import { start } from "../../../runtime/runtime.ts";
import { Rig, runtimeConfig } from "./rig.ts";

const { AddrInUse, AddrNotAvailable, BadResource, ConnectionRefused, NotConnected, NotSupported } =
  Deno.errors;

/** A runtime at 192.168.69.1 and one at 192.168.69.2, joined by a wire. */
async function twoRuntimes(): Promise<[Runtime, Runtime]> {
  const devices = loopbackPair();
  const started = devices.map((device, i) => {
    const { interfaces: [one], ...rest } = runtimeConfig([], { drainTimeout: 0.2 });
    const mac = `02:00:00:00:00:0${i + 1}`;
    const interfaces = [{ ...one!, mac, addresses: [`192.168.69.${i + 1}/24`] }];
    return start({ ...rest, interfaces }, { openDevice: () => device });
  });
  return [await started[0]!, await started[1]!];
}

Deno.test("a program listens and connects between two runtimes as it would with Deno", async () => {
  const [one, two] = await twoRuntimes();
  await using _one = one, _two = two;
  const listener = two.listen({ port: 7 });
  assertEquals(listener.addr, { transport: "tcp", hostname: "0.0.0.0", port: 7 });
  const serving = (async () => {
    for await (const flow of listener) {
      await flow.readable.pipeTo(flow.writable);
      listener.close();
    }
  })();
  using flow = await one.connect({ hostname: "192.168.69.2", port: 7 });
  assertEquals(flow.remoteAddr, { transport: "tcp", hostname: "192.168.69.2", port: 7 });
  await flow.write(new TextEncoder().encode("hello"));
  await flow.closeWrite();
  assertEquals(await new Response(flow.readable).text(), "hello");
  await serving;
});

Deno.test("port 0 chooses a free one, and the address says which", async () => {
  await using rig = await Rig.start();
  const { runtime } = rig;
  using one = runtime.listen({ port: 0 });
  using two = runtime.listen();
  assert(one.addr.port >= 49152 && two.addr.port >= 49152);
  assert(one.addr.port !== two.addr.port);
  const accepted = two.accept();
  const flow = await rig.connect(two.addr.port);
  assertEquals((await accepted).localAddr, {
    transport: "tcp",
    hostname: "192.168.69.2",
    port: two.addr.port,
  });
  flow.abort();
});

Deno.test("a port is taken by a listener of the config as by one of the program", async () => {
  await using rig = await Rig.start({ listeners: { 7: "echo" } });
  const { runtime } = rig;
  assertThrows(() => runtime.listen({ port: 7 }), AddrInUse, "port 7");
  const listener = runtime.listen({ port: 8 });
  assertThrows(() => runtime.listen({ port: 8, hostname: "192.168.69.2" }), AddrInUse, "port 8");
  listener.close();
  runtime.listen({ port: 8, hostname: "192.168.69.2" }).close();
});

Deno.test("listening on what is not there is refused, and what was expected is said", async () => {
  await using rig = await Rig.start();
  const { runtime } = rig;
  const on = (options: { port?: number; hostname?: string }) => () => runtime.listen(options);
  assertThrows(on({ port: 65536 }), RangeError, "port 65536: expected a whole number from 0");
  assertThrows(on({ port: -1 }), RangeError, "port -1");
  assertThrows(on({ port: 1.5 }), TypeError, "port 1.5");
  assertThrows(on({ hostname: "10.0.0.1" }), AddrNotAvailable, "192.168.69.2/24");
  assertThrows(on({ hostname: "localhost" }), NotSupported, '"localhost"');
});

Deno.test("connecting to what cannot be reached rejects, and says why", async () => {
  await using rig = await Rig.start();
  const { runtime } = rig;
  const to = (hostname: string, port = 7) => () => runtime.connect({ hostname, port });
  await assertRejects(to("192.168.69.1"), ConnectionRefused, "192.168.69.1:7");
  await assertRejects(to("example.com"), NotSupported, 'hostname "example.com": expected an IPv4');
  await assertRejects(to("192.168.69.1", 0), RangeError, "from 1 to 65535");
  await assertRejects(to("10.0.0.1"), Deno.errors.NetworkUnreachable);
});

Deno.test("an aborted signal gives an attempt up, before and during it", async () => {
  await using rig = await Rig.start();
  const to = { hostname: "192.168.69.77", port: 7 }; // nobody has this address
  const reason = new Error("changed my mind");
  await assertRejects(
    () => rig.runtime.connect({ ...to, signal: AbortSignal.abort(reason) }),
    Error,
    "changed my mind",
  );
  const controller = new AbortController();
  const attempt = rig.runtime.connect({ ...to, signal: controller.signal });
  controller.abort(reason);
  await assertRejects(() => attempt, Error, "changed my mind");
  const plain = new AbortController();
  const other = rig.runtime.connect({ ...to, signal: plain.signal });
  plain.abort();
  await assertRejects(() => other, DOMException, "aborted");
});

Deno.test("a signal that is aborted after the connection is made does nothing to it", async () => {
  const [one, two] = await twoRuntimes();
  await using _one = one, _two = two;
  using listener = two.listen({ port: 7 });
  const accepted = listener.accept();
  const controller = new AbortController();
  using flow = await one.connect({
    hostname: "192.168.69.2",
    port: 7,
    signal: controller.signal,
  });
  using _ = await accepted;
  controller.abort();
  assertEquals(flow.state, "Established");
});

Deno.test("attempts that nobody looks at fail without harm, also when the runtime ends", async () => {
  await using rig = await Rig.start();
  rig.runtime.connect({ hostname: "192.168.69.77", port: 7 });
  rig.runtime.connect({ hostname: "nobody", port: 7 });
  await rig.runtime.drain();
  const late = rig.runtime.connect({ hostname: "192.168.69.1", port: 7 });
  await assertRejects(() => late, BadResource, "the runtime has ended");
  assertThrows(() => rig.runtime.listen({ port: 7 }), BadResource);
});

Deno.test("the functions of the module use the runtime that was started last", async () => {
  assertThrows(() => listen({ port: 7 }), NotConnected, "expected a call of start()");
  await assertRejects(() => connect({ hostname: "192.168.69.1", port: 7 }), NotConnected);
  const [one, two] = await twoRuntimes();
  {
    await using _one = one, _two = two;
    using listener = listen({ port: 7 }); // of two
    const accepted = listener.accept();
    using flow = await one.connect({ hostname: "192.168.69.2", port: 7 });
    (await accepted).close();
    assertEquals(await flow.read(new Uint8Array(1)), null);
  }
  assertThrows(() => listen({ port: 7 }), NotConnected);
});

Deno.test("on several interfaces a port is open on all, and each peer reached by its own", async () => {
  const [a, farA] = loopbackPair();
  const [b, farB] = loopbackPair();
  const devices = [a, b];
  const config = runtimeConfig([{ port: 7, module: "echo" }], { drainTimeout: 0.2 });
  const one = config.interfaces[0]!;
  const interfaces = [one, { ...one, addresses: ["10.0.0.2/8"], mac: "02:00:00:00:00:03" }];
  const openDevice = () => devices.shift()!;
  await using runtime = await start({ ...config, interfaces }, { openDevice });
  await using left = await start(
    { ...runtimeConfig([], { drainTimeout: 0.2 }), interfaces: [at("192.168.69.1/24", 1)] },
    { openDevice: () => farA },
  );
  await using right = await start(
    { ...runtimeConfig([], { drainTimeout: 0.2 }), interfaces: [at("10.0.0.1/8", 1)] },
    { openDevice: () => farB },
  );
  for (const [peer, hostname] of [[left, "192.168.69.2"], [right, "10.0.0.2"]] as const) {
    using flow = await peer.connect({ hostname, port: 7 });
    await flow.write(new Uint8Array(3));
    assertEquals(await flow.read(new Uint8Array(10)), 3);
  }
  // On all or on none.
  const taken = runtime.listen({ port: 8, hostname: "10.0.0.2" });
  assertThrows(() => runtime.listen({ port: 8 }), AddrInUse);
  runtime.listen({ port: 8, hostname: "192.168.69.2" }).close();
  taken.close();

  using listener = right.listen({ port: 9 });
  const accepted = listener.accept();
  using out = await runtime.connect({ hostname: "10.0.0.1", port: 9 });
  assertEquals((await accepted).remoteAddr.hostname, "10.0.0.2");
  assertEquals(out.localAddr.hostname, "10.0.0.2");
  assertEquals(runtime.counters().tcp.passiveOpens, 2);

  function at(address: string, host: number) {
    return { ...one, addresses: [address], mac: `02:00:00:00:01:0${host}` };
  }
});
