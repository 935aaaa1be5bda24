import { decodePacket } from "../../runtime/testing/packet_decode.ts";
import { formatSegment } from "../../runtime/testing/segment_script.ts";
import type { Frame } from "../../stack/wire/frame.ts";
import { FIRST_LOCAL_PORT, FIRST_PORT, patternByte } from "./end.ts";

/** One direction of a connection, as its segments tell. */
interface Direction {
  /** Initial sequence number. */
  readonly isn: number;
  /** The scale that its SYN offers; -1 for none. */
  readonly scale: number;
  /** The MSS that its SYN announces. */
  readonly mss: number;
  /** Where the pattern of its stream begins; `undefined`: not known. */
  readonly pattern: number | undefined;
  /** End of what was sent, from the SYN. */
  sent: number;
  /** Where the FIN lies, from the SYN. */
  fin: number | undefined;
  /** Highest acknowledgment sent, from the other side's SYN. */
  acknowledged: number;
  /** Highest right edge of the window advertised, from the other side's SYN. */
  edge: number;
}

const FIN = 1, SYN = 2, RST = 4, ACK = 16;

/**
 * Watches every frame that is sent: each must be sound by itself, and each segment must keep to the
 * windows, numbers and sizes that both sides have agreed on, and carry the bytes that belong at its
 * place in the stream. It reads the bytes for itself.
 */
export class WireCheck {
  /** What was wrong, in words. */
  readonly faults: string[] = [];
  /** Every segment and transition, if a trace is wanted. */
  readonly lines: string[] | undefined;
  readonly #directions = new Map<number, Direction>();
  readonly #ghosts = new Set<number>();
  /** Directions from a station that has opened passively. */
  readonly #opened = new Set<number>();
  /** Stations that answer SYNs with cookies: each with a number of its own, for all they know. */
  readonly #forgetful: ReadonlySet<number>;
  /** Everything that the host at hand has sent so far has left. */
  #complete = true;
  /** Directions between ports that were used before. */
  readonly #used = new Set<number>();
  readonly #patterns = new Map<number, number>();
  #here = "";

  /**
   * @param trace Whether every segment shall be written down.
   * @param forgetful Stations that answer SYNs with cookies.
   */
  constructor(trace: boolean, forgetful: ReadonlySet<number>) {
    this.#forgetful = forgetful;
    this.lines = trace ? [] : undefined;
  }

