import type { Namespace } from "./namespace.ts";
import { type Process, run } from "./process.ts";
import { STACK } from "./taproom.ts";

/** Packets in a file, as tcpdump and tshark read it. */
export class Packets {
  /** @param path A file in the pcap or pcapng format. */
  constructor(readonly path: string) {}

  /** How many packets match a filter of tcpdump. */
  async count(filter: string): Promise<number> {
    return (await this.list(filter)).length;
  }

  /** The packets that match a filter of tcpdump, a line each. */
  async list(filter: string): Promise<string[]> {
    const { stdout } = await run(["tcpdump", "-n", "-r", this.path, filter]);
    return stdout.split("\n").filter((line) => line !== "");
  }

  /** Fields of the packets that match a display filter of tshark. */
  async fields(filter: string, names: readonly string[]): Promise<string[][]> {
    const { stdout } = await run(
      ["tshark", "-n", "-r", this.path, ...CHECKS, "-Y", filter, "-T", "fields"].concat(
        names.flatMap((name) => ["-e", name]),
      ),
      { timeout: 300_000 },
    );
    return stdout.split("\n").filter((line) => line !== "").map((line) => line.split("\t"));
  }

  /**
   * What tshark finds wrong with packets of ours: a line each, at best none. (A fault in a packet
   * of the peer's is not ours to mend.)
   *
   * @param pressed The application or the machine is slower than the wire: windows fill up and
   *   close, and the peer repeats what waits to be acknowledged, which D-SACK tells him.
   */
  async faults(pressed = false): Promise<string[]> {
    const ours = `(ip.src == ${STACK} || arp.src.proto_ipv4 == ${STACK})`;
    const faults = pressed ? FAULTS : [...FAULTS, ...FLAGS];
    const found = await this.fields(`${ours} && (${faults.join(" || ")})`, [
      "frame.number",
      "_ws.col.Info",
      "_ws.expert.message",
    ]);
    return found.map((columns) => columns.join(" "));
  }
}

/**
 * Every checksum is checked; the data of these ports is nothing but data, which tshark would
 * otherwise guess at.
 */
const CHECKS = [
  "ip.check_checksum:TRUE",
  "tcp.check_checksum:TRUE",
  "udp.check_checksum:TRUE",
  "tcp.desegment_tcp_streams:FALSE",
].flatMap((preference) => ["-o", preference]).concat(
  [7, 9, 19, 99].flatMap((port) => ["-d", `tcp.port==${port},data`]),
);

const FAULTS = [
  "_ws.malformed",
  "_ws.expert.severity == 0x00800000", // an error of any kind
  "ip.checksum.status == 0",
  "tcp.checksum.status == 0",
  "icmp.checksum.status == 0",
  "tcp.analysis.retransmission",
  "tcp.analysis.fast_retransmission",
  "tcp.analysis.spurious_retransmission",
  "tcp.analysis.out_of_order",
  "tcp.analysis.ack_lost_segment",
];

const FLAGS = [
  "_ws.expert.severity == 0x00600000", // a warning of any kind
  "(tcp.analysis.flags && !tcp.analysis.window_update)",
];

/** tcpdump at work on the host's side of a TAP. */
export class Capture {
  readonly #ns: Namespace;
  readonly #process: Process;
  readonly #path: string;

  private constructor(ns: Namespace, process: Process, path: string) {
    this.#ns = ns;
    this.#process = process;
    this.#path = path;
  }

  /**
   * Starts capturing whole packets.
   *
   * @param path File to write.
   */
  static async start(ns: Namespace, path: string, device = "tap0"): Promise<Capture> {
    const process = ns.spawn(
      ["tcpdump", "-Z", "root", "-i", device, "-n", "-U", "-B", "262144", "-w", path],
      { timeout: 300_000 },
    );
    await process.stderr.match(/listening on/);
    return new Capture(ns, process, path);
  }

  /**
   * Ends the capture when everything sent so far is in the file.
   *
   * @throws {Error} When packets were lost on the way into the file.
   */
  async stop(): Promise<Packets> {
    // A last packet, known by its content, comes after all others: when it is in the file, so are
    // they.
    const mark = crypto.getRandomValues(new Uint8Array(16));
    const written = watch(this.#path, mark);
    const pattern = [...mark].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    // More than once: the capture, or a link that is still busy, may miss one.
    await this.#ns.attempt(["ping", "-c", "3", "-i", "0.2", "-W", "5", "-p", pattern, STACK]);
    await written;
    this.#process.kill("SIGINT");
    const { stderr } = await this.#process.success();
    if (!/^0 packets dropped by kernel/m.test(stderr)) {
      throw new Error(`the capture is not complete:\n${stderr}`);
    }
    return new Packets(this.#path);
  }
}

/** Waits until the last 64 KiB of a growing file contain bytes. */
async function watch(path: string, mark: Uint8Array): Promise<void> {
  const watcher = Deno.watchFs(path);
  const timer = setTimeout(() => watcher.close(), 30_000);
  try {
    using file = await Deno.open(path);
    const tail = new Uint8Array(65_536);
    const found = async () => {
      const { size } = await file.stat();
      await file.seek(Math.max(0, size - tail.length), Deno.SeekMode.Start);
      const length = await file.read(tail) ?? 0;
      return includes(tail.subarray(0, length), mark);
    };
    for await (const _ of watcher) if (await found()) return;
    throw new Error(`the last packet is not in ${path} after 30 s`);
  } finally {
    clearTimeout(timer);
    try {
      watcher.close();
    } catch {
      // Closed by the timer.
    }
  }
}

function includes(bytes: Uint8Array, mark: Uint8Array): boolean {
  let at = bytes.indexOf(mark[0]!);
  while (at >= 0) {
    if (mark.every((byte, index) => bytes[at + index] === byte)) return true;
    at = bytes.indexOf(mark[0]!, at + 1);
  }
  return false;
}
