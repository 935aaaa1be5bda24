import { segmentLength, type TcpSegment } from "../../runtime/testing/packet.ts";
import { decodePacket } from "../../runtime/testing/packet_decode.ts";
import { formatSegment } from "../../runtime/testing/segment_script.ts";
import type { Frame } from "../../stack/wire/frame.ts";

/** One direction of a connection, as its segments tell. */
interface Direction {
  /** Initial sequence number. */
  readonly isn: number;
  /** The scale that its SYN offers; -1 for none. */
  readonly scale: number;
  /** The MSS that its SYN announces. */
  readonly mss: number;
  /** End of what was sent, from the SYN. */
  sent: number;
  /** Where the FIN lies, from the SYN. */
  fin: number | undefined;
  /** Highest acknowledgment sent, from the other side's SYN. */
  acknowledged: number;
  /** Highest right edge of the window advertised, from the other side's SYN. */
  edge: number;
}

/**
 * Watches every frame that is sent: each must be sound by itself, and each segment must keep to the
 * windows, numbers and sizes that both sides have agreed on.
 */
export class WireCheck {
  /** What was wrong, in words. */
  readonly faults: string[] = [];
  /** Every segment and transition, if a trace is wanted. */
  readonly lines: string[] | undefined;
  readonly #mtu: number;
  readonly #directions = new Map<string, Direction>();
  readonly #ghosts = new Set<string>();

  /**
   * @param mtu Largest IP packet.
   * @param trace Whether every segment shall be written down.
   */
  constructor(mtu: number, trace: boolean) {
    this.#mtu = mtu;
    this.lines = trace ? [] : undefined;
  }

  /** A frame leaves a stack. */
  sent(frame: Frame, now: number): void {
    const checksum = frame.checksum === "partial" ? "partial" : "complete";
    const { faults, ip, tcp } = decodePacket(frame.view(), { checksum });
    for (const fault of faults) this.faults.push(`at ${now}: ${fault}`);
    if (ip === undefined || tcp === undefined) return;
    if (frame.segmentSize === 0 && frame.length > this.#mtu + 14) {
      this.faults.push(`at ${now}: a frame of ${frame.length} bytes`);
    }
    const here = `${ip.source}:${tcp.sourcePort} > ${ip.destination}:${tcp.destinationPort}`;
    const there = `${ip.destination}:${tcp.destinationPort} > ${ip.source}:${tcp.sourcePort}`;
    const fail = (what: string) => this.faults.push(`at ${now}: ${here}: ${what}`);
    this.#check(here, there, tcp, frame.segmentSize || tcp.payload.length, fail);
    const bases = { seq: this.#directions.get(here)?.isn, ack: this.#directions.get(there)?.isn };
    this.lines?.push(`${(now / 1000).toFixed(6)}  ${here}  ${formatSegment(tcp, bases)}`);
  }

  /**
   * A stack's connection has changed its state. A late copy of an old SYN may open one again where
   * another has ended: two ends that speak of different things are not looked at any more.
   *
   * @param line The transition after the station's address.
   */
  transition(line: string): void {
    this.lines?.push(`${" ".repeat(10)}${line}`);
    const match = /^(\S+) (\S+) .* Passive_open /.exec(line);
    if (match === null) return;
    for (const key of this.#directions.keys()) {
      if (!key.startsWith(`${match[1]}:`) || !key.endsWith(` ${match[2]}`)) continue;
      this.#ghosts.add(key).add(key.split(" > ").reverse().join(" > "));
    }
  }

  #check(
    here: string,
    there: string,
    tcp: TcpSegment,
    size: number,
    fail: (what: string) => void,
  ): void {
    const { flags } = tcp;
    if (flags.includes("RST") || this.#ghosts.has(here)) return;
    if (flags.includes("SYN")) this.#syn(here, tcp, fail);
    const own = this.#directions.get(here);
    const other = this.#directions.get(there);
    if (own === undefined) return fail("a segment before the SYN");
    this.#acknowledgment(own, other, tcp, fail);
    const start = (tcp.seq - own.isn) | 0;
    const end = start + segmentLength(tcp);
    if (end === start) return;
    if (start > own.sent) fail(`a gap: ${own.sent} was sent, and now comes ${start}`);
    own.sent = Math.max(own.sent, end);
    if (own.fin !== undefined && end > own.fin + 1) fail(`${end} lies beyond the FIN`);
    if (flags.includes("FIN")) {
      if (own.fin !== undefined && own.fin !== end - 1) fail(`the FIN moved to ${end - 1}`);
      own.fin = end - 1;
    }
    if (other === undefined || tcp.payload.length === 0) return;
    const dataEnd = start + tcp.payload.length;
    if (dataEnd > other.edge && tcp.payload.length > 1) {
      fail(`${dataEnd} lies beyond the window, which ends at ${other.edge}`);
    }
    if (size > other.mss) fail(`a segment of ${size} bytes, and the MSS is ${other.mss}`);
  }

  #syn(here: string, tcp: TcpSegment, fail: (what: string) => void): void {
    const known = this.#directions.get(here);
    const scale = tcp.options.find((option) => option.kind === "ws");
    const mss = tcp.options.find((option) => option.kind === "mss");
    if (known === undefined) {
      this.#directions.set(here, {
        isn: tcp.seq,
        scale: scale?.kind === "ws" ? scale.shift : -1,
        mss: mss?.kind === "mss" ? mss.size : 536,
        sent: 0,
        fin: undefined,
        acknowledged: 0,
        edge: 0,
      });
    } else if (known.isn !== tcp.seq) fail("a SYN with another number");
  }

  #acknowledgment(
    own: Direction,
    other: Direction | undefined,
    tcp: TcpSegment,
    fail: (what: string) => void,
  ): void {
    if (other === undefined || !tcp.flags.includes("ACK")) return;
    const ack = (tcp.ack - other.isn) | 0;
    if (ack > other.sent) fail(`acknowledges ${ack}, and ${other.sent} was sent`);
    if (ack < own.acknowledged) fail(`acknowledges ${ack} after ${own.acknowledged}`);
    own.acknowledged = Math.max(own.acknowledged, ack);
    // A SYN-ACK that is repeated says again what it said first.
    if (tcp.flags.includes("SYN") && own.edge > 0) return;
    const scaled = !tcp.flags.includes("SYN") && own.scale >= 0 && other.scale >= 0;
    const edge = ack + tcp.window * 2 ** (scaled ? own.scale : 0);
    if (edge < own.edge) fail(`the window's edge went back from ${own.edge} to ${edge}`);
    own.edge = Math.max(own.edge, edge);
  }
}