  /**
   * A connection begins, perhaps in the place of an earlier one.
   *
   * @param patterns Where the streams of opener and acceptor begin.
   */
  begins(
    opener: number,
    openerPort: number,
    acceptor: number,
    acceptorPort: number,
    patterns: readonly [number, number],
  ): void {
    const there = keyOf(opener, openerPort, acceptor, acceptorPort);
    const back = keyOf(acceptor, acceptorPort, opener, openerPort);
    for (const key of [there, back]) {
      if (this.#directions.delete(key)) this.#used.add(key);
      this.#ghosts.delete(key);
      this.#opened.delete(key);
    }
    this.#patterns.set(there, patterns[0]).set(back, patterns[1]);
  }

  /**
   * A listener has taken a SYN, or a cookie. Where it has done so before between the same ports, it is
   * a late copy: two ends that speak of different things are not looked at any more.
   */
  opensPassively(station: number, opener: string): void {
    const [address, port] = opener.split(":") as [string, string];
    const peer = Number(address.slice("10.0.0.".length));
    const own = Number(port) - FIRST_LOCAL_PORT + FIRST_PORT;
    const key = keyOf(station, own, peer, Number(port));
    if (!this.#opened.has(key)) this.#opened.add(key);
    else this.#ghosts.add(key).add(keyOf(peer, Number(port), station, own));
  }

  /** A connection has changed its state. */
  transition(line: string): void {
    this.lines?.push(`${" ".repeat(10)}${line}`);
  }

  /**
   * A frame leaves a host whose largest IP packet is `mtu` bytes.
   *
   * @param complete No packet of the host was dropped while it waited for an address.
   */
  sent(frame: Frame, mtu: number, now: number, complete = true): void {
    this.#complete = complete;
    const { bytes, offset, length } = frame;
    const at = offset + 14;
    if (length < 14 + 20 || bytes[offset + 12] !== 8 || bytes[offset + 13] !== 0) return;
    const fail = (what: string) => this.faults.push(`at ${now}: ${this.#here}: ${what}`);
    const total = read16(bytes, at + 2);
    if (bytes[at] !== 0x45 || total > length - 14) fail("an IP header that is none of ours");
    if (checksum(bytes, at, 20, 0) !== 0xffff) fail("the IP header checksum is wrong");
    if (frame.segmentSize === 0 && length > mtu + 14) fail(`a frame of ${length} bytes`);
    if (bytes[at + 9] !== 6) return;
    const tcp = at + 20;
    const size = total - 20;
    const pseudo = read16(bytes, at + 12) + read16(bytes, at + 14) + read16(bytes, at + 16) +
      read16(bytes, at + 18) + 6 + size;
    // With a partial checksum the field holds the sum of the pseudo-header.
    const whole = frame.checksum !== "partial";
    const right = whole
      ? checksum(bytes, tcp, size, pseudo) === 0xffff
      : folded(pseudo) === read16(bytes, tcp + 16);
    if (!right) fail("the TCP checksum is wrong");
    const source = bytes[at + 15]!;
    const destination = bytes[at + 19]!;
    const from = read16(bytes, tcp), to = read16(bytes, tcp + 2);
    const here = keyOf(source, from, destination, to);
    const there = keyOf(destination, to, source, from);
    this.#here = `10.0.0.${source}:${from} > 10.0.0.${destination}:${to}`;
    this.#segment(bytes, tcp, size, frame.segmentSize, here, there, fail);
    if (this.lines === undefined) return;
    const { tcp: segment } = decodePacket(frame.view(), {
      checksum: whole ? "complete" : "partial",
    });
    if (segment === undefined) return;
    const bases = { seq: this.#directions.get(here)?.isn, ack: this.#directions.get(there)?.isn };
    this.lines.push(
      `${(now / 1000).toFixed(6)}  ${this.#here}  ${formatSegment(segment, bases)}`,
    );
  }

  #segment(
    bytes: Uint8Array,
    tcp: number,
    size: number,
    segmentSize: number,
    here: number,
    there: number,
    fail: (what: string) => void,
  ): void {
    const flags = bytes[tcp + 13]!;
    if ((flags & RST) !== 0 || this.#ghosts.has(here)) return;
    const header = (bytes[tcp + 12]! >> 4) * 4;
    const seq = read32(bytes, tcp + 4);
    const other = this.#directions.get(there);
    const used = this.#used.has(here);
    // What answers a late copy of the connection before belongs to that one.
    if (used && other !== undefined && (flags & ACK) !== 0) {
      if (((read32(bytes, tcp + 8) - other.isn) | 0) < 0) return;
    }
    if ((flags & SYN) !== 0) this.#syn(bytes, tcp, header, seq, here, there, fail);
    if (this.#ghosts.has(here)) return;
    const own = this.#directions.get(here);
    if (own === undefined) {
      if (!used) fail("a segment before the SYN");
      return;
    }
    const text = size - header;
    const fin = (flags & FIN) !== 0;
    if (text < 0) fail("a header longer than the segment");
    if ((flags & SYN) !== 0 && fin) fail("SYN with FIN");
    const again = (flags & SYN) !== 0 && own.sent > 0 && this.#forgetful.has(bytes[tcp - 5]!);
    if (again) return; // A cookie for a late copy of the SYN.
    if ((flags & ACK) !== 0) {
      this.#acknowledgment(
        own,
        other,
        flags,
        read32(bytes, tcp + 8),
        read16(bytes, tcp + 14),
        fail,
      );
    } else if ((flags & SYN) === 0) fail("neither ACK nor SYN");
    if (header > 20 && other !== undefined && (flags & SYN) === 0) {
      this.#reports(bytes, tcp, header, other, fail);
    }
    const start = (seq - own.isn) | 0;
    const end = start + text + (fin ? 1 : 0) + ((flags & SYN) !== 0 ? 1 : 0);
    if (end === start) return;
    if (start > own.sent && this.#complete) {
      fail(`a gap: ${own.sent} was sent, and now comes ${start}`);
    }
    own.sent = Math.max(own.sent, end);
    if (own.fin !== undefined && end > own.fin + 1) fail(`${end} lies beyond the FIN`);
    if (fin) {
      if (own.fin !== undefined && own.fin !== end - 1) fail(`the FIN moved to ${end - 1}`);
      own.fin = end - 1;
    }
    if (other === undefined || text === 0) return;
    // A window that was offered in a SYN is not scaled, and the next one is rounded down from it.
    const rounding = other.scale > 0 && own.scale >= 0 ? 2 ** other.scale - 1 : 0;
    if (start + text > other.edge + rounding && text > 1) {
      fail(`${start + text} lies beyond the window, which ends at ${other.edge}`);
    }
    if ((segmentSize || text) > other.mss) {
      fail(`a segment of ${segmentSize || text} bytes, and the MSS is ${other.mss}`);
    }
    if (own.pattern === undefined) return;
    const first = own.pattern + start - 1;
    for (let i = 0; i < text; i++) {
      if (bytes[tcp + header + i] === patternByte(first + i)) continue;
      return fail(`byte ${start - 1 + i} of the stream is not what was written`);
    }
  }

  #syn(
    bytes: Uint8Array,
    tcp: number,
    header: number,
    isn: number,
    here: number,
    there: number,
    fail: (what: string) => void,
  ): void {
    const known = this.#directions.get(here);
    if (known !== undefined) {
      if (known.isn === isn) return;
      if (this.#forgetful.has(bytes[tcp - 5]!)) this.#ghosts.add(here).add(there);
      else fail("a SYN with another number");
      return;
    }
    let mss = 536, scale = -1;
    for (let i = tcp + 20; i < tcp + header && bytes[i] !== 0;) {
      if (bytes[i] === 2) mss = read16(bytes, i + 2);
      if (bytes[i] === 3) scale = bytes[i + 2]!;
      i += bytes[i] === 1 ? 1 : Math.max(bytes[i + 1]!, 2);
    }
    const pattern = this.#patterns.get(here);
    this.#directions.set(here, {
      isn,
      scale,
      mss,
      pattern,
      sent: 0,
      fin: undefined,
      acknowledged: 0,
      edge: 0,
    });
  }

  /** A range that is reported was sent. */
  #reports(
    bytes: Uint8Array,
    tcp: number,
    header: number,
    other: Direction,
    fail: (what: string) => void,
  ): void {
    for (let i = tcp + 20; i < tcp + header && bytes[i] !== 0;) {
      if (bytes[i] === 5) {
        for (let block = i + 2; block < i + bytes[i + 1]!; block += 8) {
          const start = (read32(bytes, block) - other.isn) | 0;
          const end = (read32(bytes, block + 4) - other.isn) | 0;
          if (start >= end || end > other.sent) {
            fail(`reports ${start} to ${end}, and ${other.sent} was sent`);
          }
        }
      }
      i += bytes[i] === 1 ? 1 : Math.max(bytes[i + 1]!, 2);
    }
  }

