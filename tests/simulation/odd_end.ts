import type { CloseReason } from "../../stack/tcp/api.ts";
import { patternBytes } from "../../runtime/testing/segment_script.ts";
import { type End, patternByte } from "./end.ts";
import type { OddHost } from "./odd_host.ts";
import type { SidePlan } from "./plan.ts";

const FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16;

/** A segment that has come to an {@link OddHost}. */
export interface OddSegment {
  readonly station: number;
  readonly port: number;
  readonly seq: number;
  readonly ack: number;
  readonly flags: number;
  readonly window: number;
  readonly text: Uint8Array;
  scale: number;
  mss: number;
  sack: boolean;
  timestamp: number | undefined;
  echo: number;
}

/** Timeouts in a row before it gives up. */
const MOST_TRIES = 14;
const LONGEST_TIMEOUT = 10_000;
/** Longest time without a segment. A stack's keepalive is told to speak up earlier. */
const SILENCE = 150_000;

/** Older than anything that was said on a connection, however long it was silent, in milliseconds. */
const LONG_AGO = 10_000_000;

/**
 * One end of a connection, written for itself after RFC 9293 and as simple as can be: it sends again
 * by a timer only, from the beginning, in segments cut anew. All numbers are relative: 0 is a SYN,
 * 1 the first byte of text. What it may do it does: close its window, read in gulps, forget what it
 * has reported, acknowledge late, send old bytes along with new ones, speak without any option.
 */
export class OddEnd implements End {
  read = 0;
  goodbye: "none" | "half" | "whole" = "none";
  aborted = false;
  ended = false;
  begun = false;
  closedAt = Infinity;
  endedAt = Infinity;
  readonly reasons: CloseReason[] = [];
  readonly faults: string[] = [];

  readonly #host: OddHost;
  readonly #plan: SidePlan;
  readonly #port: number;
  readonly #peer: number;
  #peerPort: number;
  readonly #patterns: readonly [number, number];
  readonly #opens: boolean;
  readonly #iss: number;

  #synced = false;
  #mss = 536;
  #scale = 0;
  #ownScale = 0;
  #sack = false;
  #timestamps = false;
  #recent = 0;
  // Sending.
  #una = 0;
  #nxt = 0;
  /** Nothing beyond it was ever sent. */
  #max = 0;
  /** Right edge of the peer's window. */
  #limit = 1;
  #tries = 0;
  #timeout = Infinity;
  #abortAt = Infinity;
  // Receiving.
  #irs = 0;
  #rcvNxt = 0;
  #rcvFin = Infinity;
  /** What has come ahead. */
  #ahead: [number, number][] = [];
  /** Right edge of our window. */
  #edge = 0;
  /** Bytes that the application has taken. */
  #taken = 0;
  #unanswered = 0;
  #ackAt = Infinity;
  #readAt = Infinity;
  /** When it stops waiting for a peer that says nothing. */
  #lostAt = Infinity;

  /**
   * @param peer The other station and port; with `opens` this end sends the first SYN.
   * @param patterns Where the pattern begins that it writes, and that which it reads.
   * @param iss Its initial sequence number.
   */
  constructor(
    host: OddHost,
    plan: SidePlan,
    port: number,
    peer: { readonly station: number; readonly port: number },
    patterns: readonly [number, number],
    iss: number,
    opens: boolean,
  ) {
    this.#host = host;
    this.#plan = plan;
    this.#port = port;
    this.#peer = peer.station;
    this.#peerPort = peer.port;
    this.#patterns = patterns;
    this.#iss = iss | 0;
    this.#opens = opens;
  }

  /** All that it will write: what counts is that the peer gets no more, and all if there is an end. */
  get written(): number {
    return this.#plan.bytes;
  }

