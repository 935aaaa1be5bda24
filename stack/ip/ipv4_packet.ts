import { read16 } from "../wire/bytes.ts";
import * as ipv4 from "../wire/ipv4.ts";
import type { IpPacket } from "./packet.ts";

/**
 * Points a packet at an IPv4 header whose lengths were checked. What came with the frame
 * (checksum, group, segment size) is reset.
 *
 * @param packet Filled.
 * @param at Index of the header.
 * @param length Bytes there are from `at` on; when the packet says that it is longer (it is quoted
 *   in an error), it is cut here.
 */
export function fillIpv4(packet: IpPacket, bytes: Uint8Array, at: number, length: number): void {
  const header = ipv4.headerLength(bytes, at);
  const total = read16(bytes, at + ipv4.TOTAL_LENGTH);
  packet.bytes = bytes;
  packet.version = 4;
  packet.headerOffset = at;
  packet.sourceOffset = at + ipv4.SOURCE;
  packet.destinationOffset = at + ipv4.DESTINATION;
  packet.protocol = bytes[at + ipv4.PROTOCOL]!;
  packet.ecn = bytes[at + ipv4.SERVICE]! & ipv4.ECN;
  packet.ttl = bytes[at + ipv4.TTL]!;
  packet.payloadOffset = at + header;
  packet.payloadLength = (total < length ? total : length) - header;
  packet.checksumVerified = false;
  packet.toGroup = false;
  packet.segmentSize = 0;
}
