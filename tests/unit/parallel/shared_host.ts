import type { Device } from "../../../runtime/device/device.ts";
import { seededRandom } from "../../../runtime/device/random.ts";
import { Mailbox } from "../../../runtime/parallel/mailbox.ts";
import { QueueDevice } from "../../../runtime/parallel/queue_device.ts";
import type { LinkCapabilities } from "../../../stack/link.ts";
import { Stack } from "../../../stack/stack.ts";
import type { TcpOptions } from "../../../stack/tcp/tcp_options.ts";
import { Frame } from "../../../stack/wire/frame.ts";

const CAPABILITIES: LinkCapabilities = {
  mtu: 1500,
  maxFrame: 1514,
  transmitChecksum: false,
  segmentation: false,
};

/** A device of a test: what is put in is received, what is transmitted goes to `out`. */
class Queue implements Device {
  readonly name = "queue";
  readonly capabilities = CAPABILITIES;
  readonly frames: Frame[] = [];

  constructor(readonly out: (frame: Frame) => void) {}

  receive(frame: Frame): boolean {
    const next = this.frames.shift();
    if (next === undefined) return false;
    frame.set(next.bytes, next.offset, next.length);
    return true;
  }

  transmit(frame: Frame): boolean {
    this.out(frame.clone());
    return true;
  }

  nextDeadline = () => Infinity;
  wait = () => Promise.resolve();
  wake(): void {}
  close = () => Promise.resolve();
  [Symbol.asyncDispose] = () => Promise.resolve();
}

/** Which queue each of the peer's frames comes on. */
export type Steering = (frame: Frame) => number;

/**
 * A host with several stacks, each on a queue, and a peer with one, on a wire in memory: what the
 * peer sends comes on the queue that `steering` says.
 */
export class SharedHost {
  readonly peer: Stack;
  readonly stacks: readonly Stack[];
  readonly devices: readonly QueueDevice[];
  /** What the peer has received from each of the stacks. */
  readonly sent: Frame[][];
  now = 0;
  /** Whether the peer receives anything. */
  peerHears = true;
  readonly #queues: readonly Queue[];
  readonly #toPeer: Frame[] = [];

  /**
   * @param count How many stacks.
   * @param steering Where the peer's frames go.
   * @param room Capacity of a mailbox in bytes.
   * @param tcp Options of the stacks.
   */
  constructor(
    count: number,
    readonly steering: Steering,
    room = 1 << 18,
    tcp: Partial<TcpOptions> = {},
  ) {
    const random = seededRandom(1);
    const indices = Array.from({ length: count }, (_, index) => index);
    this.sent = indices.map(() => []);
    this.#queues = indices.map((index) =>
      new Queue((frame) => {
        this.sent[index]!.push(frame);
        this.#toPeer.push(frame);
      })
    );
    const config = {
      device: { type: "tap" as const, name: "tap0", offload: false, queues: count, busyPoll: 0 },
      mac: "02:00:00:00:00:02",
      addresses: ["192.168.69.2/24"],
      mtu: 1500,
    };
    const mailboxes = indices.map(() => new Mailbox(room));
    this.devices = indices.map((index) =>
      new QueueDevice({
        queue: this.#queues[index]!,
        config,
        index,
        mailboxes,
        serving: () => (1 << count) - 1,
        wake: () => {},
        busy: () => {},
      })
    );
    const { mac, addresses } = config;
    this.stacks = this.devices.map((device) =>
      new Stack({ link: device, mac, addresses, random, tcp, sharing: device })
    );
    this.peer = new Stack({
      link: {
        capabilities: CAPABILITIES,
        transmit: (frame) => {
          this.#queues[this.steering(frame)]!.frames.push(frame.clone());
          return true;
        },
      },
      mac: "02:00:00:00:00:01",
      addresses: ["192.168.69.1/24"],
      random,
    });
  }

  /** Lets everything happen until nothing is left to do at this time. */
  settle(): void {
    for (let quiet = false; !quiet;) {
      quiet = true;
      const frame = new Frame();
      for (const [index, device] of this.devices.entries()) {
        const stack = this.stacks[index]!;
        while (device.receive(frame, this.now)) {
          stack.receive(frame, this.now);
          quiet = false;
        }
        if (stack.nextDeadline() <= this.now) stack.poll(this.now);
      }
      for (const frame of this.#toPeer.splice(0)) {
        if (!this.peerHears) continue;
        this.peer.receive(frame, this.now);
        quiet = false;
      }
      if (this.peer.nextDeadline() <= this.now) this.peer.poll(this.now);
      if (this.#toPeer.length > 0) quiet = false;
      if ([this.peer, ...this.stacks].some((stack) => stack.nextDeadline() <= this.now)) {
        quiet = false;
      }
      if (this.#queues.some(({ frames }) => frames.length > 0)) quiet = false;
    }
  }

  /** Lets time pass, and what is due then happen. */
  advance(time: number): void {
    const end = this.now + time;
    while (this.now < end) {
      this.settle();
      const deadlines = [this.peer, ...this.stacks].map((stack) => stack.nextDeadline());
      this.now = Math.min(end, Math.max(this.now + 1, ...[Math.min(...deadlines)]));
    }
    this.settle();
  }

  /** Puts a frame of whomever into a queue. */
  inject(index: number, bytes: Uint8Array): void {
    this.#queues[index]!.frames.push(new Frame(bytes));
  }
}
