import type { LinkCapabilities } from "../../stack/link.ts";
import { read16, write16 } from "../../stack/wire/bytes.ts";
import { fold, sum } from "../../stack/wire/checksum.ts";
import { Frame } from "../../stack/wire/frame.ts";
import { carries, ETHERNET_HEADER_SIZE, inOnePiece } from "./carries.ts";
import type { Device } from "./device.ts";
import { markCongestion } from "./ecn_mark.ts";
import { FrameHeap } from "./frame_heap.ts";
import { seededRandom } from "./random.ts";

/**
 * What happens to frames in one direction, in the order of a path: a cable that may be cut, loss,
 * corruption, a bottleneck with a queue before it, and the way from there. Everything may be left
 * out; probabilities are from 0 to 1, times in milliseconds.
 */
export interface Impairment {
  /** Every frame is lost: the path is cut. Those on their way still arrive. */
  readonly down?: boolean;
  /**
   * A script: tells of each frame whether it is lost. `index` counts the frames of this direction
   * from 0.
   */
  readonly drop?: (frame: Frame, index: number, now: number) => boolean;
  /** Probability that a frame is lost. */
  readonly loss?: number;
  /** Losses in bursts (Gilbert-Elliott). */
  readonly burst?: {
    /** Probability, before each frame, that a burst begins. */
    readonly enter: number;
    /** Probability, before each frame of a burst, that it is over. */
    readonly exit: number;
    /** Probability that a frame of a burst is lost; default 1. */
    readonly loss?: number;
  };
  /**
   * Probability that one bit of an IP packet is flipped: a fault that every checksum detects. ARP
   * has none, and is spared.
   */
  readonly corrupt?: number;
  /** Probability that a frame arrives twice. */
  readonly duplicate?: number;
  /** Rate of the bottleneck in bits per second; default: no bottleneck. */
  readonly rate?: number;
  /** Room before the bottleneck in bytes; a frame that finds none is lost. Default 256 KiB. */
  readonly queue?: number;
  /**
   * Bytes that wait before the bottleneck from which on packets are marked (explicit congestion
   * notification, RFC 3168), where their senders react to it; default: none are.
   */
  readonly mark?: number;
  /** Time that every frame takes, after the bottleneck. */
  readonly delay?: number;
  /** Time that a frame may take in addition, uniformly from 0 to this. Frames stay in order. */
  readonly jitter?: number;
  /** Frames that come late, so that later ones overtake them. */
  readonly reorder?: {
    /** Probability that a frame is one of them. */
    readonly probability: number;
    /** How much later it comes. */
    readonly delay: number;
  };
}

/** How a device is impaired. */
export interface ImpairmentOptions {
  /** Any integer. The same seed and the same frames at the same times give the same faults. */
  readonly seed: number;
  /** What happens to transmitted frames; default: nothing. */
  readonly transmit?: Impairment;
  /** What happens to received frames; default: nothing. */
  readonly receive?: Impairment;
  /** Most bytes that are held in each direction; default 256 MiB. What exceeds it is lost. */
  readonly limit?: number;
}

/** What became of the frames of one direction. */
export interface ImpairmentCounters {
  /** Frames that entered the path. */
  offered: number;
  /** Lost because the path was down. */
  down: number;
  /** Lost by the script. */
  dropped: number;
  /** Lost at random, bursts included. */
  lost: number;
  /** Lost because the queue of the bottleneck, or the memory for held frames, was full. */
  overflowed: number;
  /** Frames that were marked as congested. */
  marked: number;
  /** Frames with a flipped bit. */
  corrupted: number;
  /** Frames that arrive twice. */
  duplicated: number;
  /** Frames that come late. */
  reordered: number;
}

/** A direction, as the device's user sees it. */
export type ImpairedDirection = "transmit" | "receive";

const DEFAULT_LIMIT = 256 << 20;
const DEFAULT_QUEUE = 256 << 10;
const TWO_TO_32 = 0x100000000;
/** Most frames that are taken from the device in one call without one that goes through. */
const BUDGET = 256;
const ETHERTYPE = 12;
const IPV4 = 0x0800;
const IPV6 = 0x86dd;

/**
 * Any device behind a bad network: an emulator of loss, delay, disorder and bottlenecks, exact to
 * the bit when run again with the same seed.
 *
 * Frames that are held come out of `receive` and are sent by `receive` and `transmit`, when
 * {@link Device.nextDeadline} has come. A frame that the path loses was transmitted all the same:
 * its sender cannot know. A TCP super-segment shares one fate.
 *
 * @example
 * ```ts
 * import { ImpairedDevice } from "./impairment.ts";
 * import { loopbackPair } from "./loopback.ts";
 *
 * const [a, b] = loopbackPair();
 * const path = { loss: 0.01, delay: 50, rate: 100_000_000 };
 * await using device = new ImpairedDevice(a, { seed: 7, transmit: path, receive: path });
 * await b.close();
 * ```
 */
