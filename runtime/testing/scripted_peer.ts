import type { Frame } from "../../stack/wire/frame.ts";
import type { ObservedConnection } from "./observed_connection.ts";
import { segmentLength, type TcpSegment } from "./packet.ts";
import { encodePacket, type PacketInit } from "./packet_encode.ts";
import { matchSegment, parseSegment, patternBytes, type SequenceBases } from "./segment_script.ts";

/** Who a scripted peer is. */
export interface PeerOptions {
  /** Its Internet address; default 10.0.0.1. */
  address?: string;
  /** Its port; default: 40000, 40001 and so on. */
  port?: number;
  /** Its initial sequence number; default 1000. */
  isn?: number;
  /** Its link address; default: one made from the Internet address. */
  mac?: string;
  /** The port of the stack under test that it talks to; default: the one listened on. */
  to?: number;
}

/** What to change in the headers around a segment. */
export interface SendOptions {
  /** Ethernet: another destination, source or type. */
  ethernet?: Partial<PacketInit["ethernet"]>;
  /** IPv4: another address, TTL, a wrong checksum and so on. */
  ip?: Partial<NonNullable<PacketInit["ip"]>>;
  /** Bytes behind the packet: link padding. */
  trailer?: Uint8Array;
  /** What the stack's device says of the frame: joined segments, a checksum that it vouches for. */
  offload?: Partial<Pick<Frame, "checksum" | "segmentSize">>;
}

/** How a scripted peer opens a connection. */
export interface OpenOptions {
  /** MSS that it offers; default 1460. `0` for no option. */
  mss?: number;
  /** Window scale that it offers; none by default. */
  ws?: number;
  /** Window field of its segments, unscaled; default 65535. */
  win?: number;
  /** More options of its SYN, as in a script: `sackok ts=1:0`. */
  options?: string;
}

/** A segment from the stack. */
export interface ReceivedSegment extends TcpSegment {
  /** When it came, in milliseconds since the scene was set. */
  readonly time: number;
  /** Explicit congestion notification of its packet (RFC 3168 section 5): 2 for ECT(0). */
  readonly ecn: number;
  /** Routers must not fragment its packet. */
  readonly df: boolean;
}

/** What a peer needs of the scenario that it plays in. */
export interface Stage {
  /** Hands a frame to the stack under test, with what its device says of it. */
  deliver(frame: Uint8Array, offload?: SendOptions["offload"]): void;
  /** Lets the stack send what is due. */
  pump(): void;
  /** Ends the test: throws an error with the message and the whole trace. */
  fail(message: string): never;
  /** Adds the segment to the trace. */
  trace(peer: ScriptedPeer, direction: "<" | ">", segment: TcpSegment): void;
  /** The stack's link address. */
  readonly mac: string;
  /** The stack's Internet address. */
  readonly address: string;
  /** What was handed to the application, in order. */
  readonly accepted: readonly ObservedConnection[];
}

/** What one segment carries, in relative numbers. */
interface Piece {
  start: number;
  firstByte: number;
  end: number;
  bytes: Uint8Array;
}

/**
 * One end of a TCP connection that does what a script says, segment by segment, and checks each
 * segment that comes back. It knows no TCP of its own but counting.
 *
 * Numbers are relative: `seq=0` is the sender's SYN, `seq=1` its first byte. A segment that is sent
 * without `seq` carries on where the last one ended; without `ack` it acknowledges everything that
 * was expected (and not lost) in order so far.
 */
export class ScriptedPeer {
  /** Its Internet address. */
  readonly address: string;
  /** Its port. */
  readonly port: number;
  /** Its link address. */
  readonly mac: string;
  /** Its initial sequence number. */
  readonly isn: number;
  /** The port of the stack that it talks to; 0 until it is known. */
  to: number;
  /** Initial sequence number of the stack; `undefined` until its SYN was expected. */
  remoteIsn: number | undefined;
  /** Window field of segments that do not say another. */
  win = 65535;
  /** Relative number of the next byte that it sends. */
  sndNxt = 0;
  /** Relative number of the next byte that it waits for. */
  rcvNxt = 0;

