import type { LinkCapabilities } from "../../stack/link.ts";
import type { Frame } from "../../stack/wire/frame.ts";
import { inOnePiece } from "./carries.ts";
import type { Device } from "./device.ts";
import { BlockWriter, type Direction, INBOUND, OUTBOUND, type Timestamp } from "./pcapng.ts";

/**
 * Where a capture is written.
 *
 * @param chunk The next bytes of the file, one whole block. Only lent: whoever keeps it copies it.
 * @returns `false` if it is not taken: then it is missing in the file, and is counted as lost.
 */
export type CaptureSink = (chunk: Uint8Array) => boolean;

/** How a capture is made. */
export interface CaptureOptions {
  /** Where it is written. */
  readonly sink: CaptureSink;
  /**
   * Unix time, in milliseconds, at which the clock of `receive` and `transmit` read 0; default
   * `performance.timeOrigin`, which is right for `performance.now()`.
   */
  readonly timeOrigin?: number;
  /**
   * For a reader that follows: the last packet is written when its device starts to wait, and not
   * only when the next one comes. A comment that comes later is found on that next one.
   */
  readonly live?: boolean;
  /** Name of the program that captures; default `Taproom`. */
  readonly application?: string;
}

/** A device whose frames are captured, made by {@link Capture.wrap}. */
export interface CaptureDevice extends Device {
  /**
   * Comments on the frame that this device received or transmitted last: what it did. If another
   * frame has been written since, or none came yet, the comment goes to this device's next frame;
   * if there is no next one, to its statistics at the end.
   *
   * @param text One line, as `{ Listen }  - Send_synack 7 ->  { Syn_rcvd 7 }`.
   */
  annotate(text: string): void;
}

/**
 * A capture in the pcapng format, of any number of devices: every frame whole, with a stamp in
 * nanoseconds and its direction, and with comments that say what it did.
 *
 * Frames are written as they are between stack and device. Where the device takes offload off the
 * stack's hands that is not yet what a wire would carry, as in any capture on a host: a TCP
 * super-segment is one packet of up to 64 KiB, and a partial checksum is the sum of the
 * pseudo-header alone. The format has no mark for either; Wireshark knows both by sight.
 *
 * @example
 * ```ts
 * import { Capture } from "./capture.ts";
 * import { loopbackPair } from "./loopback.ts";
 * import { Frame } from "../../stack/wire/frame.ts";
 *
 * const file: Uint8Array[] = [];
 * const capture = new Capture({ sink: (chunk) => file.push(chunk.slice()) > 0 });
 * const [a] = loopbackPair();
 * const device = capture.wrap(a, "one end of a wire");
 * device.transmit(new Frame(new Uint8Array(60)), 1.5);
 * device.annotate("the first frame");
 * await device.close();
 * ```
 */
export class Capture {
  readonly #recorder: Recorder;
  readonly #live: boolean;
  #interfaces = 0;

  /**
   * Begins a capture.
   *
   * @param options Where it is written, and how.
   */
  constructor(options: CaptureOptions) {
    const { sink, timeOrigin = performance.timeOrigin, live = false } = options;
    this.#recorder = new Recorder(sink, timeOrigin);
    this.#live = live;
    this.#recorder.begin(options.application ?? "Taproom");
  }

  /**
   * Adds a device to the capture.
   *
   * @param device The device; it is closed when the returned one is.
   * @param description A line for people: what is behind it.
   * @returns The same device, captured.
   */
  wrap(device: Device, description = ""): CaptureDevice {
    this.#recorder.describe(device.name, description);
    return new CapturedInterface(device, this.#recorder, this.#interfaces++, this.#live);
  }

  /** Writes the frame that is held back for its comments. */
  flush(): void {
    this.#recorder.flush();
  }
}

/** Most comments that wait for a frame. */
const MAX_WAITING = 256;
const TWO_TO_32 = 0x100000000;

/** The file: the one frame that is held back, of whatever interface, keeps the file in order. */
class Recorder {
  readonly #sink: CaptureSink;
  readonly #writer = new BlockWriter();
  readonly #originHigh: number;
  readonly #originLow: number;
  readonly #time: Timestamp = { high: 0, low: 0 };
  #held: CapturedInterface | undefined;

