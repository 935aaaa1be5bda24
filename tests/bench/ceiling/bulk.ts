// What is longer than one frame: chargen, and HTTP responses with a large body. The only state of
// the ceiling program: how far each such connection is, and what window its peer has.

import { Gather } from "../../../runtime/device/linux/gather.ts";
import type { Libc } from "../../../runtime/device/linux/libc.ts";
import { write32 } from "../../../stack/wire/bytes.ts";
import { ACK, ACKNOWLEDGMENT, PSH, SEQUENCE, SOURCE_PORT } from "../../../stack/wire/tcp.ts";
import { MSS, PAYLOAD, setLength, TCP, template } from "./frames.ts";

/** Payload of a frame: as many whole segments as an IP packet holds. */
const PIECE = 44 * MSS;
/** What is sent again so many times is given up. */
const MAX_ATTEMPTS = 8;

/** Bytes that are sent over and over. */
export class Source {
  /** The bytes, and the first ones of them again, so that no piece has to wrap around. */
  readonly bytes: Uint8Array<ArrayBuffer>;

  /** @param once The bytes. */
  constructor(readonly once: Uint8Array) {
    this.bytes = new Uint8Array(once.length + PIECE);
    for (let at = 0; at < this.bytes.length; at += once.length) {
      this.bytes.set(once.subarray(0, this.bytes.length - at), at);
    }
  }
}

/** A connection that is sent more than a frame holds. Positions count its bytes from 0. */
export class Flow {
  /** First byte that is not acknowledged. */
  acknowledged = 0;
  /** Next byte to send. */
  next = 0;
  /** First byte that the peer has no room for. */
  edge = 0;
  /** What to acknowledge of the peer's bytes. */
  received = 0;
  /** Whether it waits for its turn to send. */
  queued = false;
  /** How often the peer has said the same, and how often we began anew since. */
  duplicates = 0;
  attempts = 0;
  /** What was acknowledged when the clock was looked at last. */
  before = -1;

  /**
   * @param ports Both ports, as our frames have them.
   * @param first Sequence number of the first byte.
   * @param scale Window scale of the peer.
   * @param end First byte that is not to be sent, for now.
   */
  constructor(
    readonly ports: number,
    readonly first: number,
    readonly scale: number,
    readonly source: Source,
    public end: number,
  ) {}
}

/** Sends what flows have, in turn, a super-segment each. */
export class Bulk {
  readonly #libc: Libc;
  readonly #tun: number;
  readonly #gather = new Gather();
  readonly #flows = new Map<number, Flow>();
  /** Those that may send; their order does not matter. */
  readonly #ready: Flow[] = [];
  /** The headers of all frames. */
  readonly header: Uint8Array<ArrayBuffer> = template(ACK | PSH);
  #length = 0;

  constructor(libc: Libc, tun: number) {
    this.#libc = libc;
    this.#tun = tun;
    this.#gather.set(0, this.header, 0, PAYLOAD);
  }

  /** Whether anything is under way that may have to be sent again. */
  get waits(): boolean {
    return this.#flows.values().some(({ acknowledged, next }) => acknowledged < next);
  }

  add(flow: Flow): void {
    this.#flows.set(flow.ports, flow);
  }

  delete(ports: number): void {
    const flow = this.#flows.get(ports);
    if (flow === undefined) return;
    flow.edge = 0; // If it is queued, it is dropped there.
    this.#flows.delete(ports);
  }

  get(ports: number): Flow | undefined {
    return this.#flows.get(ports);
  }

  /** Takes an acknowledgment and a window. */
  acknowledge(flow: Flow, ack: number, window: number): void {
    const position = flow.acknowledged + (ack - flow.first - flow.acknowledged | 0);
    const edge = position + window * 2 ** flow.scale;
    if (position > flow.acknowledged) {
      flow.acknowledged = position;
      flow.next = Math.max(flow.next, position);
      flow.duplicates = 0;
      flow.attempts = 0;
    } else if (edge === flow.edge && flow.next > position && ++flow.duplicates === 3) {
      flow.next = position;
    }
    flow.edge = edge;
    this.queue(flow);
  }

  /** Lets a flow send if it may. */
  queue(flow: Flow): void {
    if (flow.queued || lengthOf(flow) === 0) return;
    flow.queued = true;
    this.#ready.push(flow);
  }

  /** Sends a super-segment of each flow that may; returns how many. */
  send(): number {
    const ready = this.#ready;
    let sent = 0;
    for (let i = 0; i < ready.length;) {
      const flow = ready[i]!;
      const length = lengthOf(flow);
      if (length > 0) {
        this.#write(flow, length);
        sent++;
      }
      if (lengthOf(flow) > 0) {
        i++;
        continue;
      }
      flow.queued = false;
      const last = ready.pop()!;
      if (last !== flow) ready[i] = last;
    }
    return sent;
  }

  /** To be called now and then: what has not come any further since is sent again. */
  goBack(): void {
    for (const flow of this.#flows.values()) {
      if (flow.acknowledged === flow.before && flow.acknowledged < flow.next) {
        if (++flow.attempts > MAX_ATTEMPTS) this.delete(flow.ports);
        flow.next = flow.acknowledged;
        this.queue(flow);
      }
      flow.before = flow.acknowledged;
    }
  }

  #write(flow: Flow, length: number): void {
    const { header } = this;
    if (length !== this.#length) {
      setLength(header, PAYLOAD - TCP + length);
      this.#length = length;
    }
    write32(header, TCP + SOURCE_PORT, flow.ports);
    write32(header, TCP + SEQUENCE, flow.first + flow.next);
    write32(header, TCP + ACKNOWLEDGMENT, flow.received);
    const { bytes, once } = flow.source;
    this.#gather.set(1, bytes, flow.next % once.length, length);
    // A frame that is not taken is lost, as on any link.
    this.#libc.symbols.writev(this.#tun, this.#gather.bytes, 2);
    flow.next += length;
  }
}

/** How much a flow may send in one frame now: 0 if it is not worth one. */
function lengthOf(flow: Flow): number {
  const waiting = Math.min(PIECE, flow.end - flow.next);
  const length = Math.min(waiting, flow.edge - flow.next);
  if (length <= 0) return 0;
  const worthIt = length === waiting || length >= PIECE / 2 || flow.next === flow.acknowledged;
  return worthIt ? length : 0;
}
