/** Length of a MAC address in bytes. */
export const MAC_LENGTH = 6;

/** The broadcast address, `ff:ff:ff:ff:ff:ff`. */
export const BROADCAST: Uint8Array = new Uint8Array(MAC_LENGTH).fill(0xff);

/**
 * Parses a MAC address: six bytes in hexadecimal, separated by colons or by hyphens.
 *
 * @returns Its six bytes, or `undefined` if the text is no such thing.
 */
export function parseMac(text: string): Uint8Array | undefined {
  if (!/^[\da-f]{2}([:-])(?:[\da-f]{2}\1){4}[\da-f]{2}$/i.test(text)) return undefined;
  return Uint8Array.from(text.split(/[:-]/), (byte) => parseInt(byte, 16));
}

/** Writes the MAC address at `bytes[at]` in the usual form, `02:00:00:00:00:02`. */
export function formatMac(bytes: Uint8Array, at = 0): string {
  return Array.from(
    bytes.subarray(at, at + MAC_LENGTH),
    (byte) => byte.toString(16).padStart(2, "0"),
  ).join(":");
}

/** Whether the MAC address at `bytes[at]` is `mac`. */
export function isMac(bytes: Uint8Array, at: number, mac: Uint8Array): boolean {
  return bytes[at + 5] === mac[5] && bytes[at + 4] === mac[4] && bytes[at + 3] === mac[3] &&
    bytes[at + 2] === mac[2] && bytes[at + 1] === mac[1] && bytes[at] === mac[0];
}

/** Whether the MAC address at `bytes[at]` names a group: multicast or broadcast. */
export function isGroupMac(bytes: Uint8Array, at: number): boolean {
  return (bytes[at]! & 1) !== 0;
}

/** Whether the MAC address at `bytes[at]` is all zeros, which is nobody's. */
export function isZeroMac(bytes: Uint8Array, at: number): boolean {
  return (bytes[at]! | bytes[at + 1]! | bytes[at + 2]! | bytes[at + 3]! | bytes[at + 4]! |
    bytes[at + 5]!) === 0;
}

/** Copies a MAC address to `bytes[at]`. */
export function writeMac(bytes: Uint8Array, at: number, mac: Uint8Array): void {
  bytes[at] = mac[0]!;
  bytes[at + 1] = mac[1]!;
  bytes[at + 2] = mac[2]!;
  bytes[at + 3] = mac[3]!;
  bytes[at + 4] = mac[4]!;
  bytes[at + 5] = mac[5]!;
}
