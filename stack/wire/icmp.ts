// ICMP (RFC 792).
//
//   0    1    2         4                   8
//   +----+----+---------+-------------------+--------------------------------
//   |type|code|checksum | rest of header    | echo data, or the quoted packet
//   +----+----+---------+-------------------+--------------------------------
import { write16 } from "./bytes.ts";
import { fold, sum } from "./checksum.ts";

/** Offset of the type. */
export const TYPE = 0;
/** Offset of the code, which says more than the type. */
export const CODE = 1;
/** Offset of the checksum, which covers the whole message. */
export const CHECKSUM = 2;
/** Offset of the rest of the header: for an echo, its identifier and sequence number. */
export const REST = 4;
/** Offset of the next hop's MTU in "fragmentation needed" (RFC 1191 section 4). */
export const NEXT_HOP_MTU = 6;
/** Length of the header in bytes; an error's quoted packet follows it. */
export const HEADER_LENGTH = 8;

/** Type: answer to an echo. */
export const ECHO_REPLY = 0;
/** Type: destination unreachable. */
export const UNREACHABLE = 3;
/** Type: a gateway is out of buffers (deprecated by RFC 6633). */
export const SOURCE_QUENCH = 4;
/** Type: another gateway is nearer. */
export const REDIRECT = 5;
/** Type: echo ("ping"). */
export const ECHO = 8;
/** Type: TTL or reassembly time exceeded. */
export const TIME_EXCEEDED = 11;
/** Type: a header field is wrong. */
export const PARAMETER_PROBLEM = 12;

/** Code of {@link UNREACHABLE}: no such protocol here. */
export const CODE_PROTOCOL = 2;
/** Code of {@link UNREACHABLE}: nobody on that port. */
export const CODE_PORT = 3;
/** Code of {@link UNREACHABLE}: the packet is too large and may not be fragmented. */
export const CODE_FRAGMENTATION_NEEDED = 4;
/** Code of {@link TIME_EXCEEDED}: not all fragments came in time. */
export const CODE_REASSEMBLY = 1;

/** What is wrong with a message: too short, or its checksum. */
export type IcmpFault = "badLength" | "badChecksum";

/**
 * Checks a message.
 *
 * @param length Length of the message in bytes.
 * @param checksumVerified The device has verified the checksum.
 * @returns What is wrong; `undefined` if nothing is.
 */
export function fault(
  bytes: Uint8Array,
  offset: number,
  length: number,
  checksumVerified: boolean,
): IcmpFault | undefined {
  if (length < HEADER_LENGTH) return "badLength";
  return checksumVerified || fold(sum(bytes, offset, length, 0)) === 0 ? undefined : "badChecksum";
}

/** Whether a type is that of an error message, which is never answered with another. */
export function isError(type: number): boolean {
  return type === UNREACHABLE || type === SOURCE_QUENCH || type === REDIRECT ||
    type === TIME_EXCEEDED || type === PARAMETER_PROBLEM;
}

/**
 * Writes type, code and checksum of a message whose other bytes are in place.
 *
 * @param length Length of the message in bytes.
 */
export function emit(
  bytes: Uint8Array,
  offset: number,
  type: number,
  code: number,
  length: number,
): void {
  bytes[offset + TYPE] = type;
  bytes[offset + CODE] = code;
  write16(bytes, offset + CHECKSUM, 0);
  write16(bytes, offset + CHECKSUM, fold(sum(bytes, offset, length, 0)));
}
