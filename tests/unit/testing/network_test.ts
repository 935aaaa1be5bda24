import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Listener } from "../../../runtime/listener.ts";
import { gone } from "../../../runtime/testing/gone.ts";
import { network } from "../../../runtime/testing/network.ts";
import { patternBytes } from "../../../runtime/testing/segment_script.ts";

const echo: Listener = { flow: (flow) => flow.readable.pipeTo(flow.writable) };

Deno.test("a listener is tested with a client in the same process, in no time", async () => {
  await using net = network();
  net.server.serve(7, echo);
  const answer = await net.run(async () => {
    const flow = await net.client.connect({ hostname: "10.0.0.2", port: 7 });
    await flow.write(new TextEncoder().encode("hello"));
    await flow.closeWrite();
    return await new Response(flow.readable).text();
  });
  assertEquals(answer, "hello");
});

Deno.test("what one host sends reaches only whom it is for, among many hosts", async () => {
  await using net = network({ stations: 5 });
  for (const host of net.hosts) host.serve(7, echo);
  await net.run(() =>
    Promise.all(net.hosts.map(async (from) => {
      for (const to of net.hosts) {
        if (to === from) continue;
        const flow = await from.connect({ hostname: to.address, port: 7 });
        await flow.write(new TextEncoder().encode(`${from.address} to ${to.address}`));
        await flow.closeWrite();
        assertEquals(
          await new Response(flow.readable).text(),
          `${from.address} to ${to.address}`,
        );
      }
    }))
  );
  await net.advance(60_000);
  for (const { stack } of net.hosts) gone(stack);
});

Deno.test("over a bad line everything arrives, and takes virtual time only", async () => {
  await using net = network({
    seed: 3,
    path: {
      delay: 30,
      jitter: 10,
      loss: 0.05,
      duplicate: 0.02,
      corrupt: 0.01,
      reorder: { probability: 0.02, delay: 40 },
      rate: 10_000_000,
    },
  });
  net.server.serve(7, echo);
  const data = patternBytes(1, 300_000);
  const start = performance.now();
  const answer = await net.run(async () => {
    const flow = await net.client.connect({ hostname: "10.0.0.2", port: 7 });
    const sent = flow.write(data).then(() => flow.closeWrite());
    const received = new Uint8Array(await new Response(flow.readable).arrayBuffer());
    await sent;
    return received;
  });
  assertEquals(answer, data);
  assert(net.now > 1000, `only ${net.now} ms`);
  assert(performance.now() - start < 5000);
});

Deno.test("the same seed gives the same run, another seed another one", async () => {
  const transcript = async (seed: number) => {
    await using net = network({ seed, path: { loss: 0.2, delay: 5 } });
    net.server.serve(7, echo);
    await net.run(async () => {
      const flow = await net.client.connect({ hostname: "10.0.0.2", port: 7 });
      await flow.write(new Uint8Array(20_000));
      await flow.closeWrite();
      await new Response(flow.readable).arrayBuffer();
    });
    return `${net.now} ${net.transitions.join("\n")}`;
  };
  assertEquals(await transcript(1), await transcript(1));
  assert(await transcript(1) !== await transcript(2));
});

Deno.test("a promise that nothing can settle any more is an error that shows who waits", async () => {
  await using net = network({ patience: 10 });
  net.server.serve(7, {
    async flow(flow, { log }) {
      log.info("here I am");
      await flow.read(new Uint8Array(1));
    },
  });
  const error = await assertRejects(() =>
    net.run(async () => {
      const flow = await net.client.connect({ hostname: "10.0.0.2", port: 7 });
      await flow.read(new Uint8Array(1));
    }), Error);
  assert(error.message.includes("nothing is left to happen"), error.message);
  assert(/port 7 - 10\.0\.0\.1:\d+ Established/.test(error.message), error.message);
  assert(error.message.includes("info on port 7: here I am"), error.message);
});

Deno.test("a promise that takes too much virtual time is an error", async () => {
  await using net = network({ patience: 10, limit: 60_000 });
  const error = await assertRejects(() =>
    net.run(async () => {
      await net.client.connect({ hostname: "10.0.0.9", port: 7 });
      await net.client.connect({ hostname: "10.0.0.9", port: 7 });
    })
  );
  assert(String(error).includes("10.0.0.9") || String(error).includes("time limit"), String(error));
});

Deno.test("what happens outside the network is waited for", async () => {
  await using net = network();
  net.server.serve(7, {
    async flow(flow) {
      const text = await Deno.readTextFile(new URL(import.meta.url));
      await flow.write(new TextEncoder().encode(text.slice(0, 6)));
    },
  });
  const answer = await net.run(async () => {
    const flow = await net.client.connect({ hostname: "10.0.0.2", port: 7 });
    const text = await new Response(flow.readable).text();
    await flow.closeWrite();
    return text;
  });
  assertEquals(answer, "import");
});

Deno.test("a listener that throws is logged with port and peer", async () => {
  await using net = network();
  net.server.serve(7, {
    flow() {
      throw new Error("not today");
    },
  });
  await net.run(async () => {
    const flow = await net.client.connect({ hostname: "10.0.0.2", port: 7 });
    await assertRejects(() => flow.read(new Uint8Array(1)), Deno.errors.ConnectionReset);
  });
  const [line] = net.server.log;
  assertEquals([line?.level, line?.properties.port], ["error", 7]);
  assert(/^10\.0\.0\.1:\d+$/.test(String(line?.properties.peer)));
  assertEquals(String(line?.properties.error), "Error: not today");
});

Deno.test("start comes before the port is open, stop after; the signal tells of the drain", async () => {
  await using net = network();
  const calls: string[] = [];
  const serving = await net.server.serve(7, {
    start: ({ signal }) => {
      calls.push("start");
      signal.addEventListener("abort", () => calls.push("drain"));
    },
    stop: () => void calls.push("stop"),
    flow: () => {},
  });
  await net.server.drain();
  await serving.close();
  assertEquals(calls, ["start", "drain", "stop"]);
  await assertRejects(
    () => net.run(net.client.connect({ hostname: "10.0.0.2", port: 7 })),
    Deno.errors.ConnectionRefused,
  );
});

Deno.test("a host's line may be cut and mended", async () => {
  await using net = network();
  net.server.serve(7, echo);
  const flow = await net.run(net.client.connect({ hostname: "10.0.0.2", port: 7 }));
  net.server.impair({ down: true });
  await flow.write(new TextEncoder().encode("x"));
  await net.advance(2000);
  net.server.impair({});
  assertEquals(await net.run(flow.read(new Uint8Array(10))), 1);
});

Deno.test("two runs at the same time are refused", async () => {
  await using net = network();
  const first = net.advance(1000);
  await assertRejects(() => net.advance(1000), Error, "driven already");
  await first;
});
