// What a scanner sees: RFC 9293's answers to segments without a connection, and nothing else.

import { assert, assertEquals, assertMatch, assertNotMatch } from "@std/assert";
import { Capture } from "../support/capture.ts";
import { Directory } from "../support/directory.ts";
import type { Namespace } from "../support/namespace.ts";
import { tapTest } from "../support/tap.ts";
import { HOST, STACK, startTaproom, tapConfig } from "../support/taproom.ts";

const OPEN = 80;
const CLOSED = 81;

function serve(ns: Namespace): Promise<unknown> {
  return startTaproom(ns, { config: tapConfig([{ port: OPEN, module: "http" }]) });
}

/** What nmap says of both ports. */
async function scan(ns: Namespace, technique: string): Promise<{ open: string; closed: string }> {
  const { stdout } = await ns.run(
    ["nmap", "-n", "-Pn", technique, "-p", `${OPEN},${CLOSED}`, "--reason", STACK],
  );
  const of = (port: number) => new RegExp(`^${port}/tcp +(.*)$`, "m").exec(stdout)?.[1] ?? stdout;
  return { open: of(OPEN), closed: of(CLOSED) };
}

for (const [name, technique] of [["FIN", "-sF"], ["NULL", "-sN"], ["XMAS", "-sX"]] as const) {
  tapTest(`nmap's ${name} scan: a port that listens is silent, another resets`, [
    "nmap",
  ], async (ns) => {
    await serve(ns);
    const { open, closed } = await scan(ns, technique);
    assertMatch(open, /^open\|filtered .*no-response/);
    assertMatch(closed, /^closed .*reset/);
  });
}

tapTest("nmap's ACK scan: both ports reset", ["nmap"], async (ns) => {
  await serve(ns);
  const { open, closed } = await scan(ns, "-sA");
  assertMatch(open, /^unfiltered .*reset/);
  assertMatch(closed, /^unfiltered .*reset/);
});

tapTest("nmap's SYN scan: one port is open, the other closed", ["nmap"], async (ns) => {
  await serve(ns);
  const { open, closed } = await scan(ns, "-sS");
  assertMatch(open, /^open .*syn-ack/);
  assertMatch(closed, /^closed .*reset/);
});

tapTest("nmap -O finds our sequence numbers hard to predict", ["nmap"], async (ns) => {
  await serve(ns);
  const { stdout } = await ns.run(
    ["nmap", "-n", "-Pn", "-O", "-v", "-d", "-p", `${OPEN},${CLOSED}`, STACK],
  );
  const [, predictability] = /\bSP=([0-9A-F]+)/.exec(stdout) ?? [];
  assert(parseInt(predictability!, 16) >= 0xf0, `SP=${predictability}\n${stdout}`);
  assertMatch(stdout, /TCP Sequence Prediction: Difficulty=2[0-9]+/);
  assertNotMatch(stdout, /IP ID Sequence Generation: (Incremental|Broken)/);
});

tapTest("LAND: a SYN that seems to be from ourselves is dropped in silence", [
  "hping3",
  "curl",
  "capture",
  "tshark",
], async (ns) => {
  await using directory = await Directory.create();
  await serve(ns);
  const capture = await Capture.start(ns, directory.join("land.pcap"));
  await ns.attempt(
    ["hping3", "-q", "-c", "20", "-i", "u5000", "-S", "-a", STACK]
      .concat("-s", String(OPEN), "-k", "-p", String(OPEN), STACK),
  );
  const { stdout } = await ns.run(
    ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", `http://${STACK}/`],
  );
  assertEquals(stdout, "200");
  const packets = await capture.stop();
  assertEquals(
    await packets.count(`src ${STACK} and dst ${STACK} and not ether src 02:00:00:00:00:02`),
    20,
  );
  assertEquals(await packets.count(`ether src 02:00:00:00:00:02 and ip and not dst ${HOST}`), 0);
});