  /** Sequence number after everything that it has sent, for the next one at this port. */
  get endOfNumbers(): number {
    return (this.#iss + this.#max) | 0;
  }

  /** It has nothing more to say or to hear. */
  get over(): boolean {
    return this.reasons.length > 0;
  }

  /** Sends the SYN. */
  open(now: number): void {
    this.#sendSyn(now);
  }

  nextDeadline(): number {
    return Math.min(this.#timeout, this.#ackAt, this.#readAt, this.#abortAt, this.#lostAt);
  }

  poll(now: number): void {
    if (this.#abortAt <= now) return this.#abort(now);
    if (this.#lostAt <= now) return this.#finish("timeout", now);
    if (this.#readAt <= now) {
      this.#readAt = Infinity;
      this.#taken = this.read;
      if (this.#newEdge() > this.#edge && !this.over) this.#acknowledge(now);
    }
    if (this.#ackAt <= now) this.#acknowledge(now);
    if (this.#timeout <= now) this.#expired(now);
  }

  receive(segment: OddSegment, now: number): void {
    const { flags } = segment;
    if (segment.station !== this.#peer) return;
    if (this.#peerPort === 0) this.#peerPort = segment.port;
    if (segment.port !== this.#peerPort) return;
    if (
      this.over && this.reasons[0] !== "closed" ||
      !this.#synced && this.#max === 0 && (flags & SYN) === 0
    ) {
      // Nothing is here.
      if ((flags & (RST | ACK)) === ACK) this.#emit(segment.ack, 0, RST, 0, [], now);
      return;
    }
    if (!this.#synced) return this.#handshake(segment, now);
    if (!this.over) this.#lostAt = now + SILENCE;
    const start = (segment.seq - this.#irs) | 0;
    if ((flags & RST) !== 0) {
      if (start === this.#rcvNxt) this.#finish("reset", now);
      return;
    }
    if ((flags & SYN) !== 0) {
      // Our ACK, or our SYN-ACK, was lost; or it is old.
      if (start === 0 && !this.begun) return this.#sendSyn(now);
      return this.#acknowledge(now);
    }
    if ((flags & ACK) === 0) return;
    if (this.#timestamps && segment.timestamp !== undefined) {
      if (((segment.timestamp - this.#recent) | 0) < 0) {
        if (segment.text.length > 0 || (flags & FIN) !== 0) this.#acknowledge(now);
        return;
      }
      if (start <= this.#rcvNxt) this.#recent = segment.timestamp;
    }
    if (!this.#takeAck(segment, start, now)) return;
    this.#takeText(segment, start, now);
    this.#sendMore(now);
    if (!this.over && this.#host.dice.chance(this.#host.plan.lies)) this.#lie(now);
  }

  #handshake(segment: OddSegment, now: number): void {
    const { flags } = segment;
    const { plan } = this.#host;
    const acknowledges = (flags & ACK) !== 0 && ((segment.ack - this.#iss) | 0) === 1;
    if ((flags & RST) !== 0) {
      if (acknowledges && this.#opens) this.#finish("refused", now);
      return;
    }
    if ((flags & SYN) === 0) {
      if ((flags & ACK) !== 0) this.#emit(segment.ack, 0, RST, 0, [], now);
      return;
    }
    if (this.#opens && !acknowledges) {
      if ((flags & ACK) !== 0) this.#emit(segment.ack, 0, RST, 0, [], now);
      return;
    }
    this.#synced = true;
    this.#irs = segment.seq;
    this.#rcvNxt = 1;
    this.#mss = Math.min(segment.mss, plan.segment);
    const scales = plan.scale >= 0 && segment.scale >= 0;
    this.#scale = scales ? segment.scale : 0;
    this.#ownScale = scales ? plan.scale : 0;
    this.#sack = plan.sack && segment.sack;
    this.#timestamps = plan.timestamps && segment.timestamp !== undefined;
    this.#recent = segment.timestamp ?? 0;
    if (this.#timestamps) this.#mss = Math.max(this.#mss - 12, 8);
    this.#limit = 1 + segment.window; // never scaled in a SYN
    this.#edge = this.#rcvNxt + Math.min(plan.window, 65_535);
    if (!this.#opens) return this.#sendSyn(now);
    this.#una = this.#nxt = this.#max = 1;
    this.#begin(now);
    this.#acknowledge(now);
    this.#sendMore(now);
  }

  #begin(now: number): void {
    const { ending } = this.#plan;
    this.begun = true;
    this.#lostAt = now + SILENCE;
    this.#timeout = Infinity;
    this.#tries = 0;
    if (ending.kind === "abort-at") this.#abortAt = now + ending.time;
  }

  /** @returns Whether the segment is to be looked at any further. */
  #takeAck(segment: OddSegment, start: number, now: number): boolean {
    const ack = (segment.ack - this.#iss) | 0;
    if (ack > this.#max) {
      if (this.begun) this.#acknowledge(now);
      return false;
    }
    if (!this.begun) {
      if (ack < 1) return false;
      this.#una = this.#nxt = 1;
      this.#begin(now);
    }
    if (ack > this.#una) {
      this.#una = ack;
      this.#nxt = Math.max(this.#nxt, ack);
      this.#tries = 0;
      this.#timeout = this.#una < this.#max ? now + this.#host.plan.rto : Infinity;
    }
    if (ack === this.#una && start + segment.text.length >= this.#rcvNxt) {
      const limit = ack + segment.window * 2 ** this.#scale;
      if (limit > this.#limit) this.#tries = 0;
      if (ack === this.#una && limit === this.#una) this.#tries = 0; // It answers probes.
      this.#limit = Math.max(this.#limit, limit);
    }
    if (this.#una > this.#lastByte) this.#lookForEnd(now);
    return true;
  }

  #takeText(segment: OddSegment, start: number, now: number): void {
    const { plan, dice } = this.#host;
    const { text } = segment;
    const fin = (segment.flags & FIN) !== 0;
    if (text.length === 0 && !fin) {
      if (start !== this.#rcvNxt && this.begun && start < this.#rcvNxt) this.#acknowledge(now);
      return;
    }
    if (start + text.length + (fin ? 1 : 0) <= this.#rcvNxt || start > this.#edge) {
      return this.#acknowledge(now); // Old, perhaps older than this connection.
    }
    const first = this.#patterns[1] + start - 1;
    for (let i = 0; i < text.length; i++) {
      if (text[i] === patternByte(first + i)) continue;
      this.faults.push(`byte ${start - 1 + i} of the stream is not what was written`);
      break;
    }
    const end = Math.min(start + text.length, this.#edge);
    if (fin && start + text.length <= this.#edge + 1) this.#rcvFin = start + text.length;
    if (start > this.#rcvNxt) {
      if (end > start) this.#ahead.push([start, end]);
      if (dice.chance(plan.renege)) this.#ahead = [];
      return this.#acknowledge(now);
    }
    const old = end <= this.#rcvNxt;
    this.#rcvNxt = Math.max(this.#rcvNxt, end);
    for (let more = true; more;) {
      more = false;
      for (const [from, to] of this.#ahead) {
        if (from > this.#rcvNxt || to <= this.#rcvNxt) continue;
        this.#rcvNxt = to;
        more = true;
      }
    }
    const filled = this.#ahead.length > 0;
    this.#ahead = this.#ahead.filter(([, to]) => to > this.#rcvNxt);
    this.read = Math.min(this.#rcvNxt, this.#rcvFin) - 1;
    if (this.#rcvNxt === this.#rcvFin) {
      this.#rcvNxt++;
      this.ended = true;
    }
    if (plan.readEvery === 0) this.#taken = this.read;
    else if (this.#readAt === Infinity) this.#readAt = now + dice.whole(1, plan.readEvery);
    this.#unanswered++;
    if (old || fin || filled || plan.ackDelay === 0 || this.#unanswered >= plan.ackEvery) {
      this.#acknowledge(now);
    } else if (this.#ackAt === Infinity) this.#ackAt = now + plan.ackDelay;
    this.#lookForEnd(now);
  }

  /** Both directions have ended, and the peer knows of ours. */
  #lookForEnd(now: number): void {
    if (this.ended && this.#una > this.#lastByte) this.#finish("closed", now);
  }

  /** The number of the FIN. */
  get #lastByte(): number {
    return 1 + this.#plan.bytes;
  }

  /** All that may be sent: up to the FIN, if it is time for one. */
  get #whole(): number {
    const waits = this.#plan.ending.kind === "after-peer" && !this.ended;
    return waits ? 1 : this.#lastByte + 1;
  }

  #sendMore(now: number): void {
    const { plan } = this.#host;
    if (!this.begun || this.over) return;
    while (this.#nxt < this.#whole && this.#nxt - this.#una < plan.flight * this.#mss) {
      // A FIN needs no room in the window.
      const room = this.#nxt === this.#lastByte ? 1 : this.#limit - this.#nxt;
      if (room <= 0) break;
      this.#nxt = this.#sendAt(this.#nxt, room, now);
    }
    if (this.#una < this.#whole && this.#timeout === Infinity) this.#timeout = now + plan.rto;
  }

  /**
   * Sends a segment that begins at a number, or a little before it.
   *
   * @returns Where it ends.
   */
  #sendAt(at: number, room: number, now: number): number {
    const { plan, dice } = this.#host;
    const size = dice.whole(1, this.#mss);
    const overlaps = dice.chance(plan.overlap) && at < this.#limit;
    const from = overlaps ? Math.max(1, at - dice.whole(0, size)) : at;
    const end = Math.min(Math.max(from + size, at), at + room, this.#lastByte, from + this.#mss);
    const fin = end === this.#lastByte && this.#whole > this.#lastByte;
    if (fin && this.goodbye === "none") {
      this.goodbye = "half";
    }
    const text = patternBytes(this.#patterns[0] + from - 1, Math.max(end - from, 0));
    const next = Math.max(end, from) + (fin ? 1 : 0);
    this.#max = Math.max(this.#max, next);
    this.#send(from, ACK | (fin ? FIN : 0) | (dice.chance(0.5) ? PSH : 0), text, now);
    return next;
  }

  /**
   * Somebody who knows the ports and little else says something in our name. Nothing of it may have
   * an effect (RFC 5961, RFC 7323 section 5), but for an acknowledgment that tells us where we stand.
   */
  #lie(now: number): void {
    const { dice } = this.#host;
    const garbage = new Uint8Array(dice.whole(1, 100)).fill(0xa5);
    const nothing = new Uint8Array(0);
    const seq = this.#iss + this.#una;
    const ack = this.#irs + this.#rcvNxt;
    const options = this.#timestamps ? this.#timestampOption(now) : [];
    const late = this.#timestamps ? this.#timestampOption(now - LONG_AGO) : [];
    switch (dice.whole(0, 5)) {
      case 0: {
        // A reset in the window, and beyond everything that there will be.
        const end = this.#iss + this.#lastByte + 1 + dice.whole(1, 20);
        return this.#emit(end, ack, RST | ACK, 0, options, now, nothing, true);
      }
      case 1:
        if (this.goodbye !== "none") return; // In TIME_WAIT it would begin anew.
        return this.#emit(seq + dice.whole(-10, 10), 0, SYN, 1_000, options, now, nothing, true);
      case 2: {
        const unsent = this.#irs + this.#edge + (1 << 20);
        return this.#emit(seq, unsent, ACK, 60_000, options, now, garbage, true);
      }
      case 3:
        return this.#emit(seq, 0, 0, 60_000, options, now, garbage, true);
      case 4:
        if (late.length > 0) this.#emit(seq, ack, ACK, 60_000, late, now, garbage, true);
        return;
      case 5:
        if (late.length > 0) this.#emit(seq, ack, ACK, 60_000, [], now, garbage, true);
    }
  }

  #expired(now: number): void {
    const { plan, dice } = this.#host;
    if (++this.#tries > MOST_TRIES) return this.#finish("timeout", now);
    this.#timeout = now + Math.min(plan.rto * 2 ** this.#tries, LONGEST_TIMEOUT);
    if (!this.begun) return this.#sendSyn(now);
    if (this.#una >= this.#whole) {
      this.#timeout = Infinity;
      return;
    }
    // From the beginning, in other pieces; one byte beyond a window that is closed.
    let at = this.#una;
    for (let i = dice.whole(1, 3); i > 0 && at < this.#whole; i--) {
      const room = at === this.#lastByte ? 1 : Math.max(this.#limit - at, at === this.#una ? 1 : 0);
      if (room <= 0) break;
      at = this.#sendAt(at, room, now);
    }
    this.#nxt = Math.max(at, this.#una);
  }

  #sendSyn(now: number): void {
    const { plan } = this.#host;
    const answers = this.#synced;
    const options: number[] = [];
    if (plan.mss > 0) options.push(2, 4, plan.mss >> 8, plan.mss & 255);
    if (plan.scale >= 0 && (!answers || this.#ownScale === plan.scale)) {
      options.push(1, 3, 3, plan.scale);
    }
    if (answers ? this.#sack : plan.sack) options.push(4, 2, 1, 1);
    if (answers ? this.#timestamps : plan.timestamps) options.push(...this.#timestampOption(now));
    this.#max = Math.max(this.#max, 1);
    if (this.#timeout === Infinity) this.#timeout = now + 1_000;
    const window = Math.min(plan.window, 65_535);
    const ack = answers ? this.#irs + 1 : 0;
    this.#emit(this.#iss, ack, answers ? SYN | ACK : SYN, window, options, now);
  }

  #acknowledge(now: number): void {
    if (!this.#synced) return;
    this.#send(this.#max, ACK, new Uint8Array(0), now);
  }

  /** The right edge that would be advertised now: what fits behind what was not yet taken. */
  #newEdge(): number {
    const unit = 2 ** this.#ownScale;
    const room = Math.max(this.#host.plan.window - (this.read - this.#taken), 0);
    const field = Math.min(Math.floor(room / unit), 65_535);
    return Math.max(this.#rcvNxt + field * unit, this.#edge);
  }

  #send(start: number, flags: number, text: Uint8Array, now: number): void {
    const unit = 2 ** this.#ownScale;
    const field = Math.min(Math.ceil((this.#newEdge() - this.#rcvNxt) / unit), 65_535);
    this.#edge = Math.max(this.#rcvNxt + field * unit, this.#edge);
    const options: number[] = this.#timestamps ? this.#timestampOption(now) : [];
    if (this.#sack && text.length === 0 && this.#ahead.length > 0) {
      const blocks = this.#blocks().slice(0, this.#timestamps ? 3 : 4);
      options.push(1, 1, 5, 2 + 8 * blocks.length);
      for (const [from, to] of blocks) {
        options.push(...word(this.#irs + from), ...word(this.#irs + to));
      }
    }
    this.#unanswered = 0;
    this.#ackAt = Infinity;
    this.#emit(this.#iss + start, this.#irs + this.#rcvNxt, flags, field, options, now, text);
  }

  /** What lies ahead, joined; the latest first. */
  #blocks(): [number, number][] {
    const sorted = [...this.#ahead].sort(([a], [b]) => a - b);
    const joined: [number, number][] = [];
    for (const [from, to] of sorted) {
      const last = joined.at(-1);
      if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], to);
      else joined.push([from, to]);
    }
    const latest = this.#ahead.at(-1)![0];
    const at = joined.findIndex(([from, to]) => from <= latest && latest < to);
    return [joined[at]!, ...joined.slice(0, at), ...joined.slice(at + 1)];
  }

  #timestampOption(now: number): number[] {
    return [1, 1, 8, 10, ...word(Math.floor(now) + this.#host.clock), ...word(this.#recent)];
  }

  #abort(now: number): void {
    this.#abortAt = Infinity;
    if (this.over) return;
    this.aborted = true;
    const options: number[] = this.#timestamps ? this.#timestampOption(now) : [];
    this.#emit(this.#iss + this.#max, this.#irs + this.#rcvNxt, RST | ACK, 0, options, now);
    this.#finish("aborted", now);
  }

  #finish(reason: CloseReason, now: number): void {
    if (this.over) return;
    this.reasons.push(reason);
    this.endedAt = now;
    this.#timeout =
      this.#readAt =
      this.#abortAt =
      this.#lostAt =
        Infinity;
    if (reason !== "closed") this.#ackAt = Infinity;
  }

  #emit(
    seq: number,
    ack: number,
    flags: number,
    window: number,
    options: readonly number[],
    now: number,
    text: Uint8Array = new Uint8Array(0),
    secretly = false,
  ): void {
    this.#host.send(
      this.#peer,
      this.#port,
      this.#peerPort,
      seq | 0,
      ack | 0,
      flags,
      window,
      options,
      text,
      now,
      secretly,
    );
  }
}

function word(value: number): number[] {
  return [value >>> 24, value >>> 16 & 255, value >>> 8 & 255, value & 255];
}