  #stage: Stage;
  #arrived: ReceivedSegment[] = [];
  /** What was received and not yet put in line, mostly because of a gap before it. */
  #pieces: Piece[] = [];
  #stream: Uint8Array[] = [];

  /** Made by `Scenario.peer`. */
  constructor(stage: Stage, options: Required<PeerOptions>) {
    this.#stage = stage;
    this.address = options.address;
    this.port = options.port;
    this.mac = options.mac;
    this.isn = options.isn;
    this.to = options.to;
  }

  /** Bases of the numbers in segments that the peer sends. */
  get sendBases(): SequenceBases {
    return { seq: this.isn, ack: this.remoteIsn };
  }

  /** Bases of the numbers in segments that the stack sends. */
  get receiveBases(): SequenceBases {
    return { seq: this.remoteIsn, ack: this.isn };
  }

  /** Segments that have come and were not looked at yet. */
  get waiting(): number {
    this.#stage.pump();
    return this.#arrived.length;
  }

  /**
   * Sends a segment: `peer.send("PSH ACK seq=1 ack=1", "hello")`.
   *
   * @param script The segment; `len=n` gives it n bytes of {@link patternBytes}.
   * @param payload Its payload.
   * @param options Changes of the headers around it.
   */
  send(script: string, payload?: string | Uint8Array, options: SendOptions = {}): void {
    const segment = parseSegment(script, this.sendBases);
    const relative = segment.seq === undefined ? this.sndNxt : (segment.seq - this.isn) | 0;
    const acknowledges = segment.flags.includes("ACK");
    if (acknowledges && segment.ack === undefined && this.remoteIsn === undefined) {
      throw new SyntaxError(`"${script}": no SYN was expected yet, so say which ack`);
    }
    const bytes = payload === undefined
      ? patternBytes(relative, segment.length ?? 0)
      : toBytes(payload);
    const tcp: TcpSegment = {
      sourcePort: this.port,
      destinationPort: this.to,
      seq: (this.isn + relative) >>> 0,
      ack: segment.ack ?? (acknowledges ? (this.remoteIsn! + this.rcvNxt) >>> 0 : 0),
      flags: segment.flags,
      window: segment.window ?? this.win,
      urgent: segment.urgent,
      options: segment.options,
      payload: bytes,
    };
    if (!segment.flags.includes("RST")) {
      this.sndNxt = Math.max(this.sndNxt, relative + segmentLength(tcp));
    }
    this.#stage.trace(this, ">", tcp);
    const frame = encodePacket({
      ethernet: { destination: this.#stage.mac, source: this.mac, ...options.ethernet },
      ip: { source: this.address, destination: this.#stage.address, ...options.ip },
      tcp: {
        ...tcp,
        dataOffset: segment.dataOffset,
        checksum: segment.badChecksum ? "bad" : undefined,
      },
      trailer: options.trailer,
    });
    this.#stage.deliver(frame, options.offload);
  }

  /**
   * Expects the next segment from the stack, which has come already (let time pass first if it
   * has not).
   *
   * @param script What it must be, see `matchSegment`.
   * @param payload What it must carry.
   * @returns The segment, for further checks.
   */
  expect(script: string, payload?: string | Uint8Array): ReceivedSegment {
    const segment = this.#next(script, payload);
    this.#keep(segment);
    return segment;
  }

  /** As {@link ScriptedPeer.expect}, but the segment is lost on the way: the peer never knew it. */
  lose(script: string, payload?: string | Uint8Array): ReceivedSegment {
    return this.#next(script, payload);
  }

  /** Nothing must have come since the last look. */
  expectNothing(): void {
    if (this.waiting > 0) {
      this.#stage.fail(`${this.#name} expected nothing, but ${this.waiting} segment(s) came`);
    }
  }

  /** Takes whatever has come, as if all of it had been expected. */
  drain(): ReceivedSegment[] {
    this.#stage.pump();
    const segments = this.#arrived.splice(0);
    for (const segment of segments) this.#keep(segment);
    return segments;
  }

  /** Takes the next segment, if one has come, as lost on the way. */
  discard(): ReceivedSegment | undefined {
    this.#stage.pump();
    return this.#arrived.shift();
  }

  /** All bytes received in order so far. */
  received(): Uint8Array {
    const whole = new Uint8Array(this.#stream.reduce((length, part) => length + part.length, 0));
    let at = 0;
    for (const part of this.#stream) {
      whole.set(part, at);
      at += part.length;
    }
    this.#stream = [whole];
    return whole;
  }

  /**
   * The three segments of the handshake.
   *
   * @returns The application's side, when the scenario listens without a `flow` or `accept` of
   *   its own.
   */
  open(options: OpenOptions = {}): ObservedConnection {
    const { mss = 1460, ws, options: more = "" } = options;
    this.win = options.win ?? this.win;
    const words = ["SYN", "seq=0", more];
    if (mss > 0) words.push(`mss=${mss}`);
    if (ws !== undefined) words.push(`ws=${ws}`);
    this.send(words.join(" "));
    this.expect("SYN ACK seq=0 ack=1");
    this.send("ACK seq=1 ack=1");
    return this.#stage.accepted.at(-1)!;
  }

  /** A segment from the stack has come; called by the scenario. */
  arrive(segment: ReceivedSegment): void {
    if (this.to === 0) this.to = segment.sourcePort;
    this.#arrived.push(segment);
    this.#stage.trace(this, "<", segment);
  }

  get #name(): string {
    return `${this.address}:${this.port}`;
  }

  #next(script: string, payload: string | Uint8Array | undefined): ReceivedSegment {
    this.#stage.pump();
    const segment = this.#arrived.shift();
    if (segment === undefined) {
      this.#stage.fail(`${this.#name} expected ${script}, but nothing came`);
    }
    const first = this.remoteIsn === undefined && segment.flags.includes("SYN");
    if (first) this.remoteIsn = segment.seq;
    const wanted = payload === undefined ? undefined : toBytes(payload);
    const differences = matchSegment(script, segment, this.receiveBases, wanted);
    if (differences.length > 0) {
      this.#stage.fail(`${this.#name} expected ${script}, but the ${differences.join("; the ")}`);
    }
    return segment;
  }

  /** Puts what a segment carries where it belongs in the stream. */
  #keep(segment: TcpSegment): void {
    const syn = segment.flags.includes("SYN");
    if (syn && this.remoteIsn === undefined) this.remoteIsn = segment.seq;
    if (segment.flags.includes("RST") || this.remoteIsn === undefined) return;
    const start = (segment.seq - this.remoteIsn) | 0;
    this.#pieces.push({
      start,
      firstByte: syn ? start + 1 : start,
      end: start + segmentLength(segment),
      bytes: segment.payload,
    });
    for (let next = this.#nextPiece(); next !== undefined; next = this.#nextPiece()) {
      this.#stream.push(next.bytes.subarray(Math.max(0, this.rcvNxt - next.firstByte)));
      this.rcvNxt = next.end;
    }
  }

  /** Forgets the pieces that are old and takes out one that carries the stream on, if there is one. */
  #nextPiece(): Piece | undefined {
    this.#pieces = this.#pieces.filter((piece) => piece.end > this.rcvNxt);
    const at = this.#pieces.findIndex((piece) => piece.start <= this.rcvNxt);
    return at < 0 ? undefined : this.#pieces.splice(at, 1)[0];
  }
}

function toBytes(data: string | Uint8Array): Uint8Array {
  return typeof data === "string" ? new TextEncoder().encode(data) : data;
}
