// ARP for IPv4 over Ethernet (RFC 826).
//
//   0     2     4  5  6     8          14       18         24       28
//   +-----+-----+--+--+-----+----------+--------+----------+--------+
//   |hard |proto|hl|pl|oper |sender MAC|sender  |target MAC|target  |
//   |  1  |0800 |6 |4 |     |          |  IP    |          |  IP    |
//   +-----+-----+--+--+-----+----------+--------+----------+--------+
import { read16, write16, write32 } from "./bytes.ts";
import { writeMac } from "./mac.ts";

/** Offset of the operation. */
export const OPERATION = 6;
/** Offset of the sender's MAC address. */
export const SENDER_MAC = 8;
/** Offset of the sender's IPv4 address. */
export const SENDER_IP = 14;
/** Offset of the target's MAC address; in a request nobody reads it. */
export const TARGET_MAC = 18;
/** Offset of the target's IPv4 address. */
export const TARGET_IP = 24;
/** Length of the packet in bytes. */
export const LENGTH = 28;

/** Operation: who has the target's IPv4 address? */
export const REQUEST = 1;
/** Operation: the sender has. */
export const REPLY = 2;

/** Whether `length` bytes from `offset` are a request or reply for IPv4 over Ethernet. */
export function isValid(bytes: Uint8Array, offset: number, length: number): boolean {
  if (length < LENGTH) return false;
  const operation = read16(bytes, offset + OPERATION);
  return read16(bytes, offset) === 1 && read16(bytes, offset + 2) === 0x0800 &&
    bytes[offset + 4] === 6 && bytes[offset + 5] === 4 &&
    (operation === REQUEST || operation === REPLY);
}

/**
 * Writes a packet: {@link LENGTH} bytes from `offset`.
 *
 * @param senderIp The sender's IPv4 address, as 32 bits; likewise `targetIp`.
 */
export function emit(
  bytes: Uint8Array,
  offset: number,
  operation: number,
  senderMac: Uint8Array,
  senderIp: number,
  targetMac: Uint8Array,
  targetIp: number,
): void {
  write16(bytes, offset, 1);
  write16(bytes, offset + 2, 0x0800);
  bytes[offset + 4] = 6;
  bytes[offset + 5] = 4;
  write16(bytes, offset + OPERATION, operation);
  writeMac(bytes, offset + SENDER_MAC, senderMac);
  write32(bytes, offset + SENDER_IP, senderIp);
  writeMac(bytes, offset + TARGET_MAC, targetMac);
  write32(bytes, offset + TARGET_IP, targetIp);
}
