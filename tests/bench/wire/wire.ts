// The wire: a process of its own that joins three ends.
//
//   kernel, far end            the bad path             kernel, near end
//   TAP far0  ------------- ImpairedDevice ---- switch ---- TAP near0
//                                                  `------- Taproom's stack
//
// Whoever is at the near end has the same path to the far end, with the same faults: a run is a new
// path and a new stack, from a seed. It is told of runs, and tells what they gave, line by line (see
// protocol.ts); "stop" ends a run.

import { type Device } from "../../../runtime/device/device.ts";
import { ImpairedDevice, type Impairment } from "../../../runtime/device/impairment.ts";
import { openTap, type TapDevice } from "../../../runtime/device/tap.ts";
import { connectFlow } from "../../../runtime/connect.ts";
import { type Driven, Driver } from "../../../runtime/driver.ts";
import { FlowSet } from "../../../runtime/flow_set.ts";
import type { Flow } from "../../../runtime/listener.ts";
import { secureRandom } from "../../../runtime/random.ts";
import { IpAddress } from "../../../stack/ip/address.ts";
import type { Link, LinkCapabilities } from "../../../stack/link.ts";
import { Stack } from "../../../stack/stack.ts";
import { Frame } from "../../../stack/wire/frame.ts";
import { FAR, TAPROOM, TAPROOM_MAC } from "./addresses.ts";
import type { FlowResult, TaproomFlow, WirePath, WireResult, WireRun } from "./protocol.ts";

/** Longest frame of an MTU of 1500. */
const MAX_FRAME = 1514;
/** Frames that carry so many bytes carry data. */
const DATA_FRAME = 200;
/** How often the near kernel's TAP is looked at, in milliseconds. */
const LOOK = 0.05;
/** Time between two looks that is too long, in milliseconds. */
const STALL = 1;
/** How long to look for more frames before sleeping, in microseconds. */
const BUSY_POLL = 50;
/** Frames that are taken from the near kernel at a stretch. */
const BATCH = 64;
const MAC_BYTES = TAPROOM_MAC.split(":").map((byte) => parseInt(byte, 16));

