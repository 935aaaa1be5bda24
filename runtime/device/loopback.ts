import type { LinkCapabilities } from "../../stack/link.ts";
import type { Frame } from "../../stack/wire/frame.ts";
import { carries, ETHERNET_HEADER_SIZE, MAX_IP_PACKET } from "./carries.ts";
import type { Device } from "./device.ts";
import { FrameRing, recordSize } from "./frame_ring.ts";
import { Waiter } from "./waiter.ts";

const DEFAULT_CAPACITY = 1 << 20;

/** How the wire between two loopback devices is. */
export interface LoopbackOptions {
  /** Names of the two ends; default `["loopback-a", "loopback-b"]`. */
  readonly names?: readonly [string, string];
  /** Largest IP packet in bytes, 576 to 65535; default 1500. */
  readonly mtu?: number;
  /**
   * Room in each direction in bytes, for frames that are sent and not yet received; each takes 16
   * more than its length. Default 1 MiB. A frame that finds no room is lost.
   */
  readonly capacity?: number;
  /** Frames may carry a partial checksum, which arrives as it was sent; default `false`. */
  readonly transmitChecksum?: boolean;
  /** TCP super-segments of up to 64 KiB arrive as they were sent; default `false`. */
  readonly segmentation?: boolean;
}

/** What became of the frames that one end sent. */
export interface LoopbackCounters {
  /** Frames that the other end received or may still receive. */
  transmitted: number;
  /** Frames lost for want of room, or because the other end is closed. */
  dropped: number;
  /** Frames that the wire does not carry: too short, too long, or with an offload it lacks. */
  rejected: number;
}

/**
 * Two devices joined by a wire in memory: what one transmits the other receives, in order, copied
 * into a queue of fixed size. Works with any clock: it keeps no time.
 *
 * @param options How the wire is.
 * @returns Its two ends.
 * @throws {RangeError} If the capacity is less than one frame takes.
 *
 * @example
 * ```ts
 * import { loopbackPair } from "./loopback.ts";
 * import { Frame } from "../../stack/wire/frame.ts";
 *
 * const [a, b] = loopbackPair();
 * a.transmit(new Frame(new Uint8Array(60)), 0);
 * const frame = new Frame();
 * console.assert(b.receive(frame, 0) && frame.length === 60);
 * ```
 */
export function loopbackPair(options: LoopbackOptions = {}): [LoopbackDevice, LoopbackDevice] {
  const {
    names = ["loopback-a", "loopback-b"],
    mtu = 1500,
    capacity = DEFAULT_CAPACITY,
    transmitChecksum = false,
    segmentation = false,
  } = options;
  const maxFrame = ETHERNET_HEADER_SIZE + (segmentation ? MAX_IP_PACKET : mtu);
  if (capacity < recordSize(maxFrame)) {
    const needed = recordSize(maxFrame);
    throw new RangeError(
      `capacity ${capacity} is too small: a frame may take up to ${needed} bytes`,
    );
  }
  const capabilities = { mtu, maxFrame, transmitChecksum, segmentation };
  const a = new End(capacity), b = new End(capacity);
  return [
    new LoopbackDevice(names[0], capabilities, a, b),
    new LoopbackDevice(names[1], capabilities, b, a),
  ];
}

/** What one end of the wire has to receive. */
class End {
  readonly queue: FrameRing;
  readonly waiter: Waiter = new Waiter();
  open = true;

  constructor(capacity: number) {
    this.queue = new FrameRing(capacity);
  }
}

/** One end of a wire in memory, made by {@link loopbackPair}. */
export class LoopbackDevice implements Device {
  readonly name: string;
  readonly capabilities: LinkCapabilities;
  /** What became of the frames sent so far. */
  readonly counters: LoopbackCounters = { transmitted: 0, dropped: 0, rejected: 0 };
  readonly #here: End;
  readonly #there: End;

  /**
   * Made by {@link loopbackPair}.
   *
   * @param name Name for people.
   * @param capabilities What the wire carries.
   * @param here What this end receives.
   * @param there What the other end receives.
   */
  constructor(name: string, capabilities: LinkCapabilities, here: End, there: End) {
    this.name = name;
    this.capabilities = capabilities;
    this.#here = here;
    this.#there = there;
  }

  receive(frame: Frame, _now?: number): boolean {
    return this.#here.queue.shift(frame);
  }

  transmit(frame: Frame, _now?: number): boolean {
    if (!carries(this.capabilities, frame)) {
      this.counters.rejected++;
      return false;
    }
    if (!this.#here.open || !this.#there.open || !this.#there.queue.push(frame)) {
      this.counters.dropped++;
      return false;
    }
    this.counters.transmitted++;
    this.#there.waiter.notify();
    return true;
  }

  nextDeadline(): number {
    return Infinity;
  }

  wait(timeout: number): Promise<void> {
    const { open, queue, waiter } = this.#here;
    return waiter.wait(!open || !queue.isEmpty, timeout);
  }

  wake(): void {
    this.#here.waiter.wake();
  }

  close(): Promise<void> {
    this.#here.open = false;
    this.#here.queue.clear();
    this.#here.waiter.notify();
    return Promise.resolve();
  }

  /** As `close`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
