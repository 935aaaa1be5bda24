// UDP (RFC 768).
//
//   0         2         4         6         8
//   +---------+---------+---------+---------+--------
//   | source  | dest.   | length  |checksum | data…
//   +---------+---------+---------+---------+--------
import { read16, write16 } from "./bytes.ts";
import { fold, sum } from "./checksum.ts";
import { PROTOCOL_UDP } from "./protocol.ts";

/** Offset of the sender's port. */
export const SOURCE_PORT = 0;
/** Offset of the receiver's port. */
export const DESTINATION_PORT = 2;
/** Offset of the datagram's length in bytes, header included. */
export const LENGTH = 4;
/** Offset of the checksum; 0 when the sender made none. */
export const CHECKSUM = 6;
/** Length of the header in bytes. */
export const HEADER_LENGTH = 8;

/** What is wrong with a datagram: its lengths, or its checksum. */
export type UdpFault = "badLength" | "badChecksum";

/**
 * Checks a datagram.
 *
 * @param length Bytes of IP payload from `offset` on.
 * @param addressSum Both IP addresses' 16-bit words added up; `undefined` when the checksum need
 *   not be verified.
 * @returns What is wrong; `undefined` if nothing is.
 */
export function fault(
  bytes: Uint8Array,
  offset: number,
  length: number,
  addressSum: number | undefined,
): UdpFault | undefined {
  if (length < HEADER_LENGTH) return "badLength";
  const own = read16(bytes, offset + LENGTH);
  if (own < HEADER_LENGTH || own > length) return "badLength";
  if (addressSum === undefined || read16(bytes, offset + CHECKSUM) === 0) return undefined;
  return fold(sum(bytes, offset, own, addressSum + PROTOCOL_UDP + own)) === 0
    ? undefined
    : "badChecksum";
}

/**
 * Writes the header before a payload that stands at `offset + HEADER_LENGTH`.
 *
 * @param length Length of the datagram in bytes, header included.
 * @param addressSum Both IP addresses' 16-bit words added up.
 */
export function emit(
  bytes: Uint8Array,
  offset: number,
  sourcePort: number,
  destinationPort: number,
  length: number,
  addressSum: number,
): void {
  write16(bytes, offset + SOURCE_PORT, sourcePort);
  write16(bytes, offset + DESTINATION_PORT, destinationPort);
  write16(bytes, offset + LENGTH, length);
  write16(bytes, offset + CHECKSUM, 0);
  const checksum = fold(sum(bytes, offset, length, addressSum + PROTOCOL_UDP + length));
  // 0 would say that there is none; its other form in ones' complement means the same.
  write16(bytes, offset + CHECKSUM, checksum === 0 ? 0xffff : checksum);
}
