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

/** Option kinds (RFC 9293 section 3.2, RFC 7323). */
const OPTION_END = 0;
const OPTION_NOP = 1;
const OPTION_MSS = 2;
const OPTION_WINDOW_SCALE = 3;

/** Length of the options that {@link writeSynOptions} writes without a window scale, in bytes. */
export const MSS_OPTION_LENGTH = 4;
/** Length of the window scale option with its padding, in bytes. */
export const WINDOW_SCALE_OPTION_LENGTH = 4;

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
    }
    at += length;
  }
  return true;
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

/**
 * Writes the options of a SYN: maximum segment size and, unless -1, window scale.
 *
 * @param offset Index of the first byte of the header.
 * @returns Length of header and options in bytes.
 */
export function writeSynOptions(
  bytes: Uint8Array,
  offset: number,
  mss: number,
  windowScale: number,
): number {
  let at = offset + TCP_HEADER_LENGTH;
  bytes[at++] = OPTION_MSS;
  bytes[at++] = MSS_OPTION_LENGTH;
  bytes[at++] = mss >>> 8;
  bytes[at++] = mss;
  if (windowScale >= 0) {
    bytes[at++] = OPTION_NOP;
    bytes[at++] = OPTION_WINDOW_SCALE;
    bytes[at++] = 3;
    bytes[at++] = windowScale;
  }
  return at - offset;
}
