// With offload: the host takes and gives TCP segments of up to 64 KiB, and completes checksums.

import { assert, assertEquals } from "@std/assert";
import { Capture } from "../support/capture.ts";
import { Directory } from "../support/directory.ts";
import { tapTest } from "../support/tap.ts";
import { HOST, runClient, STACK, startTaproom, tapConfig } from "../support/taproom.ts";
import type { BulkResult } from "./clients/bulk.ts";

const LISTENERS = [
  { port: 7, module: "echo" },
  { port: 9, module: "discard" },
  { port: 19, module: "chargen" },
  { port: 80, module: "http" },
];

const TRANSFERS = [["echo", 7], ["chargen", 19], ["discard", 9]] as const;

tapTest(
  "with offload 100 MB go through echo, chargen and discard, in large segments",
  ["capture"],
  async (ns) => {
    await using directory = await Directory.create();
    await startTaproom(ns, { config: tapConfig(LISTENERS, {}, true) });
    for (const [mode, port] of TRANSFERS) {
      const capture = await Capture.start(ns, directory.join(`${mode}.pcap`));
      const args = [mode, STACK, port, 100_000_000];
      const result = await runClient<BulkResult>(ns, "bulk", args, { timeout: 120_000 });
      if (mode === "echo") assertEquals(result.received, result.sent);
      if (mode === "chargen") assertEquals(result.wrongAt, -1);
      else assertEquals(result.ended, true);
      const packets = await capture.stop();
      if (mode !== "discard") {
        assert(await packets.count(`src host ${STACK} and greater 20000`) > 100, `${mode}: ours`);
      }
      if (mode !== "chargen") {
        assert(await packets.count(`src host ${HOST} and greater 20000`) > 100, `${mode}: theirs`);
      }
    }
  },
);

tapTest(
  "with offload a thousand requests are answered on one connection, and 128 goodbyes said",
  ["curl"],
  async (ns) => {
    const listeners = [...LISTENERS, { port: 99, module: "goodbye" }];
    await startTaproom(ns, { config: tapConfig(listeners, {}, true) });
    const urls = Array.from({ length: 1000 }, () => `http://${STACK}/`);
    const { stdout } = await ns.run(
      ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code} %{num_connects}\n", ...urls].flatMap(
        (word) => word.startsWith("http") ? ["-o", "/dev/null", word] : [word],
      ),
      { timeout: 60_000 },
    );
    const lines = stdout.trim().split("\n");
    assertEquals(lines.length, 1000);
    assertEquals(lines.filter((line) => line === "200 0").length, 999);
    const goodbyes = await Promise.all(
      Array.from({ length: 128 }, () => ns.run(["curl", "-s", `telnet://${STACK}:99`])),
    );
    assertEquals(goodbyes.filter(({ stdout }) => stdout === "I made a string!").length, 128);
  },
);

tapTest(
  "what the host makes of large segments for the next wire is right to the last checksum",
  ["capture", "ethtool", "tshark", "root"],
  async (ns) => {
    await using directory = await Directory.create();
    await startTaproom(ns, { config: tapConfig(LISTENERS, {}, true) });
    // A second host beyond the first, on a link that neither splits segments nor sums.
    const beyond = await ns.sibling();
    await ns.join(beyond, { name: "veth0", address: "192.168.70.1/24" }, {
      name: "veth1",
      address: "192.168.70.2/24",
    });
    await ns.run(["ethtool", "-K", "veth0", "tx", "off"]);
    await ns.run(["sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"]);
    await beyond.run(["ip", "route", "add", "default", "via", "192.168.70.1"]);
    // What is in flight fits the queue of a virtual link.
    await beyond.run([
      "sh",
      "-c",
      "echo 4096 65536 262144 > /proc/sys/net/ipv4/tcp_rmem",
    ]);
    for (const [mode, port] of TRANSFERS) {
      const capture = await Capture.start(beyond, directory.join(`${mode}.pcap`), "veth1");
      const args = [mode, STACK, port, 20_000_000];
      const result = await runClient<BulkResult>(beyond, "bulk", args, { timeout: 120_000 });
      if (mode === "echo") assertEquals(result.received, result.sent);
      if (mode === "chargen") assertEquals(result.wrongAt, -1);
      else assertEquals(result.ended, true);
      const packets = await capture.stop();
      assertEquals((await packets.faults(true)).slice(0, 10), [], mode);
      assertEquals(await packets.count(`src host ${STACK} and greater 1515`), 0);
    }
  },
);