  #acknowledgment(
    own: Direction,
    other: Direction | undefined,
    flags: number,
    number: number,
    window: number,
    fail: (what: string) => void,
  ): void {
    if (other === undefined) return;
    const ack = (number - other.isn) | 0;
    if (ack > other.sent) fail(`acknowledges ${ack}, and ${other.sent} was sent`);
    if (ack < own.acknowledged) fail(`acknowledges ${ack} after ${own.acknowledged}`);
    own.acknowledged = Math.max(own.acknowledged, ack);
    const syn = (flags & SYN) !== 0;
    // A SYN-ACK that is repeated says again what it said first.
    if (syn && own.edge > 0) return;
    const scaled = !syn && own.scale >= 0 && other.scale >= 0;
    const edge = ack + window * 2 ** (scaled ? own.scale : 0);
    // By less than a unit of the scale it may (RFC 7323 section 2.4).
    if (edge <= own.edge - 2 ** (scaled ? own.scale : 0)) {
      fail(`the window's edge went back from ${own.edge} to ${edge}`);
    }
    own.edge = Math.max(own.edge, edge);
  }
}

/** Both ends as one number: there are at most 15 stations. */
function keyOf(from: number, fromPort: number, to: number, toPort: number): number {
  return ((from * 16 + to) * 65_536 + fromPort) * 65_536 + toPort;
}

function read16(bytes: Uint8Array, at: number): number {
  return bytes[at]! << 8 | bytes[at + 1]!;
}

function read32(bytes: Uint8Array, at: number): number {
  return bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 | bytes[at + 3]!;
}

function folded(sum: number): number {
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}

/** The ones' complement sum (RFC 1071); 0xffff over what holds its right checksum. */
export function checksum(bytes: Uint8Array, at: number, length: number, initial: number): number {
  let sum = initial;
  const even = at + (length & ~1);
  for (let i = at; i < even; i += 2) sum += bytes[i]! << 8 | bytes[i + 1]!;
  if ((length & 1) !== 0) sum += bytes[even]! << 8;
  return folded(sum);
}
