/**
 * The TCP segment (RFC 9293 section 3.1).
 *
 * ```text
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   |          Source Port          |       Destination Port        |
 *   |                        Sequence Number                        |
 *   |                    Acknowledgment Number                      |
 *   | Offset| Rsrvd |     Flags     |            Window             |
 *   |           Checksum            |         Urgent Pointer        |
 *   |                           [Options]                           |
 * ```
 *
 * @module
 */

import { read16, read32, write16, write32 } from "./bytes.ts";

/** Index of the source port. */
export const SOURCE_PORT = 0;
/** Index of the destination port. */
export const DESTINATION_PORT = 2;
/** Index of the sequence number. */
export const SEQUENCE = 4;
/** Index of the acknowledgment number. */
export const ACKNOWLEDGMENT = 8;
/** Index of the data offset, in the upper four bits. */
export const DATA_OFFSET = 12;
/** Index of the control bits. */
export const FLAGS = 13;
/** Index of the window. */
export const WINDOW = 14;
/** Index of the checksum. */
export const CHECKSUM = 16;
/** Index of the urgent pointer. */
export const URGENT_POINTER = 18;
/** Length of a header without options, in bytes. */
export const TCP_HEADER_LENGTH = 20;

/** No more data from the sender. */
export const FIN = 0x01;
/** Synchronize sequence numbers. */
export const SYN = 0x02;
/** Reset the connection. */
export const RST = 0x04;
/** Push. */
export const PSH = 0x08;
/** The acknowledgment number counts. */
export const ACK = 0x10;
/** The urgent pointer counts. */
export const URG = 0x20;
/** ECN-Echo (RFC 3168). */
export const ECE = 0x40;
/** Congestion window reduced (RFC 3168). */
export const CWR = 0x80;

/** Option kinds (RFC 9293 section 3.2, RFC 7323). */
const OPTION_END = 0;
const OPTION_NOP = 1;
const OPTION_MSS = 2;
const OPTION_WINDOW_SCALE = 3;
const OPTION_SACK_PERMITTED = 4;
const OPTION_SACK = 5;
const OPTION_TIMESTAMPS = 8;

/** Length of the timestamps option with its padding, in bytes. */
export const TIMESTAMPS_LENGTH = 12;
/** SACK blocks that fit beside the timestamps (RFC 2018 section 3). */
export const MAX_SACK_BLOCKS = 4;
/** What a segment with timestamps and nothing else begins its options with. */
const TIMESTAMPS_ALONE = 0x0101080a;

/** The largest shift that RFC 7323 section 2.3 allows. */
const MAX_WINDOW_SCALE = 14;

/** A received segment: a view that is filled again for each one. */
export class Segment {
  /** The buffer that holds it. */
  bytes: Uint8Array = new Uint8Array(0);
  /** Source port. */
  sourcePort = 0;
  /** Destination port. */
  destinationPort = 0;
  /** SEG.SEQ, a signed 32-bit integer. */
  seq = 0;
  /** SEG.ACK, a signed 32-bit integer; 0 without ACK. */
  ack = 0;
  /** Control bits. */
  flags = 0;
  /** SEG.WND as it stands in the header, not scaled. */
  window = 0;
  /** Index in `bytes` of the first payload byte. */
  offset = 0;
  /** Payload length in bytes. */
  length = 0;
  /** Largest payload of one segment on the wire: `length`, unless the device joined several. */
  segmentSize = 0;
  /** Maximum segment size option; 0 if absent. */
  mss = 0;
  /** Window scale option, 0 to 14; -1 if absent. */
  windowScale = -1;
  /** SACK-permitted option (RFC 2018). */
  sackPermitted = false;
  /** Timestamps option (RFC 7323). */
  hasTimestamps = false;
  /** TSval, a signed 32-bit integer. */
  timestamp = 0;
  /** TSecr, a signed 32-bit integer. */
  timestampEcho = 0;
  /** SACK blocks, 0 to 4. */
  sackCount = 0;
  /** A router has marked its packet instead of dropping it (RFC 3168). */
  congestionExperienced = false;
  /** First sequence number of each SACK block. */
  readonly sackStarts: Int32Array = new Int32Array(MAX_SACK_BLOCKS);
  /** Sequence number after the last one of each SACK block. */
  readonly sackEnds: Int32Array = new Int32Array(MAX_SACK_BLOCKS);
}