  constructor(sink: CaptureSink, timeOrigin: number) {
    this.#sink = sink;
    // In whole microseconds: a number of this size has no finer grain.
    const origin = BigInt(Math.round(timeOrigin * 1000)) * 1000n;
    this.#originHigh = Number(origin >> 32n);
    this.#originLow = Number(origin & 0xffffffffn);
  }

  begin(application: string): void {
    this.#writer.sectionHeader(application);
    this.#sink(this.#writer.end());
  }

  describe(name: string, description: string): void {
    this.flush();
    this.#writer.interfaceDescription(name, description);
    this.#sink(this.#writer.end());
  }

  /** Takes a frame and holds it back until the next one. */
  record(face: CapturedInterface, frame: Frame, now: number, direction: Direction): void {
    this.flush();
    this.#writer.packet(face.id, this.#stamp(now), frame, direction);
    this.#held = face;
  }

  flush(): void {
    const held = this.#held;
    if (held === undefined) return;
    this.#held = undefined;
    if (held.untold > 0) this.#writer.dropCount(held.untold);
    for (const comment of held.takeComments()) this.#writer.comment(comment);
    held.written(this.#sink(this.#writer.end()));
  }

  /** Ends what the file says of an interface. */
  finish(face: CapturedInterface, now: number): void {
    this.flush();
    this.#writer.interfaceStatistics(face.id, this.#stamp(now), face.seen, face.lost);
    for (const comment of face.takeComments()) this.#writer.comment(comment);
    this.#sink(this.#writer.end());
  }

  /** The wall clock's time, in a record that is used again; `now` has 2^53 ns before it coarsens. */
  #stamp(now: number): Timestamp {
    const nanoseconds = Math.round(now * 1e6);
    const high = Math.floor(nanoseconds / TWO_TO_32);
    const low = this.#originLow + (nanoseconds - high * TWO_TO_32);
    const carry = low >= TWO_TO_32 ? 1 : 0;
    this.#time.high = this.#originHigh + high + carry;
    this.#time.low = low - carry * TWO_TO_32;
    return this.#time;
  }
}

class CapturedInterface implements CaptureDevice {
  readonly id: number;
  /** Frames that went through. */
  seen = 0;
  /** Frames that are missing in the file. */
  lost = 0;
  /** How many of them come after the last one that is in the file. */
  untold = 0;
  readonly capabilities: LinkCapabilities;
  readonly #device: Device;
  readonly #recorder: Recorder;
  readonly #live: boolean;
  #comments: string[] = [];
  #more = 0;
  #last = 0;
  #closing: Promise<void> | undefined;

  constructor(device: Device, recorder: Recorder, id: number, live: boolean) {
    this.#device = device;
    this.capabilities = inOnePiece(device.capabilities);
    this.#recorder = recorder;
    this.id = id;
    this.#live = live;
  }

  get name(): string {
    return this.#device.name;
  }

  receive(frame: Frame, now: number): boolean {
    if (!this.#device.receive(frame, now)) return false;
    this.#record(frame, now, INBOUND);
    return true;
  }

  transmit(frame: Frame, now: number): boolean {
    if (!this.#device.transmit(frame, now)) return false;
    this.#record(frame, now, OUTBOUND);
    return true;
  }

  annotate(text: string): void {
    if (this.#comments.length < MAX_WAITING) this.#comments.push(text);
    else this.#more++;
  }

  nextDeadline(): number {
    return this.#device.nextDeadline();
  }

  wait(timeout: number): Promise<void> {
    if (this.#live) this.#recorder.flush();
    return this.#device.wait(timeout);
  }

  wake(): void {
    this.#device.wake();
  }

  close(): Promise<void> {
    if (this.#closing === undefined) {
      this.#recorder.finish(this, this.#last);
      this.#closing = this.#device.close();
    }
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Notes whether the frame that was held back got into the file. */
  written(taken: boolean): void {
    if (taken) {
      this.untold = 0;
    } else {
      this.lost++;
      this.untold++;
    }
  }

  takeComments(): string[] {
    const comments = this.#comments;
    if (comments.length === 0) return comments;
    if (this.#more > 0) comments.push(`and ${this.#more} more`);
    this.#comments = [];
    this.#more = 0;
    return comments;
  }

  #record(frame: Frame, now: number, direction: Direction): void {
    this.seen++;
    this.#last = now;
    this.#recorder.record(this, frame, now, direction);
  }
}
