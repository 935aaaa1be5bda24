import { Frame } from "../../stack/wire/frame.ts";
import { Dice } from "./dice.ts";
import type { Host, Network } from "./network.ts";
import { OddEnd, type OddSegment } from "./odd_end.ts";
import type { OddPlan } from "./plan.ts";
import { checksum } from "./wire_check.ts";

/** Frames that are kept for being sent again much later. */
const KEPT = 32;

/**
 * A host that is none of ours: it answers ARP, and speaks TCP by {@link OddEnd}. What it sends may
 * come again long after, into whatever is there by then.
 */
export class OddHost implements Host {
  readonly plan: OddPlan;
  readonly dice: Dice;
  readonly number: number;
  /** What its timestamps differ from the time by. */
  readonly clock: number;
  readonly #network: Network;
  readonly #tap: (frame: Frame, now: number) => void;
  readonly #ends = new Map<number, OddEnd>();
  readonly #kept: Uint8Array[] = [];
  readonly #replays: { time: number; bytes: Uint8Array }[] = [];

  /**
   * @param number The station.
   * @param tap Told of each frame, but for those that are sent again.
   */
  constructor(
    network: Network,
    number: number,
    plan: OddPlan,
    seed: number,
    tap: (frame: Frame, now: number) => void,
  ) {
    this.#network = network;
    this.number = number;
    this.plan = plan;
    this.dice = new Dice(seed * 31 + 7);
    this.#tap = tap;
    this.clock = this.dice.whole(0, 2 ** 32 - 1);
  }

  /** Puts an end of a connection at a port, in the place of the one before. */
  add(port: number, end: OddEnd): void {
    this.#ends.set(port, end);
  }

  nextDeadline(): number {
    let next = this.#replays[0]?.time ?? Infinity;
    for (const end of this.#ends.values()) next = Math.min(next, end.nextDeadline());
    return next;
  }

  poll(now: number): void {
    while (this.#replays.length > 0 && this.#replays[0]!.time <= now) {
      this.#network.send(this.number, new Frame(this.#replays.shift()!.bytes), now);
    }
    for (const end of this.#ends.values()) if (end.nextDeadline() <= now) end.poll(now);
  }

  receive(frame: Frame, now: number): void {
    const bytes = frame.view();
    const type = bytes[12]! << 8 | bytes[13]!;
    if (type === 0x0806) this.#answerArp(bytes, now);
    if (type !== 0x0800 || bytes[14] !== 0x45 || checksum(bytes, 14, 20, 0) !== 0xffff) return;
    const total = bytes[16]! << 8 | bytes[17]!;
    if (bytes[23] !== 6 || total > bytes.length - 14 || bytes[33] !== this.number) return;
    const size = total - 20;
    const at = 34;
    const pseudo = checksum(bytes, 26, 8, 6 + size);
    if (frame.checksum === "complete" && checksum(bytes, at, size, pseudo) !== 0xffff) return;
    const view = new DataView(bytes.buffer, bytes.byteOffset + at, size);
    const header = (bytes[at + 12]! >> 4) * 4;
    const segment: OddSegment = {
      station: bytes[29]!,
      port: view.getUint16(0),
      seq: view.getInt32(4),
      ack: view.getInt32(8),
      flags: bytes[at + 13]!,
      window: view.getUint16(14),
      text: bytes.subarray(at + header, at + size),
      scale: -1,
      mss: 536,
      sack: false,
      timestamp: undefined,
      echo: 0,
    };
    for (let i = 20; i < header && view.getUint8(i) !== 0;) {
      const kind = view.getUint8(i);
      if (kind === 2) segment.mss = view.getUint16(i + 2);
      if (kind === 3) segment.scale = view.getUint8(i + 2);
      if (kind === 4) segment.sack = true;
      if (kind === 8) {
        segment.timestamp = view.getInt32(i + 2);
        segment.echo = view.getInt32(i + 6);
      }
      i += kind === 1 ? 1 : Math.max(view.getUint8(i + 1), 2);
    }
    this.#ends.get(view.getUint16(2))?.receive(segment, now);
  }

  /**
   * Sends a segment.
   *
   * @param options The options, a multiple of four bytes.
   * @param secretly It is none of its own, and nobody is told.
   */
  send(
    to: number,
    port: number,
    toPort: number,
    seq: number,
    ack: number,
    flags: number,
    window: number,
    options: readonly number[],
    text: Uint8Array,
    now: number,
    secretly = false,
  ): void {
    const header = 20 + options.length;
    const size = header + text.length;
    const bytes = new Uint8Array(34 + size);
    const view = new DataView(bytes.buffer);
    bytes.set([2, 0, 0, 0, 0, to, 2, 0, 0, 0, 0, this.number, 8, 0, 0x45, 0]);
    view.setUint16(16, 20 + size);
    bytes.set([0x40, 0, 64, 6], 20);
    bytes.set([10, 0, 0, this.number, 10, 0, 0, to], 26);
    view.setUint16(24, 0xffff - checksum(bytes, 14, 20, 0));
    view.setUint16(34, port);
    view.setUint16(36, toPort);
    view.setInt32(38, seq);
    view.setInt32(42, ack);
    bytes[46] = header << 2;
    bytes[47] = flags;
    view.setUint16(48, window);
    bytes.set(options, 54);
    bytes.set(text, 34 + header);
    view.setUint16(50, 0xffff - checksum(bytes, 34, size, checksum(bytes, 26, 8, 6 + size)));
    const frame = new Frame(bytes);
    if (!secretly) this.#tap(frame, now);
    this.#network.send(this.number, frame, now);
    if (!secretly) this.#keep(bytes, now);
  }

  #keep(bytes: Uint8Array, now: number): void {
    const { dice, plan } = this;
    // A reset that comes late is the end of whatever it hits: nobody can help that.
    if (plan.replay === 0 || (bytes[47]! & 4) !== 0) return;
    this.#kept.push(bytes);
    if (this.#kept.length > KEPT) this.#kept.shift();
    if (!dice.chance(plan.replay)) return;
    const old = this.#kept[dice.whole(0, this.#kept.length - 1)]!;
    const time = now + dice.magnitude(1, 20_000);
    const at = this.#replays.findIndex((replay) => replay.time > time);
    this.#replays.splice(at < 0 ? this.#replays.length : at, 0, { time, bytes: old });
  }

  #answerArp(bytes: Uint8Array, now: number): void {
    if (bytes[21] !== 1 || bytes[41] !== this.number) return;
    const reply = bytes.slice(0, 42);
    reply.set(bytes.subarray(6, 12), 0);
    const own = [2, 0, 0, 0, 0, this.number];
    reply.set(own, 6);
    reply[21] = 2;
    reply.set([...own, 10, 0, 0, this.number], 22);
    reply.set(bytes.subarray(22, 32), 32);
    this.#network.send(this.number, new Frame(reply), now);
  }
}