export class ImpairedDevice implements Device {
  readonly capabilities: LinkCapabilities;
  readonly #device: Device;
  readonly #transmit: Path;
  readonly #receive: Path;
  readonly #frame = new Frame();
  #open = true;

  /**
   * Wraps a device.
   *
   * @param device The device; it is closed with this one.
   * @param options What happens to its frames.
   * @throws {RangeError} At a value out of its range.
   */
  constructor(device: Device, options: ImpairmentOptions) {
    const { seed, transmit = {}, receive = {}, limit = DEFAULT_LIMIT } = options;
    this.#device = device;
    this.capabilities = inOnePiece(device.capabilities);
    this.#transmit = new Path(seededRandom(seed), limit, transmit);
    this.#receive = new Path(seededRandom(~seed), limit, receive);
  }

  get name(): string {
    return this.#device.name;
  }

  /** What became of the frames so far, in each direction. */
  get counters(): Readonly<Record<ImpairedDirection, Readonly<ImpairmentCounters>>> {
    return { transmit: this.#transmit.counters, receive: this.#receive.counters };
  }

  /**
   * Changes what happens to the frames of a direction from now on; those on their way stay on it.
   *
   * @throws {RangeError} At a value out of its range.
   */
  impair(direction: ImpairedDirection, impairment: Impairment): void {
    (direction === "transmit" ? this.#transmit : this.#receive).impairment = impairment;
  }

  receive(frame: Frame, now: number): boolean {
    this.#send(now);
    const path = this.#receive;
    for (let i = 0; i < BUDGET; i++) {
      if (path.held.nextDue <= now) {
        path.held.pop(frame);
        return true;
      }
      if (!this.#device.receive(frame, now)) return false;
      if (path.passes(frame, now)) return true;
    }
    return false;
  }

  transmit(frame: Frame, now: number): boolean {
    if (!this.#open || !carries(this.capabilities, frame)) return false;
    this.#send(now);
    const passing = this.#frame;
    passing.set(frame.bytes, frame.offset, frame.length);
    passing.copyOffload(frame);
    if (!this.#transmit.passes(passing, now)) return true;
    return this.#device.transmit(passing, now);
  }

  nextDeadline(): number {
    const held = Math.min(this.#transmit.held.nextDue, this.#receive.held.nextDue);
    return Math.min(held, this.#device.nextDeadline());
  }

  wait(timeout: number): Promise<void> {
    return this.#device.wait(timeout);
  }

  wake(): void {
    this.#device.wake();
  }

  close(): Promise<void> {
    this.#open = false;
    this.#transmit.held.clear();
    this.#receive.held.clear();
    return this.#device.close();
  }

  /** As `close`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Sends what is due. */
  #send(now: number): void {
    const { held } = this.#transmit;
    while (held.nextDue <= now) {
      held.pop(this.#frame);
      this.#device.transmit(this.#frame, now);
    }
  }
}

/** One direction of a wire: what happens to the frames that are sent into it. */
export class Path {
  /** What became of them so far. */
  readonly counters: ImpairmentCounters = {
    offered: 0,
    down: 0,
    dropped: 0,
    lost: 0,
    overflowed: 0,
    marked: 0,
    corrupted: 0,
    duplicated: 0,
    reordered: 0,
  };
  /** Frames on their way. */
  readonly held: FrameHeap;
  readonly #random: () => number;
  #impairment!: Impairment;
  #inBurst = false;
  /** When the bottleneck has sent what it has. */
  #busyUntil = -Infinity;
  /** When the last frame that keeps its place arrives. */
  #lastDue = -Infinity;

  /**
   * @param random Gives uniform unsigned 32-bit integers.
   * @param limit Most bytes that are held.
   * @param impairment What happens to the frames.
   */
  constructor(random: () => number, limit: number, impairment: Impairment) {
    this.#random = random;
    this.held = new FrameHeap(limit);
    this.impairment = impairment;
  }

  /** What happens to the frames from now on. */
  set impairment(impairment: Impairment) {
    checkRanges(impairment);
    this.#impairment = impairment;
  }

  /**
   * Sends a frame on its way. What is due at `now` has been taken already.
   *
   * @param frame The frame; pointed at a copy if a bit of it is flipped.
   * @returns Whether it goes through at once; otherwise it is lost or held.
   */
  passes(frame: Frame, now: number): boolean {
    const { counters } = this;
    const impairment = this.#impairment;
    const index = counters.offered++;
    if (impairment.down) {
      counters.down++;
      return false;
    }
    if (impairment.drop?.(frame, index, now)) {
      counters.dropped++;
      return false;
    }
    if (this.#isLost()) {
      counters.lost++;
      return false;
    }
    const waiting = this.#waiting(now);
    const sent = this.#bottleneck(frame.length, waiting, now);
    if (sent === undefined) {
      counters.overflowed++;
      return false;
    }
    if (impairment.mark !== undefined && waiting > impairment.mark && markCongestion(frame)) {
      counters.marked++;
    }
    if (this.#chance(impairment.corrupt) && flipBit(frame, this.#random())) counters.corrupted++;
    const due = this.#arrival(sent);
    const passes = due <= now;
    if (!passes && !this.held.push(frame, due)) {
      counters.overflowed++;
      return false;
    }
    if (this.#chance(impairment.duplicate) && this.held.push(frame, due)) counters.duplicated++;
    return passes;
  }

  #isLost(): boolean {
    const { burst, loss } = this.#impairment;
    if (burst !== undefined) {
      this.#inBurst = this.#inBurst ? !this.#chance(burst.exit) : this.#chance(burst.enter);
      if (this.#inBurst) return this.#chance(burst.loss ?? 1);
    }
    return this.#chance(loss);
  }

  /** Bytes that wait before the bottleneck. */
  #waiting(now: number): number {
    const { rate } = this.#impairment;
    return rate === undefined ? 0 : Math.max(this.#busyUntil - now, 0) * rate / 8000;
  }

  /** When the bottleneck has sent a frame; `undefined` if there is no room before it. */
  #bottleneck(length: number, waiting: number, now: number): number | undefined {
    const { rate, queue = DEFAULT_QUEUE } = this.#impairment;
    if (rate === undefined) return now;
    const bytesPerMillisecond = rate / 8000;
    const start = Math.max(now, this.#busyUntil);
    if (waiting > 0 && waiting + length > queue) return undefined;
    return this.#busyUntil = start + length / bytesPerMillisecond;
  }

  /** When a frame arrives that the bottleneck has sent. */
  #arrival(sent: number): number {
    const { delay = 0, jitter = 0, reorder } = this.#impairment;
    const due = sent + delay + (jitter > 0 ? jitter * this.#random() / TWO_TO_32 : 0);
    if (reorder !== undefined && this.#chance(reorder.probability)) {
      this.counters.reordered++;
      return due + reorder.delay;
    }
    return this.#lastDue = Math.max(due, this.#lastDue);
  }

  #chance(probability: number | undefined): boolean {
    return probability !== undefined && probability > 0 &&
      this.#random() < probability * TWO_TO_32;
  }
}

/**
 * Makes the script that loses some frames in a row.
 *
 * @param first Index of the first frame to lose, from 0.
 * @param count How many to lose.
 * @returns For {@link Impairment.drop}.
 */
export function dropFrames(first: number, count: number): (frame: Frame, index: number) => boolean {
  return (_frame, index) => index >= first && index < first + count;
}

/**
 * Flips a bit of an IP packet, in a copy that the frame is pointed at. A checksum that was still to
 * be completed, or was no longer to be verified, is made whole before: the receiver must see it.
 *
 * @param choice Which bit: any number.
 * @returns `false` if the frame carries no IP packet, and is as it was.
 */
function flipBit(frame: Frame, choice: number): boolean {
  const { bytes, offset, length } = frame;
  const etherType = read16(bytes, offset + ETHERTYPE);
  const bits = (length - ETHERNET_HEADER_SIZE) * 8;
  if ((etherType !== IPV4 && etherType !== IPV6) || bits === 0) return false;
  const copy = bytes.slice(offset, offset + length);
  if (frame.checksum === "partial") {
    const start = frame.checksumStart;
    // 0xffff is the other zero of ones' complement: in UDP a field of 0 would mean no checksum.
    const checksum = fold(sum(copy, start, length - start, 0)) || 0xffff;
    write16(copy, start + frame.checksumOffset, checksum);
  }
  const bit = choice % bits;
  copy[ETHERNET_HEADER_SIZE + (bit >> 3)]! ^= 1 << (bit & 7);
  frame.set(copy, 0, length);
  return true;
}

function checkRanges(impairment: Impairment): void {
  const { burst, reorder } = impairment;
  const probabilities = {
    "loss": impairment.loss,
    "corrupt": impairment.corrupt,
    "duplicate": impairment.duplicate,
    "burst.enter": burst?.enter,
    "burst.exit": burst?.exit,
    "burst.loss": burst?.loss,
    "reorder.probability": reorder?.probability,
  };
  for (const [name, value] of Object.entries(probabilities)) {
    if (value === undefined || (value >= 0 && value <= 1)) continue;
    throw new RangeError(`${name} ${value} is no probability: expected 0 to 1`);
  }
  const { delay, jitter, queue, rate } = impairment;
  const quantities = { delay, jitter, queue, rate, "reorder.delay": reorder?.delay };
  for (const [name, value] of Object.entries(quantities)) {
    if (value === undefined || value > 0 || (value === 0 && name !== "rate")) continue;
    const expected = name === "rate" ? "more than 0" : "0 or more";
    throw new RangeError(`${name} ${value} is out of range: expected ${expected}`);
  }
}
