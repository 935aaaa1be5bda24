// Many bytes through one connection. `deno task test:tap --full` moves what the names say; without
// it the 1 GB are 64 MB.

import { assertEquals, assertMatch } from "@std/assert";
import { Capture, Packets } from "../support/capture.ts";
import { Directory } from "../support/directory.ts";
import { tapTest } from "../support/tap.ts";
import { runClient, STACK, startTaproom, tapConfig } from "../support/taproom.ts";
import type { BulkResult } from "./clients/bulk.ts";

const FULL = Deno.env.get("TAPROOM_FULL") !== undefined;
const GIGABYTE = FULL ? 1_000_000_000 : 64_000_000;
const LISTENERS = [
  { port: 7, module: "echo" },
  { port: 9, module: "discard" },
  { port: 19, module: "chargen" },
];

const TRANSFERS = {
  echo: {
    port: 7,
    bytes: 100_000_000,
    name: "100 MB through echo come back with the same SHA-256",
  },
  chargen: { port: 19, bytes: GIGABYTE, name: "1 GB from chargen is the pattern to the byte" },
  discard: { port: 9, bytes: GIGABYTE, name: "1 GB goes into discard, which says goodbye" },
};

for (const [mode, { port, bytes, name }] of Object.entries(TRANSFERS)) {
  tapTest(`${name} (${bytes / 1e6} MB), on a clean wire`, [
    "capture",
    "tshark",
  ], async (ns) => {
    await using directory = await Directory.create();
    const own = directory.join("own.pcapng");
    const taproom = await startTaproom(ns, {
      config: tapConfig(LISTENERS),
      flags: ["--capture", own],
      permissions: [`--allow-write=${directory.path}`],
    });
    const capture = await Capture.start(ns, directory.join("host.pcap"));
    const result = await runClient<BulkResult>(ns, "bulk", [mode, STACK, port, bytes], {
      timeout: 120_000,
    });
    if (mode === "echo") {
      assertEquals(result.bytes, bytes);
      assertEquals(result.received, result.sent);
    }
    if (mode === "chargen") assertEquals(result.wrongAt, -1);
    else assertEquals(result.ended, true);
    const packets = await capture.stop();
    assertEquals((await packets.faults(true)).slice(0, 10), [], "seen from the host");

    taproom.kill("SIGTERM");
    const { code, stderr } = await taproom.result;
    assertEquals(code, 0, stderr);
    assertMatch(await describe(own), /pcapng/);
    assertEquals((await new Packets(own).faults(true)).slice(0, 10), [], "seen by --capture");
  });
}

/** What kind of capture file it is, by its first bytes. */
async function describe(path: string): Promise<string> {
  using file = await Deno.open(path);
  const head = new Uint8Array(4);
  await file.read(head);
  return head.every((byte, i) => byte === [0x0a, 0x0d, 0x0d, 0x0a][i]) ? "pcapng" : "other";
}
