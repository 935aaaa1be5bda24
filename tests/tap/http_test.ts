import { assert, assertEquals } from "@std/assert";
import { Capture } from "../support/capture.ts";
import { Directory } from "../support/directory.ts";
import type { Namespace } from "../support/namespace.ts";
import { tapTest } from "../support/tap.ts";
import { HOST, STACK, startTaproom, tapConfig } from "../support/taproom.ts";
import { assertWithin } from "../support/within.ts";

const NEEDS = ["curl", "capture", "tshark"] as const;
const HTTP = tapConfig([{ port: 80, module: "http" }]);
const RST = "tcp[13] & 4 != 0";

tapTest("1,000 requests on one connection are one SYN and one FIN each way", NEEDS, async (ns) => {
  await using directory = await Directory.create();
  await startTaproom(ns, { config: HTTP });
  const capture = await Capture.start(ns, directory.join("requests.pcap"));
  const { stdout } = await ns.run(
    ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code} %{num_connects}\n"].concat(
      `http://${STACK}/?[1-1000]`,
    ),
  );
  const lines = stdout.trim().split("\n");
  assertEquals(lines.length, 1000);
  assertEquals(lines[0], "200 1");
  assertEquals(new Set(lines.slice(1)), new Set(["200 0"]));
  const packets = await capture.stop();
  for (const end of [HOST, STACK]) {
    assertEquals(await packets.count(`src host ${end} and tcp[13] & 2 != 0`), 1, `SYNs of ${end}`);
    assertEquals(await packets.count(`src host ${end} and tcp[13] & 1 != 0`), 1, `FINs of ${end}`);
  }
  assertEquals(await packets.list(RST), []);
  assertEquals(await packets.faults(), []);
});

tapTest("C26: 200 clients on 64 source ports are each answered at once", NEEDS, async (ns) => {
  await startTaproom(ns, { config: HTTP });
  await ns.run(["sh", "-c", "echo 40000 40063 > /proc/sys/net/ipv4/ip_local_port_range"]);
  await assertWithin(50, () => reusePorts(ns));
});

/** Returns the longest time from SYN to SYN-ACK, in milliseconds. */
async function reusePorts(ns: Namespace): Promise<number> {
  await using directory = await Directory.create();
  const capture = await Capture.start(ns, directory.join("ports.pcap"));
  // The server says goodbye first, so that it is the one that remembers each connection in
  // Time_wait while the client takes the same port again.
  const { stdout } = await ns.run(
    ["curl", "-sS", "--no-keepalive", "-H", "Connection: close", "-o", "/dev/null", "-w"].concat(
      "%{http_code} %{num_connects}\n",
      `http://${STACK}/?[1-200]`,
    ),
  );
  assertEquals(stdout.trim().split("\n"), Array(200).fill("200 1"));
  const packets = await capture.stop();
  const handshakes = await packets.fields("tcp.flags.syn == 1", [
    "ip.src",
    "tcp.srcport",
    "frame.time_epoch",
  ]);
  assertEquals(handshakes.length, 400, "one SYN and one SYN-ACK for each");
  let slowest = 0;
  for (let i = 0; i < handshakes.length; i += 2) {
    const [syn, answer] = [handshakes[i]!, handshakes[i + 1]!];
    assertEquals([syn[0], answer[0], answer[1]], [HOST, STACK, "80"]);
    slowest = Math.max(slowest, (Number(answer[2]) - Number(syn[2])) * 1000);
  }
  const ports = handshakes.map(([_, port]) => Number(port)).filter((port) => port !== 80);
  assert(new Set(ports).size <= 64, "ports are used again");
  assertEquals(await packets.list(RST), []);
  assertEquals(await packets.faults(), []);
  return slowest;
}
