// Any number of TCP clients that hold no state at all: what each of them sends next follows from the
// segment that it answers. So what a stack needs for its connections is all that is measured.
import type { Link, LinkCapabilities } from "../../stack/link.ts";
import * as arp from "../../stack/wire/arp.ts";
import { read32, write16 } from "../../stack/wire/bytes.ts";
import * as ethernet from "../../stack/wire/ethernet.ts";
import { Frame } from "../../stack/wire/frame.ts";
import * as ipv4 from "../../stack/wire/ipv4.ts";
import { PROTOCOL_TCP } from "../../stack/wire/protocol.ts";
import {
  ACK,
  FIN,
  PSH,
  readOptions,
  readSegment,
  RST,
  Segment,
  SYN,
  TCP_HEADER_LENGTH,
  writeSegment,
  writeSynOptions,
  writeTimestamps,
} from "../../stack/wire/tcp.ts";

/** MAC address of all clients. */
const MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);
/** Frames on their way to the stack at most, and room for each in bytes; both powers of two. */
const SLOTS = 4_096;
const SLOT = 512;

const IP = ethernet.HEADER_LENGTH;
const TCP = IP + ipv4.HEADER_LENGTH;

/** Connections from one client address. */
const PER_ADDRESS = 1_000;
/** 10.1.0.0, whose hosts the clients are. */
const FIRST_ADDRESS = 0x0a010001;
const FIRST_PORT = 10_000;

/** The clients, at the other end of a stack's link. */
export class Clients implements Link {
  readonly capabilities: LinkCapabilities = {
    mtu: 1500,
    maxFrame: 65_550,
    transmitChecksum: true,
    segmentation: true,
  };
  /** What each client says when its connection is open. */
  greeting: Uint8Array = new Uint8Array(0);
  /** Connections that the stack has opened. */
  opened = 0;
  /** Segments with data that have come. */
  answered = 0;
  /** Connections that the stack has closed. */
  closed = 0;
  /** Resets that have come: there should be none. */
  resets = 0;
  /** Segments that the stack has sent. */
  segments = 0;
  /** Segments that the clients have sent. */
  sent = 0;

  readonly #stackMac: Uint8Array;
  readonly #address: number;
  readonly #bytes = new Uint8Array(SLOTS * SLOT);
  readonly #lengths = new Int32Array(SLOTS);
  #first = 0;
  #end = 0;
  #now = 0;
  readonly #segment = new Segment();
  readonly #options = {
    mss: 1460,
    windowScale: 7,
    sackPermitted: true,
    timestamp: 0,
    timestampEcho: 0,
  };

  /**
   * @param stackMac MAC address of the stack.
   * @param address Its Internet address, as 32 bits.
   */
  constructor(stackMac: Uint8Array, address: number) {
    this.#stackMac = stackMac;
    this.#address = address;
  }

  /** Frames that wait for {@link Clients.receive}. */
  get waiting(): number {
    return this.#end - this.#first;
  }

  /** Client number `index` connects. */
  open(index: number, port: number, now: number): void {
    this.#options.timestamp = Math.floor(now);
    const at = this.#begin();
    const length = writeSynOptions(this.#bytes, at + TCP, this.#options);
    const client = FIRST_ADDRESS + Math.floor(index / PER_ADDRESS);
    const from = FIRST_PORT + index % PER_ADDRESS;
    // A later number each time, as RFC 6528 has it: the port may be in TIME_WAIT.
    const seq = (Math.floor(now * 250) + index) | 0;
    writeSegment(this.#bytes, at + TCP, from, port, seq, 0, SYN, 64_240, length);
    this.#finish(at, client, length);
  }

  /** Gives the next frame to the stack. */
  receive(frame: Frame): boolean {
    if (this.#first === this.#end) return false;
    const slot = this.#first++ & (SLOTS - 1);
    frame.set(this.#bytes, slot * SLOT, this.#lengths[slot]!);
    frame.checksum = "verified";
    return true;
  }

  transmit(frame: Frame, now: number): boolean {
    this.#now = now;
    const { bytes, offset, length } = frame;
    if (bytes[offset + ethernet.TYPE + 1] === (ethernet.TYPE_ARP & 255)) {
      this.#answerArp(bytes, offset + ethernet.HEADER_LENGTH);
      return true;
    }
    const segment = this.#segment;
    const start = offset + TCP;
    if (!readSegment(bytes, start, length - TCP, segment)) throw new Error("a malformed segment");
    readOptions(start, segment);
    this.segments++;
    const client = read32(bytes, offset + IP + ipv4.DESTINATION);
    const { flags } = segment;
    if ((flags & RST) !== 0) {
      this.resets++;
      return true;
    }
    if ((flags & SYN) !== 0) {
      this.opened++;
      segment.length = 1;
      this.#answer(client, ACK);
      if (this.greeting.length > 0) this.#answer(client, PSH | ACK, this.greeting);
      return true;
    }
    if (segment.length > 0) this.answered++;
    if ((flags & FIN) !== 0) {
      this.closed++;
      segment.length++;
      this.#answer(client, ACK);
      this.#answer(client, FIN | ACK);
    } else if (segment.length > 0) this.#answer(client, ACK);
    return true;
  }

  #answer(client: number, flags: number, payload?: Uint8Array): void {
    const { sourcePort, destinationPort, seq, length, ack, timestamp } = this.#segment;
    const at = this.#begin();
    const header = TCP_HEADER_LENGTH + 12;
    const bytes = this.#bytes;
    writeTimestamps(bytes, at + TCP + TCP_HEADER_LENGTH, Math.floor(this.#now), timestamp);
    const next = (seq + length) | 0;
    writeSegment(bytes, at + TCP, destinationPort, sourcePort, ack, next, flags, 502, header);
    if (payload !== undefined) bytes.set(payload, at + TCP + header);
    this.#finish(at, client, header + (payload?.length ?? 0));
  }

  #answerArp(bytes: Uint8Array, packet: number): void {
    const wanted = read32(bytes, packet + arp.TARGET_IP);
    // Its own address is what the stack asks for when it announces itself.
    if (wanted === this.#address) return;
    const at = this.#begin();
    write16(this.#bytes, at + ethernet.TYPE, ethernet.TYPE_ARP);
    arp.emit(this.#bytes, at + IP, arp.REPLY, MAC, wanted, this.#stackMac, this.#address);
    this.#add(at, IP + arp.LENGTH);
  }

  #begin(): number {
    if (this.#end - this.#first === SLOTS) throw new Error("too many frames at once");
    const at = (this.#end & (SLOTS - 1)) * SLOT;
    this.#bytes.set(this.#stackMac, at + ethernet.DESTINATION);
    this.#bytes.set(MAC, at + ethernet.SOURCE);
    return at;
  }

  #finish(at: number, client: number, length: number): void {
    write16(this.#bytes, at + ethernet.TYPE, ethernet.TYPE_IPV4);
    const total = ipv4.HEADER_LENGTH + length;
    const protocol = PROTOCOL_TCP;
    ipv4.emit(
      this.#bytes,
      at + IP,
      total,
      0,
      ipv4.DONT_FRAGMENT,
      64,
      protocol,
      client,
      this.#address,
      0,
    );
    this.#add(at, IP + total);
    this.sent++;
  }

  #add(at: number, length: number): void {
    this.#lengths[at / SLOT] = length;
    this.#end++;
  }
}