/**
 * Reads a segment's header.
 *
 * @param bytes The buffer.
 * @param offset Index of the first byte of the header.
 * @param length Length of header and payload; `offset + length <= bytes.length`.
 * @param segment Filled; its options are reset and not yet read, see {@link readOptions}.
 * @returns `false` if the lengths are impossible: then nothing of `segment` counts.
 */
export function readSegment(
  bytes: Uint8Array,
  offset: number,
  length: number,
  segment: Segment,
): boolean {
  if (length < TCP_HEADER_LENGTH) return false;
  const headerLength = (bytes[offset + DATA_OFFSET]! >>> 4) * 4;
  if (headerLength < TCP_HEADER_LENGTH || headerLength > length) return false;
  segment.bytes = bytes;
  segment.sourcePort = read16(bytes, offset + SOURCE_PORT);
  segment.destinationPort = read16(bytes, offset + DESTINATION_PORT);
  segment.seq = read32(bytes, offset + SEQUENCE);
  segment.flags = bytes[offset + FLAGS]!;
  segment.ack = (segment.flags & ACK) === 0 ? 0 : read32(bytes, offset + ACKNOWLEDGMENT);
  segment.window = read16(bytes, offset + WINDOW);
  segment.offset = offset + headerLength;
  segment.length = length - headerLength;
  segment.segmentSize = segment.length;
  segment.mss = 0;
  segment.windowScale = -1;
  segment.sackPermitted = false;
  segment.hasTimestamps = false;
  segment.sackCount = 0;
  return true;
}

/**
 * Reads the options of a segment whose header has been read. Unknown ones are skipped.
 *
 * @param offset Index in `segment.bytes` of the first byte of the header.
 * @param segment Its `mss` and `windowScale` are set where present.
 * @returns `false` if an option's length is impossible: the rest of the list is not read then
 *   (RFC 9293 section 3.1 leaves it to the receiver).
 */
export function readOptions(offset: number, segment: Segment): boolean {
  const bytes = segment.bytes;
  const end = segment.offset;
  let at = offset + TCP_HEADER_LENGTH;
  if (end - at === TIMESTAMPS_LENGTH && read32(bytes, at) === TIMESTAMPS_ALONE) {
    readTimestamps(bytes, at + 4, segment);
    return true;
  }
  while (at < end) {
    const kind = bytes[at]!;
    if (kind === OPTION_END) return true;
    if (kind === OPTION_NOP) {
      at++;
      continue;
    }
    if (at + 1 >= end) return false;
    const length = bytes[at + 1]!;
    if (length < 2 || at + length > end) return false;
    if (kind === OPTION_MSS) {
      if (length !== 4) return false;
      segment.mss = read16(bytes, at + 2);
    } else if (kind === OPTION_WINDOW_SCALE) {
      if (length !== 3) return false;
      segment.windowScale = Math.min(bytes[at + 2]!, MAX_WINDOW_SCALE);
    } else if (kind === OPTION_TIMESTAMPS) {
      if (length !== 10) return false;
      readTimestamps(bytes, at + 2, segment);
    } else if (kind === OPTION_SACK) {
      if ((length - 2) % 8 !== 0) return false;
      for (let block = at + 2; block < at + length; block += 8) {
        if (segment.sackCount === MAX_SACK_BLOCKS) break;
        segment.sackStarts[segment.sackCount] = read32(bytes, block);
        segment.sackEnds[segment.sackCount++] = read32(bytes, block + 4);
      }
    } else if (kind === OPTION_SACK_PERMITTED) {
      if (length !== 2) return false;
      segment.sackPermitted = true;
    }
    at += length;
  }
  return true;
}

function readTimestamps(bytes: Uint8Array, at: number, segment: Segment): void {
  segment.hasTimestamps = true;
  segment.timestamp = read32(bytes, at);
  segment.timestampEcho = read32(bytes, at + 4);
}

/**
 * Writes a header, without options and with a checksum of zero.
 *
 * @param headerLength Length with options, a multiple of 4 from 20 to 60.
 */
