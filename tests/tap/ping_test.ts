import { assertEquals, assertGreater, assertStringIncludes } from "@std/assert";
import { Capture } from "../support/capture.ts";
import { Directory } from "../support/directory.ts";
import { tapTest } from "../support/tap.ts";
import { STACK, startTaproom, tapConfig } from "../support/taproom.ts";

tapTest("ping -c 3 is answered 3 of 3", ["ping"], async (ns) => {
  await startTaproom(ns, { config: tapConfig([]) });
  const { stdout } = await ns.run(["ping", "-c", "3", "-i", "0.2", STACK]);
  assertStringIncludes(stdout, "3 packets transmitted, 3 received, 0% packet loss");
});

tapTest("a ping of many fragments is put together, and answered in fragments", [
  "ping",
  "capture",
  "tshark",
], async (ns) => {
  await using directory = await Directory.create();
  await startTaproom(ns, { config: tapConfig([]) });
  const capture = await Capture.start(ns, directory.join("ping.pcap"));
  for (const size of ["1473", "8000", "65507"]) {
    const { stdout } = await ns.run(["ping", "-c", "3", "-i", "0.2", "-s", size, STACK]);
    assertStringIncludes(stdout, "3 received, 0% packet loss", `ping -s ${size}`);
  }
  const packets = await capture.stop();
  assertEquals(await packets.faults(), []);
  assertGreater(await packets.count(`src host ${STACK} and ip[6:2] & 0x3fff != 0`), 3 * (2 + 6));
});
