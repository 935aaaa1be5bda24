// Section F of the scenarios: the goodbye, on a real TAP.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Capture } from "../support/capture.ts";
import { Directory } from "../support/directory.ts";
import type { Namespace } from "../support/namespace.ts";
import { tapTest } from "../support/tap.ts";
import { assertWithin } from "../support/within.ts";
import { HOST, runClient, STACK, startTaproom, tapConfig } from "../support/taproom.ts";
import type { FirstByteResult } from "./clients/first_byte.ts";
import type { TalkResult } from "./clients/talk_past_goodbye.ts";

const GOODBYE = "I made a string!";
const FROM_US = `src host ${STACK}`;
const RST = "tcp[13] & 4 != 0";

/** 128 times side by side, each ended after 2 s if it has not ended by itself. */
const PEERS = `
  for i in $(seq 128); do
    (echo "hi mom" | timeout 2 nc ${STACK} 19 > "$1/$i"; echo $? >> "$1/status") &
  done
  wait
`;

/** Waits until the host's TCP has nothing left to say: every connection is gone or in TIME-WAIT. */
async function quiet(ns: Namespace): Promise<string> {
  for (const deadline = performance.now() + 3_000;;) {
    const { stdout } = await ns.run(["ss", "-Htan"]);
    const open = stdout.split("\n").filter((line) => line !== "" && !line.startsWith("TIME-WAIT"));
    if (open.length === 0 || performance.now() > deadline) return open.join("\n");
  }
}

tapTest("G1 and G3: 128 goodbyes side by side, each said once, at once, and to the end", [
  "nc",
  "ss",
  "capture",
  "tshark",
], async (ns) => {
  await startTaproom(ns, { config: tapConfig([{ port: 19, module: "goodbye" }]) });
  await assertWithin(50, () => sayGoodbyes(ns));
});

/** Returns the longest time from SYN to first byte, in milliseconds. */
async function sayGoodbyes(ns: Namespace): Promise<number> {
  await using directory = await Directory.create();
  await using said = await Directory.create();
  const capture = await Capture.start(ns, directory.join("goodbye.pcap"));
  // What is timed is Taproom, not how long 256 new programs wait for one of few processors: they
  // give way.
  await ns.run(["nice", "-n", "19", "sh", "-c", PEERS, "peers", said.path]);
  assertEquals(await quiet(ns), "", "connections left on the host");
  const packets = await capture.stop();

  const statuses = (await Deno.readTextFile(said.join("status"))).trim().split("\n");
  assertEquals(statuses, Array(128).fill("0"), "exit statuses (124: not ended within 2 s)");
  for (let peer = 1; peer <= 128; peer++) {
    assertEquals(await Deno.readTextFile(said.join(String(peer))), GOODBYE);
  }
  assertEquals(await packets.count(`${FROM_US} and tcp[13] & 1 != 0`), 128, "our FINs");
  assertEquals(await packets.count(`${FROM_US} and tcp[13] & 0x12 == 0x12`), 128, "our SYN-ACKs");
  assertEquals(await packets.list(RST), [], "resets in either direction");
  assertEquals(await packets.faults(), []);

  const first = await packets.fields(
    `ip.src == ${STACK} && tcp.len == ${GOODBYE.length}`,
    ["tcp.stream", "tcp.time_relative"],
  );
  assertEquals(new Set(first.map(([stream]) => stream)).size, 128);
  return Math.max(...first.map(([_, seconds]) => Number(seconds) * 1000));
}

tapTest(
  "G3: connect to first byte is below 50 ms, 256 times one after the other",
  [],
  async (ns) => {
    await startTaproom(ns, { config: tapConfig([{ port: 19, module: "goodbye" }]) });
    await assertWithin(50, async () => {
      const result = await runClient<FirstByteResult>(ns, "first_byte", [STACK, 19, 256]);
      assertEquals(result.texts, [GOODBYE]);
      return result.slowest;
    });
  },
);

tapTest("G2: unread bytes, and bytes after close(), do not turn the goodbye into a reset", [
  "capture",
  "tshark",
], async (ns) => {
  await using directory = await Directory.create();
  await startTaproom(ns, { config: tapConfig([{ port: 19, module: "goodbye" }]) });
  const capture = await Capture.start(ns, directory.join("unread.pcap"));
  const args = [STACK, 19, 5_000, 5_000];
  const result = await runClient<TalkResult>(ns, "talk_past_goodbye", args);
  assertEquals(result, { text: GOODBYE, ended: true, sent: 5_000, reset: false });
  assertEquals(await quiet(ns), "");
  const packets = await capture.stop();
  assertEquals(await packets.list(RST), []);
  assertEquals(await packets.count(`${FROM_US} and tcp[13] & 1 != 0`), 1);
  assertEquals(await packets.faults(), []);
});

tapTest("G2: a peer that goes on sending past the bound is reset", [], async (ns) => {
  await startTaproom(ns, { config: tapConfig([{ port: 19, module: "goodbye" }]) });
  const args = [STACK, 19, 0, 256 * 2 ** 20];
  const result = await runClient<TalkResult>(ns, "talk_past_goodbye", args);
  assertEquals(result.text, GOODBYE);
  assert(result.reset, `it took ${result.sent} bytes`);
});

tapTest("G2: abort() resets at once", ["capture"], async (ns) => {
  await using directory = await Directory.create();
  await directory.write(
    "abort.ts",
    `export default {
      async flow(flow) {
        await flow.read(new Uint8Array(1));
        flow.abort();
      },
    };`,
  );
  await startTaproom(ns, {
    directory,
    config: tapConfig([{ port: 99, module: "./abort.ts" }]),
  });
  const capture = await Capture.start(ns, directory.join("abort.pcap"));
  const args = [STACK, 99, 1, 1];
  const result = await runClient<TalkResult>(ns, "talk_past_goodbye", args);
  assertEquals(result, { text: "", ended: false, sent: 0, reset: true });
  const packets = await capture.stop();
  assertEquals(await packets.count(`${FROM_US} and ${RST}`), 1);
  assertEquals(await packets.count(`${FROM_US} and tcp[13] & 1 != 0`), 0, "FINs");
});

tapTest("G4: our own connection to the kernel's nc -l ends in Time_wait", [
  "nc",
], async (ns) => {
  await using directory = await Directory.create();
  await directory.write(
    "caller.ts",
    `export default {
      async flow(flow, context) {
        const out = await context.connect({ hostname: "${HOST}", port: 5555 });
        await out.write(new TextEncoder().encode("hi mom\\n"));
        out.close();
      },
    };`,
  );
  const taproom = await startTaproom(ns, {
    directory,
    config: tapConfig([{ port: 99, module: "./caller.ts" }]),
    flags: ["--trace"],
  });
  const kernel = ns.spawn(["nc", "-n", "-v", "-l", "5555"], { timeout: 10_000 });
  await kernel.stderr.match(/Listening/);
  await ns.run(["nc", "-N", STACK, "99"], { stdin: "go" });
  const { stdout } = await kernel.success();
  assertEquals(stdout, "hi mom\n");
  await taproom.stderr.match(/:5555 .*-> {2}\{ Time_wait \}/);
  const trace = taproom.stderr.text.split("\n").filter((line) => line.includes(`${HOST}:5555 `));
  assertMatch(trace[0]!, /\{ Closed \} {2}- Send_syn \d+ -> {2}\{ Syn_sent \d+ \}/);
  assertMatch(trace.at(-1)!, /\{ Fin_wait_[12] \d+ \} {2}- Recv_fin -> {2}\{ Time_wait \}/);
});