export function writeSegment(
  bytes: Uint8Array,
  offset: number,
  sourcePort: number,
  destinationPort: number,
  seq: number,
  ack: number,
  flags: number,
  window: number,
  headerLength: number,
): void {
  write16(bytes, offset + SOURCE_PORT, sourcePort);
  write16(bytes, offset + DESTINATION_PORT, destinationPort);
  write32(bytes, offset + SEQUENCE, seq);
  write32(bytes, offset + ACKNOWLEDGMENT, ack);
  bytes[offset + DATA_OFFSET] = headerLength << 2;
  bytes[offset + FLAGS] = flags;
  write16(bytes, offset + WINDOW, window);
  write16(bytes, offset + CHECKSUM, 0);
  write16(bytes, offset + URGENT_POINTER, 0);
}

/** What our SYN offers; an option that is not offered is `undefined` or `false`. */
export interface SynOptions {
  /** Maximum segment size in bytes. */
  readonly mss: number;
  /** Window scale, 0 to 14. */
  readonly windowScale: number | undefined;
  /** SACK may be used. */
  readonly sackPermitted: boolean;
  /** TSval; TSecr is 0 in a SYN and given in a SYN-ACK. */
  readonly timestamp: number | undefined;
  /** TSecr. */
  readonly timestampEcho: number;
}

/**
 * Writes the options of a SYN.
 *
 * @param offset Index of the first byte of the header.
 * @returns Length of header and options in bytes.
 */
export function writeSynOptions(bytes: Uint8Array, offset: number, options: SynOptions): number {
  let at = offset + TCP_HEADER_LENGTH;
  bytes[at++] = OPTION_MSS;
  bytes[at++] = 4;
  write16(bytes, at, options.mss);
  at += 2;
  if (options.timestamp !== undefined) {
    // Two bytes before the timestamps keep them aligned: SACK-permitted, or padding.
    bytes[at++] = options.sackPermitted ? OPTION_SACK_PERMITTED : OPTION_NOP;
    bytes[at++] = options.sackPermitted ? 2 : OPTION_NOP;
    bytes[at++] = OPTION_TIMESTAMPS;
    bytes[at++] = 10;
    write32(bytes, at, options.timestamp);
    write32(bytes, at + 4, options.timestampEcho);
    at += 8;
  } else if (options.sackPermitted) {
    bytes[at++] = OPTION_NOP;
    bytes[at++] = OPTION_NOP;
    bytes[at++] = OPTION_SACK_PERMITTED;
    bytes[at++] = 2;
  }
  if (options.windowScale !== undefined) {
    bytes[at++] = OPTION_NOP;
    bytes[at++] = OPTION_WINDOW_SCALE;
    bytes[at++] = 3;
    bytes[at++] = options.windowScale;
  }
  return at - offset;
}

/**
 * Writes the timestamps option behind whatever options there are.
 *
 * @param at Index of the first free byte, a multiple of 4 from the start of the header.
 * @returns Index after it.
 */
export function writeTimestamps(
  bytes: Uint8Array,
  at: number,
  timestamp: number,
  echo: number,
): number {
  write32(bytes, at, TIMESTAMPS_ALONE);
  write32(bytes, at + 4, timestamp);
  write32(bytes, at + 8, echo);
  return at + TIMESTAMPS_LENGTH;
}

/**
 * Writes SACK blocks.
 *
 * @param at Index of the first free byte, a multiple of 4 from the start of the header.
 * @param starts First sequence numbers.
 * @param ends Sequence numbers after the last.
 * @param count How many blocks, 1 to 4.
 * @returns Index after them.
 */
export function writeSackBlocks(
  bytes: Uint8Array,
  at: number,
  starts: Int32Array,
  ends: Int32Array,
  count: number,
): number {
  bytes[at++] = OPTION_NOP;
  bytes[at++] = OPTION_NOP;
  bytes[at++] = OPTION_SACK;
  bytes[at++] = 2 + 8 * count;
  for (let i = 0; i < count; i++) {
    write32(bytes, at, starts[i]!);
    write32(bytes, at + 4, ends[i]!);
    at += 8;
  }
  return at;
}
