import type { Frame } from "../../stack/wire/frame.ts";

// The pcapng capture file format (draft-ietf-opsawg-pcapng), as far as a capture of Ethernet frames
// needs it. Written little-endian, in blocks:
//
//   0            4              8                                      length - 4
//   +------------+--------------+--------------- - - -+--------- - - -+--------------+
//   | block type | block length | body                | options       | block length |
//   +------------+--------------+--------------- - - -+--------- - - -+--------------+
//
// An option is a code and a length of 16 bits each, and a value filled up to a multiple of 4 bytes.

const SECTION_HEADER = 0x0a0d0d0a;
const INTERFACE_DESCRIPTION = 1;
const INTERFACE_STATISTICS = 5;
const ENHANCED_PACKET = 6;

const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const LINKTYPE_ETHERNET = 1;
const NO_LIMIT = 0;

const OPT_ENDOFOPT = 0;
const OPT_COMMENT = 1;
const SHB_USERAPPL = 4;
const IF_NAME = 2;
const IF_DESCRIPTION = 3;
const IF_TSRESOL = 9;
const EPB_FLAGS = 2;
const EPB_DROPCOUNT = 4;
const ISB_IFRECV = 4;
const ISB_IFDROP = 5;

const NANOSECONDS = 9;
const TWO_TO_32 = 0x100000000;
const MAX_OPTION_LENGTH = 0xffff;

/** Which way a frame went: the direction bits of `epb_flags`. */
export type Direction = typeof INBOUND | typeof OUTBOUND;
/** The frame was received. */
export const INBOUND = 1;
/** The frame was transmitted. */
export const OUTBOUND = 2;

/** A point in time as pcapng has it: 64 bits of nanoseconds since 1970, in two halves. */
export interface Timestamp {
  /** The upper 32 bits. */
  high: number;
  /** The lower 32 bits, unsigned. */
  low: number;
}

/**
 * Writes pcapng blocks into a buffer of its own, one at a time: begin a block, add its options,
 * and end it.
 */
export class BlockWriter {
  #bytes = new Uint8Array(4096);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;
  readonly #encoder = new TextEncoder();

  /** Begins the section header block, with which a file begins. */
  sectionHeader(application: string): void {
    this.#begin(SECTION_HEADER);
    this.#u32(BYTE_ORDER_MAGIC);
    this.#u16(1); // major version
    this.#u16(0); // minor version
    this.#u32(0xffffffff); // length of the section: not known
    this.#u32(0xffffffff);
    this.#textOption(SHB_USERAPPL, application);
  }

  /** Begins the description of the next Ethernet interface, with stamps in nanoseconds. */
  interfaceDescription(name: string, description: string): void {
    this.#begin(INTERFACE_DESCRIPTION);
    this.#u16(LINKTYPE_ETHERNET);
    this.#u16(0);
    this.#u32(NO_LIMIT);
    this.#textOption(IF_NAME, name);
    if (description !== "") this.#textOption(IF_DESCRIPTION, description);
    this.#option(IF_TSRESOL, 1);
    this.#bytes[this.#at++] = NANOSECONDS;
    this.#pad();
  }

  /**
   * Begins a packet.
   *
   * @param id Number of the interface, from 0 in the order of their descriptions.
   * @param time When it was seen.
   * @param frame The frame.
   * @param direction Which way it went.
   */
  packet(
    id: number,
    time: Timestamp,
    frame: Frame,
    direction: Direction,
  ): void {
    const { bytes, offset, length } = frame;
    this.#begin(ENHANCED_PACKET);
    this.#u32(id);
    this.#timestamp(time);
    this.#u32(length); // captured
    this.#u32(length); // on the wire
    this.#reserve(length);
    this.#bytes.set(bytes.subarray(offset, offset + length), this.#at);
    this.#at += length;
    this.#pad();
    this.#option(EPB_FLAGS, 4);
    this.#u32(direction);
  }

  /** Adds to a packet how many of its interface, between the one before and it, are missing. */
  dropCount(lost: number): void {
    this.#u64Option(EPB_DROPCOUNT, lost);
  }

  /**
   * Begins the statistics of an interface.
   *
   * @param id Number of the interface.
   * @param time When they were taken.
   * @param seen Packets seen.
   * @param lost Packets that are missing in the file.
   */
  interfaceStatistics(id: number, time: Timestamp, seen: number, lost: number): void {
    this.#begin(INTERFACE_STATISTICS);
    this.#u32(id);
    this.#timestamp(time);
    this.#u64Option(ISB_IFRECV, seen);
    this.#u64Option(ISB_IFDROP, lost);
  }

  /** Adds a comment to the block; what exceeds 65,535 bytes is cut off. */
  comment(text: string): void {
    this.#textOption(OPT_COMMENT, text);
  }

  /** Ends the block: its bytes, valid until the next one is begun. */
  end(): Uint8Array {
    this.#option(OPT_ENDOFOPT, 0);
    const length = this.#at + 4;
    this.#u32(length);
    this.#view.setUint32(4, length, true);
    return this.#bytes.subarray(0, length);
  }

  #begin(type: number): void {
    this.#at = 0;
    this.#u32(type);
    this.#u32(0); // the length, when it is known
  }

  #timestamp(time: Timestamp): void {
    this.#u32(time.high);
    this.#u32(time.low);
  }

  #textOption(code: number, text: string): void {
    // A character takes at most three bytes per unit of the string.
    this.#reserve(4 + Math.min(3 * text.length, MAX_OPTION_LENGTH));
    const room = this.#bytes.subarray(this.#at + 4, this.#at + 4 + MAX_OPTION_LENGTH);
    const { written } = this.#encoder.encodeInto(text, room);
    this.#option(code, written);
    this.#at += written;
    this.#pad();
  }

  #u64Option(code: number, value: number): void {
    this.#option(code, 8);
    this.#u32(value % TWO_TO_32);
    this.#u32(value / TWO_TO_32);
  }

  #option(code: number, length: number): void {
    this.#u16(code);
    this.#u16(length);
    this.#reserve(length);
  }

  #u16(value: number): void {
    this.#reserve(2);
    this.#view.setUint16(this.#at, value, true);
    this.#at += 2;
  }

  #u32(value: number): void {
    this.#reserve(4);
    this.#view.setUint32(this.#at, value, true);
    this.#at += 4;
  }

  /** Fills up to a multiple of 4 bytes. */
  #pad(): void {
    while (this.#at % 4 !== 0) this.#bytes[this.#at++] = 0;
  }

  /** Makes room for a number of bytes, and the filling behind them. */
  #reserve(length: number): void {
    const needed = this.#at + length + 4;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(2 * needed);
    grown.set(this.#bytes);
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}
