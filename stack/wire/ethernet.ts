// Ethernet II (RFC 894).
//
//   0           6           12    14
//   +-----------+-----------+-----+----------
//   |destination|  source   |type | payload…
//   +-----------+-----------+-----+----------
import { write16 } from "./bytes.ts";
import { writeMac } from "./mac.ts";

/** Offset of the destination's MAC address. */
export const DESTINATION = 0;
/** Offset of the sender's MAC address. */
export const SOURCE = 6;
/** Offset of the type of the payload. */
export const TYPE = 12;
/** Length of the header in bytes. */
export const HEADER_LENGTH = 14;

/** Type of an IPv4 packet. */
export const TYPE_IPV4 = 0x0800;
/** Type of an ARP packet. */
export const TYPE_ARP = 0x0806;
/** Type of an IPv6 packet. */
export const TYPE_IPV6 = 0x86dd;

/** Writes a header: {@link HEADER_LENGTH} bytes from `offset`. */
export function emit(
  bytes: Uint8Array,
  offset: number,
  destination: Uint8Array,
  source: Uint8Array,
  type: number,
): void {
  writeMac(bytes, offset + DESTINATION, destination);
  writeMac(bytes, offset + SOURCE, source);
  write16(bytes, offset + TYPE, type);
}
