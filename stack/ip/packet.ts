import { IpAddress, type IpVersion } from "./address.ts";

/**
 * A received IP packet as the transports see it: a view into the frame (or into a reassembled
 * packet), whatever its version. One object is made and filled again for each packet; the IP layer
 * has checked every length in it, so `payloadOffset + payloadLength <= bytes.length`.
 */
export class IpPacket {
  /** The buffer that holds the packet. */
  bytes: Uint8Array = new Uint8Array(0);
  /** 4 or 6. */
  version: IpVersion = 4;
  /** Index of the first byte of the IP header. */
  headerOffset = 0;
  /** Index of the source address; the destination address follows it directly. */
  sourceOffset = 0;
  /** Index of the destination address. */
  destinationOffset = 0;
  /** Protocol number of the payload (6 TCP, 17 UDP, 1 ICMP). */
  protocol = 0;
  /** Explicit congestion notification (RFC 3168 section 5): 0 to 3, 3 for congestion experienced. */
  ecn = 0;
  /** Time to live, 0 to 255. */
  ttl = 0;
  /** Index of the first payload byte. */
  payloadOffset = 0;
  /** Length of the payload in bytes, link padding not counted. */
  payloadLength = 0;
  /** The device vouches for the transport checksum (`"partial"` or `"verified"`). */
  checksumVerified = false;
  /** The frame or the packet was addressed to a group: no transport may answer it with an error. */
  toGroup = false;
  /** Payload size of each joined segment when the device has coalesced several; 0 otherwise. */
  segmentSize = 0;

  /** The source address as a value (allocates). */
  get source(): IpAddress {
    return IpAddress.read(this.bytes, this.sourceOffset, this.version);
  }

  /** The destination address as a value (allocates). */
  get destination(): IpAddress {
    return IpAddress.read(this.bytes, this.destinationOffset, this.version);
  }
}
