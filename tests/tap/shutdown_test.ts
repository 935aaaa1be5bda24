import { assert, assertEquals, assertLess, assertNotEquals } from "@std/assert";
import { Packets } from "../support/capture.ts";
import { Directory } from "../support/directory.ts";
import type { Namespace } from "../support/namespace.ts";
import type { Process } from "../support/process.ts";
import { tapTest } from "../support/tap.ts";
import { clientCommand, STACK, startTaproom, tapConfig } from "../support/taproom.ts";
import type { HoldResult } from "./clients/hold.ts";

/** Fifty connections, each with a request answered. */
async function holdFifty(ns: Namespace): Promise<Process> {
  const client = ns.spawn(clientCommand("hold", [STACK, 80, 50]));
  await client.stdout.match(/open/);
  return client;
}

async function held(client: Process): Promise<HoldResult> {
  const { stdout } = await client.success();
  return JSON.parse(stdout.split("\n")[1]!) as HoldResult;
}

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  tapTest(`${signal} says goodbye to each of 50 open connections, and the exit status is 0`, [
    "tcpdump",
  ], async (ns) => {
    await using directory = await Directory.create();
    const own = directory.join("own.pcapng");
    const taproom = await startTaproom(ns, {
      config: tapConfig([{ port: 80, module: "http" }], { drainTimeout: 5 }),
      flags: ["--capture", own],
      permissions: [`--allow-write=${directory.path}`],
    });
    const client = await holdFifty(ns);
    const started = performance.now();
    taproom.kill(signal);
    assertEquals(await held(client), { ended: 50, reset: 0 });
    const { code, stderr } = await taproom.result;
    assertEquals(code, 0, stderr);
    assertLess(performance.now() - started, 5_000);
    const packets = new Packets(own);
    assertEquals(await packets.count(`src host ${STACK} and tcp[13] & 1 != 0`), 50, "our FINs");
    assertEquals(await packets.list("tcp[13] & 4 != 0"), [], "resets");
  });
}

/** A listener that never ends its flow and does not care that the runtime drains. */
const STUBBORN = `export default {
  async flow(flow) {
    await flow.write(new TextEncoder().encode("here"));
    await new Promise(() => {});
  },
};`;

tapTest("a second signal resets everything at once", ["nc"], async (ns) => {
  await using directory = await Directory.create();
  await directory.write("stubborn.ts", STUBBORN);
  const taproom = await startTaproom(ns, {
    directory,
    config: tapConfig([{ port: 99, module: "./stubborn.ts" }], { drainTimeout: 60 }),
    flags: ["--trace"],
  });
  const client = ns.spawn(["nc", STACK, "99"], { stdin: "open" });
  await client.stdout.match(/here/);
  const started = performance.now();
  taproom.kill("SIGTERM");
  await taproom.stderr.match(/drain/i);
  taproom.kill("SIGTERM");
  const { code, stderr } = await taproom.result;
  assert(performance.now() - started < 3_000, stderr);
  assertNotEquals(code, 143, "it ends by itself, not by the signal");
  await taproom.stderr.match(/Send_rst/);
  await client.result;
});

tapTest("a listener that never ends does not hang the exit past the drain time", [
  "nc",
], async (ns) => {
  await using directory = await Directory.create();
  await directory.write("stubborn.ts", STUBBORN);
  const taproom = await startTaproom(ns, {
    directory,
    config: tapConfig([{ port: 99, module: "./stubborn.ts" }], { drainTimeout: 1 }),
  });
  const client = ns.spawn(["nc", STACK, "99"], { stdin: "open" });
  await client.stdout.match(/here/);
  const started = performance.now();
  taproom.kill("SIGTERM");
  const { code, stderr } = await taproom.result;
  assertEquals(code, 0, stderr);
  assertLess(performance.now() - started, 3_000);
  client.kill(); // It was told goodbye and no more: its own side is still open.
  await client.result;
});
