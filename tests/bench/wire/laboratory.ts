import { Directory } from "../../support/directory.ts";
import { Namespace } from "../../support/namespace.ts";
import { type Process, run } from "../../support/process.ts";
import { findTool } from "../../support/tap.ts";
import { cachePackages, projectFile } from "../../support/taproom.ts";
import { FAR, NEAR, TAPROOM } from "./addresses.ts";
import type { TaproomFlow, WirePath, WireResult, WireRun } from "./protocol.ts";

/** Longest life of the wire's process, in milliseconds. */
const LIFETIME = 6 * 3600 * 1000;
const FIRST_PORT = 5001;

/** Who is at the near end of a flow. */
export type NearEnd = "kernel" | "taproom";

/** One transfer between the near and the far end, which is always the kernel. */
export interface FlowPlan {
  readonly near: NearEnd;
  /** Whether the near end is the one that sends. */
  readonly sends: boolean;
  /** Congestion control, by its name. */
  readonly congestion: string;
}

/** What a run gave. */
export interface RunResult {
  /** Goodput of each flow in bits per second. */
  readonly goodput: readonly number[];
  readonly wire: WireResult;
}

/**
 * Two namespaces, a TAP in each, and the wire's process between them: see wire.ts. One run at a
 * time.
 */
export class Laboratory implements AsyncDisposable {
  readonly #far: Namespace;
  readonly #near: Namespace;
  readonly #wire: Process;
  readonly #program: string;
  /** How much of the wire's output was read. */
  #read = 0;

  private constructor(far: Namespace, near: Namespace, wire: Process, program: string) {
    this.#far = far;
    this.#near = near;
    this.#wire = wire;
    this.#program = program;
  }

  /**
   * Makes it.
   *
   * @throws {Error} Without a C compiler, or where there are no namespaces.
   */
  static async create(): Promise<Laboratory> {
    const cc = findTool("cc");
    if (cc === undefined) throw new Error("a C compiler is needed as `cc`, for flow.c");
    await cachePackages();
    const far = await Namespace.create();
    const directory = far.own(await Directory.create());
    const program = directory.join("flow");
    await run([cc, "-O2", "-o", program, projectFile("tests/bench/wire/flow.c")]);
    const near = await far.sibling();
    const wire = far.spawn(
      [...priority(), Deno.execPath(), "run", "--allow-ffi", "--allow-read"].concat(
        projectFile("tests/bench/wire/wire.ts"),
      ),
      { stdin: "open", timeout: LIFETIME },
    );
    const laboratory = new Laboratory(far, near, wire, program);
    await laboratory.#line();
    await far.run(["ip", "link", "set", "near0", "netns", String(near.pid)]);
    for (
      const [namespace, device, address] of [[far, "far0", FAR], [near, "near0", NEAR]] as const
    ) {
      // What one run has learnt of the path must not help the next; the TAP's own queue is no part
      // of the path.
      await namespace.run(["sh", "-c", "echo 1 > /proc/sys/net/ipv4/tcp_no_metrics_save"]);
      await namespace.run(["ip", "link", "set", device, "txqueuelen", "5000"]);
      await namespace.run(["ip", "link", "set", device, "up"]);
      await namespace.run(["ip", "address", "add", `${address}/24`, "dev", device]);
    }
    return laboratory;
  }

  /** The namespace of the far end: its TAP is `far0`. */
  get far(): Namespace {
    return this.#far;
  }

  /**
   * Runs flows at once.
   *
   * @param flows What is sent.
   * @param path The wire.
   * @param seconds How long each sink counts.
   */
  async run(
    flows: readonly FlowPlan[],
    options: {
      path: WirePath;
      seconds: number;
      seed: number;
      tcp?: WireRun["tcp"];
      capture?: string | undefined;
    },
  ): Promise<RunResult> {
    const { path, seconds, seed } = options;
    await using stack = new AsyncDisposableStack();
    const program = [this.#program];
    const timeout = seconds * 1000 + 60_000;
    if (options.capture !== undefined) {
      const tcpdump = ["tcpdump", "-Z", "root", "-i", "far0", "-n", "-s", "120", "-B", "65536"];
      const capture = this.#far.spawn([...tcpdump, "-w", options.capture], { timeout });
      stack.use(capture);
      await capture.stderr.match(/listening on/);
    }
    const kernelSinks = new Map<number, Process>();
    const taproomFlows: TaproomFlow[] = [];
    for (const [index, { near, sends }] of flows.entries()) {
      const port = FIRST_PORT + index;
      if (near === "taproom") taproomFlows.push({ role: sends ? "source" : "sink", port });
      if (near === "taproom" && !sends) continue;
      const namespace = sends ? this.#far : this.#near;
      const command = [...program, "sink", String(port), String(seconds)];
      const sink = stack.use(namespace.spawn(command, { timeout }));
      await sink.stdout.match(/listening/);
      kernelSinks.set(index, sink);
    }
    // Taproom's congestion control is one per stack.
    const ours = flows.find(({ near, sends }) => near === "taproom" && sends);
    const congestion = ours === undefined ? {} : { congestion: ours.congestion };
    const tcp = { ...options.tcp, ...congestion } as WireRun["tcp"];
    const run: WireRun = { seed, path, seconds, flows: taproomFlows, tcp };
    await this.#wire.write(`${JSON.stringify(run)}\n`);
    await this.#line();
    for (const [index, { near, sends, congestion }] of flows.entries()) {
      if (near === "taproom" && sends) continue;
      const [namespace, host] = !sends
        ? [this.#far, near === "taproom" ? TAPROOM : NEAR] as const
        : [this.#near, FAR] as const;
      const command = [...program, "source", host, String(FIRST_PORT + index), congestion];
      stack.use(namespace.spawn(command, { timeout }));
    }
    const measured = new Map<number, number>();
    for (const [index, sink] of kernelSinks) {
      const { stdout } = await sink.success();
      const { bytes } = JSON.parse(stdout.slice(stdout.indexOf("{")));
      measured.set(index, bytes);
    }
    for (const { role } of taproomFlows) if (role === "sink") await this.#line();
    await this.#wire.write("stop\n");
    const wire = await this.#line() as WireResult;
    let sink = 0;
    const bytes = flows.map(({ near, sends }, index) => {
      const result = near === "taproom" ? wire.flows[sink++] : undefined;
      return near === "taproom" && !sends ? result!.bytes : measured.get(index)!;
    });
    if (wire.oversized > 0) {
      throw new Error(`the wire saw ${wire.oversized} frames beyond the MTU: is offload on?`);
    }
    return { goodput: bytes.map((count) => count * 8 / seconds), wire };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#wire.closeStdin();
    await this.#far[Symbol.asyncDispose]();
  }

  /** The next line that the wire prints. */
  async #line(): Promise<unknown> {
    const already = this.#read;
    const pattern = new RegExp(`^(?:[^\\n]*\\n){${already}}([^\\n]*)\\n`);
    try {
      const [, line] = await this.#wire.stdout.match(pattern, 120_000);
      this.#read++;
      return JSON.parse(line!);
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${this.#wire.stderr.text}`);
    }
  }
}

/**
 * The wire goes before everything else on the machine, where that is allowed: niceness would count
 * only among the processes of one session.
 */
function priority(): string[] {
  return Deno.uid() === 0 && findTool("chrt") ? ["chrt", "--fifo", "1"] : [];
}