const print = (value: unknown) =>
  Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(value)}\n`));

/** The path of one direction as the impairment knows it. */
function impairment(path: WirePath, started: number): Impairment {
  const { bursts, ...rest } = path;
  if (bursts === undefined) return rest;
  let next = started + bursts.first, left = 0;
  return {
    ...rest,
    drop(frame, _index, now) {
      if (frame.length < DATA_FRAME) return false;
      if (left === 0 && now >= next) {
        left = bursts.length;
        next += bursts.every;
      }
      if (left === 0) return false;
      left--;
      return true;
    },
  };
}

/**
 * A sender's way to the path, on which each frame takes a random time, up to that of a frame at the
 * bottleneck. Without it what the bottleneck lets go sets the pace of all who share it so exactly
 * that a full queue refuses the same one again and again (S. Floyd and V. Jacobson, "On Traffic Phase
 * Effects in Packet-Switched Gateways", 1992).
 */
class Approach implements Link {
  readonly capabilities: LinkCapabilities;
  readonly #path: Device;
  readonly #most: number;
  #last = 0;

  /** @param most Longest time of a frame in milliseconds. */
  constructor(path: Device, most: number) {
    this.capabilities = path.capabilities;
    this.#path = path;
    this.#most = most;
  }

  transmit(frame: Frame, now: number): boolean {
    this.#last = Math.max(this.#last, now + Math.random() * this.#most);
    return this.#path.transmit(frame, this.#last);
  }
}

/** The near side of the path: a kernel and a stack behind a switch. */
class NearSide implements Driven {
  oversized = 0;
  stalled = 0;
  longestStall = 0;
  #seen = Infinity;
  #looked = -Infinity;
  #kernelFirst = false;
  readonly #frame = new Frame();

  /** @param path Where the kernel's frames go. */
  constructor(readonly path: Link, readonly kernel: Device, readonly stack: Stack) {}

  receive(frame: Frame, now: number): void {
    this.#check(frame);
    const { bytes, offset } = frame;
    const group = (bytes[offset]! & 1) !== 0;
    const ours = MAC_BYTES.every((byte, index) => bytes[offset + index] === byte);
    if (!ours || group) {
      this.kernel.transmit(frame, now);
      this.#looked = -Infinity; // Its answer is there already, as that of the stack will be.
    }
    if (ours || group) this.stack.receive(frame, now);
  }

  poll(now: number): void {
    const gap = now - this.#seen;
    this.#seen = now;
    if (gap > STALL) {
      this.stalled += gap;
      this.longestStall = Math.max(this.longestStall, gap);
    }
    this.#looked = now;
    // Whoever comes second at a full queue is the one who loses: they take turns.
    this.#kernelFirst = !this.#kernelFirst;
    if (this.#kernelFirst) this.#fromKernel(now);
    this.stack.poll(now);
    if (!this.#kernelFirst) this.#fromKernel(now);
  }

  nextDeadline(): number {
    return Math.min(this.stack.nextDeadline(), this.#looked + LOOK);
  }

  #fromKernel(now: number): void {
    for (let i = 0; i < BATCH && this.kernel.receive(this.#frame, now); i++) {
      this.#check(this.#frame);
      this.path.transmit(this.#frame, now);
    }
  }

  #check(frame: Frame): void {
    if (frame.length > MAX_FRAME) this.oversized++;
  }
}

/** One run: a path, a stack, and Taproom's flows over them. */
class Run {
  readonly #driver: Driver;
  readonly #near: NearSide;
  readonly #path: ImpairedDevice;
  readonly #running: Promise<void>;
  readonly #flows: { bytes: number; flow?: Flow }[] = [];
  readonly #set = new FlowSet();
  readonly #seconds: number;

  constructor(far: TapDevice, near: TapDevice, run: WireRun) {
    const started = performance.now();
    const path = this.#path = new ImpairedDevice(far, {
      seed: run.seed,
      transmit: impairment(run.path, started),
      receive: impairment(run.path, started),
    });
    this.#seconds = run.seconds;
    this.#driver = new Driver(path, { busyPoll: BUSY_POLL });
    const time = MAX_FRAME * 8 / run.path.rate * 1000;
    const stack = new Stack({
      link: new Approach(path, time),
      mac: TAPROOM_MAC,
      addresses: [`${TAPROOM}/24`],
      random: secureRandom,
      now: started,
      wake: this.#driver.wake,
      tcp: run.tcp,
    });
    this.#near = new NearSide(new Approach(path, time), near, stack);
    const frame = new Frame();
    while (far.receive(frame) || near.receive(frame)); // what the last run has left
    this.#running = this.#driver.run(this.#near);
    for (const flow of run.flows) this.#start(flow);
  }

  #start(flow: TaproomFlow): void {
    const record: { bytes: number; flow?: Flow } = { bytes: 0 };
    this.#flows.push(record);
    const { stack } = this.#near;
    if (flow.role === "sink") {
      stack.listen({ port: flow.port }, (connection) => {
        record.flow = this.#set.adopt(connection);
        this.#read(record.flow, record).catch(() => {});
      });
    } else {
      connectFlow(stack, IpAddress.parse(FAR)!, { port: flow.port }, this.#set)
        .then((flow) => this.#write(record.flow = flow))
        .catch(() => {});
    }
  }

  async #read(flow: Flow, record: { bytes: number }): Promise<void> {
    const buffer = new Uint8Array(1 << 17);
    const end = performance.now() + this.#seconds * 1000;
    while (performance.now() < end) {
      const length = await flow.read(buffer);
      if (length === null) break;
      if (performance.now() < end) record.bytes += length;
    }
    flow.abort();
    print("done");
  }

  async #write(flow: Flow): Promise<void> {
    const buffer = new Uint8Array(1 << 16);
    while (true) await flow.write(buffer);
  }

  async stop(): Promise<WireResult> {
    const flows: FlowResult[] = this.#flows.map(({ bytes, flow }) => ({
      bytes,
      info: flow?.info(),
    }));
    this.#driver.stop();
    await this.#running;
    const { stack, oversized, stalled, longestStall } = this.#near;
    const { transmit: far, receive: near } = this.#path.counters;
    const tcp = { ...stack.counters.tcp };
    stack.abort();
    return { flows, frames: { far, near }, oversized, stalled, longestStall, tcp };
  }
}

const far = openTap({ name: "far0" });
const near = openTap({ name: "near0" });
print("open");
let current: Run | undefined;
const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream());
let text = "";
for await (const chunk of lines) {
  text += chunk;
  for (let end; (end = text.indexOf("\n")) >= 0; text = text.slice(end + 1)) {
    const line = text.slice(0, end);
    if (line === "stop") {
      print(await current!.stop());
      current = undefined;
    } else {
      current = new Run(far, near, JSON.parse(line));
      print("running");
    }
  }
}
// Whoever started it is gone, perhaps in the middle of a run: nothing may stay behind.
Deno.exit(0);
