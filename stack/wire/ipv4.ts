// IPv4 (RFC 791 section 3.1).
//
//   0        1        2        3        4
//   +--------+--------+--------+--------+
//   |ver |ihl|  tos   |  total length   |
//   +--------+--------+--------+--------+
//   | identification  |flg| fragm. offs.|
//   +--------+--------+--------+--------+
//   |  ttl   |protocol| header checksum |
//   +--------+--------+--------+--------+
//   |          source address           |
//   |        destination address        |
//   |       options, 0 to 40 bytes      |
//   +--------+--------+--------+--------+
import { read16, write16, write32 } from "./bytes.ts";
import { fold, sum } from "./checksum.ts";

/** Offset of version and header length. */
export const VERSION = 0;
/** Offset of the differentiated services field; its two lowest bits are those of {@link ECN}. */
export const SERVICE = 1;
/** Explicit congestion notification (RFC 3168 section 5), in {@link SERVICE}. */
export const ECN = 3;
/** Value of {@link ECN}: the sender reacts to marks, ECT(0). */
export const ECN_CAPABLE = 2;
/** Value of {@link ECN}: a router has marked the packet, CE. */
export const CONGESTION_EXPERIENCED = 3;
/** Offset of the packet's length in bytes, header included. */
export const TOTAL_LENGTH = 2;
/** Offset of the identification that the fragments of a datagram share. */
export const IDENTIFICATION = 4;
/** Offset of the flags and the fragment offset. */
export const FRAGMENT = 6;
/** Offset of the time to live. */
export const TTL = 8;
/** Offset of the payload's protocol number. */
export const PROTOCOL = 9;
/** Offset of the header checksum. */
export const CHECKSUM = 10;
/** Offset of the source address. */
export const SOURCE = 12;
/** Offset of the destination address. */
export const DESTINATION = 16;
/** Length of a header without options, in bytes. */
export const HEADER_LENGTH = 20;
/** Length of the longest header, in bytes. */
export const MAX_HEADER_LENGTH = 60;
/** Every link carries a packet of this length whole, in bytes (RFC 791). */
export const SMALLEST_MTU = 68;
/** Length of the largest packet, in bytes. */
export const MAX_LENGTH = 65535;

/** Flag in {@link FRAGMENT}: don't fragment. */
export const DONT_FRAGMENT = 0x4000;
/** Flag in {@link FRAGMENT}: more fragments follow. */
export const MORE_FRAGMENTS = 0x2000;
/** The fragment offset in {@link FRAGMENT}, in units of 8 bytes. */
export const FRAGMENT_OFFSET = 0x1fff;

/**
 * What is wrong with a header: `badVersion` (not 4), `badLength` (header or packet longer than what
 * arrived, or shorter than itself), `badChecksum`.
 */
export type Ipv4Fault = "badVersion" | "badLength" | "badChecksum";

/**
 * Checks the header of a packet.
 *
 * @param length Bytes there are from `offset` on, link padding included.
 * @returns What is wrong; `undefined` if all lengths hold and the checksum is right.
 */
export function fault(bytes: Uint8Array, offset: number, length: number): Ipv4Fault | undefined {
  if (length < HEADER_LENGTH) return "badLength";
  if (bytes[offset]! >> 4 !== 4) return "badVersion";
  const header = headerLength(bytes, offset);
  const total = read16(bytes, offset + TOTAL_LENGTH);
  if (header < HEADER_LENGTH || header > total || total > length) return "badLength";
  return fold(sum(bytes, offset, header, 0)) === 0 ? undefined : "badChecksum";
}

/** Length of the header in bytes, as its IHL field says. */
export function headerLength(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! & 15) << 2;
}

/**
 * Writes a header without options: {@link HEADER_LENGTH} bytes from `offset`.
 *
 * @param totalLength Length of the packet in bytes, header included.
 * @param identification 16 bits.
 * @param fragment Flags and fragment offset.
 * @param ttl Time to live.
 * @param protocol Protocol number of the payload.
 * @param source Source address, as 32 bits; likewise `destination`.
 * @param ecn Value of the {@link ECN} bits.
 */
export function emit(
  bytes: Uint8Array,
  offset: number,
  totalLength: number,
  identification: number,
  fragment: number,
  ttl: number,
  protocol: number,
  source: number,
  destination: number,
  ecn: number,
): void {
  const timeAndProtocol = ttl << 8 | protocol;
  const versionAndService = 0x4500 | ecn;
  write16(bytes, offset, versionAndService);
  write16(bytes, offset + TOTAL_LENGTH, totalLength);
  write16(bytes, offset + IDENTIFICATION, identification);
  write16(bytes, offset + FRAGMENT, fragment);
  write16(bytes, offset + TTL, timeAndProtocol);
  write16(
    bytes,
    offset + CHECKSUM,
    fold(
      versionAndService + totalLength + identification + fragment + timeAndProtocol +
        (source >>> 16) + (source & 0xffff) + (destination >>> 16) + (destination & 0xffff),
    ),
  );
  write32(bytes, offset + SOURCE, source);
  write32(bytes, offset + DESTINATION, destination);
}

/** Computes the checksum of a header anew, after a field of it was changed. */
export function emitChecksum(bytes: Uint8Array, offset: number): void {
  write16(bytes, offset + CHECKSUM, 0);
  write16(bytes, offset + CHECKSUM, fold(sum(bytes, offset, headerLength(bytes, offset), 0)));
}

/**
 * What the options of a header ask for (RFC 791 section 3.1): `none` for nothing that concerns a
 * host, `sourceRoute` for a loose or strict source route with hops left to visit, `badOptions` when
 * the lengths in them do not hold.
 */
export type Ipv4Options = "none" | "sourceRoute" | "badOptions";

/** Walks the options of a header whose lengths were checked. */
export function options(bytes: Uint8Array, offset: number): Ipv4Options {
  const end = offset + headerLength(bytes, offset);
  let at = offset + HEADER_LENGTH;
  while (at < end) {
    const kind = bytes[at]!;
    if (kind === 0) break; // end of the list
    if (kind === 1) { // no operation
      at++;
      continue;
    }
    const length = at + 1 < end ? bytes[at + 1]! : 0;
    if (length < 2 || at + length > end) return "badOptions";
    if (kind === 131 || kind === 137) { // loose, strict source route: type, length, pointer, hops
      if (length < 3) return "badOptions";
      if (bytes[at + 2]! <= length) return "sourceRoute";
    }
    at += length;
  }
  return "none";
}
