import { SMALLEST_MTU } from "../wire/ipv4.ts";

/** MTUs that are common on links of the Internet (RFC 1191 section 7.1, table 7-1). */
const PLATEAUS = [32_000, 17_914, 8_166, 4_352, 2_002, 1_492, 1_006, 508, 296] as const;

/**
 * The MTU that is likely where a router finds a packet too large and does not say for what.
 *
 * @param length Length of the packet in bytes.
 * @returns The next smaller of the common MTUs.
 */
export function plateauBelow(length: number): number {
  return PLATEAUS.find((mtu) => mtu < length) ?? SMALLEST_MTU;
}
