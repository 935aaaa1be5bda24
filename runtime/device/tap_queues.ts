import { loadLibc } from "./linux/libc.ts";
import { openEvent, POLL_MEMORY, type PollMeans, signalEvent } from "./linux/poll.ts";
import { attach, type AttachedTap, TapDevice, type TapOptions } from "./tap.ts";

/** One queue of a TAP, as another thread of this process is told of it. */
export interface TapQueue extends PollMeans {
  /** Descriptor of the queue. */
  readonly descriptor: number;
  /** Name of the interface. */
  readonly name: string;
  /** Largest IP packet in bytes. */
  readonly mtu: number;
  /** Whether frames carry a virtio-net header. */
  readonly offload: boolean;
}

/**
 * A TAP with several queues (`IFF_MULTI_QUEUE`), each for a thread of its own.
 *
 * The kernel puts a frame into the queue that the hash of its addresses and ports names, out of as
 * many as are open. The hash is the same for both directions and for as long as the machine runs, so
 * a flow that is answered where it came from never moves. The kernel also remembers, for 3 seconds
 * and for 4,096 flows, the queue that a flow was last written to from, once that frame has been
 * dealt with: a host that answers at once does so by the hash. (`TUNSETSTEERINGEBPF` could choose
 * better, but needs the right to load programs into the kernel.)
 *
 * All queues are opened and closed together, by a thread that outlives the others: were the one of a
 * thread that has died closed, the hash would name other queues for the flows of all.
 */
export class TapQueues {
  readonly #tap: AttachedTap;
  /** One for each queue; whoever has the queue waits for it too. */
  readonly #events: number[] = [];
  #open = true;

  /**
   * Opens the TAP.
   *
   * @param options What to open.
   * @param count How many queues it shall have.
   * @throws {DeviceError} `"unavailable"`, `"permission"`, `"busy"` or `"invalid"`.
   */
  constructor(options: TapOptions, count: number) {
    this.#tap = attach(options, count);
    try {
      while (this.#events.length < count) this.#events.push(openEvent(this.#tap.libc));
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Name of the interface. */
  get name(): string {
    return this.#tap.name;
  }

  /** Lends a queue to a thread, until {@link TapQueues.takeBack}. */
  lend(index: number): TapQueue {
    const { descriptors, name, mtu, offload } = this.#tap;
    const memory = new SharedArrayBuffer(POLL_MEMORY);
    return {
      descriptor: descriptors[index]!,
      event: this.event(index),
      memory,
      name,
      mtu,
      offload,
    };
  }

  /** The eventfd that ends the wait of whoever has a queue. */
  event(index: number): number {
    return this.#events[index]!;
  }

  /** Takes a queue back from a thread that has ended, even if it died while it waited. */
  takeBack(index: number): void {
    signalEvent(this.#tap.libc, this.event(index));
  }

  /** Closes the queues, and with them the interface, unless it was there before. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    const { libc, descriptors } = this.#tap;
    for (const descriptor of [...descriptors, ...this.#events]) libc.symbols.close(descriptor);
    libc.unload();
  }
}

/** The device of a thread that a queue was lent to. */
export function openTapQueue(queue: TapQueue): TapDevice {
  const { descriptor, name, mtu, offload } = queue;
  return new TapDevice(loadLibc(), descriptor, name, mtu, offload, queue);
}
