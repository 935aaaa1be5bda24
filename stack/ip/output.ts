import type { Frame } from "../wire/frame.ts";
import type { IpAddress } from "./address.ts";

/**
 * Index in the transmit frame's buffer where a transport writes its header. What lies before it is
 * room for the IP, Ethernet and virtio-net headers, so nothing is moved on the way down.
 */
export const TRANSPORT_OFFSET = 96;

/**
 * The way from one of our addresses to a remote one. A transport asks for it once per connection
 * and keeps it; the IP layer holds in it what it need not work out again for each packet.
 */
export interface Route {
  /** Our address on this path. */
  readonly local: IpAddress;
  /** The other end. */
  readonly remote: IpAddress;
  /** Largest IP packet on this path in bytes. */
  readonly mtu: number;
  /** Length of the IP header in bytes: 20 or 40. */
  readonly headerLength: number;
  /** Both addresses' 16-bit words added up, for the pseudo-header checksum. */
  readonly addressSum: number;
}

/** What the IP layer offers to the transports. */
export interface IpOutput {
  /**
   * The one transmit frame: the transport writes header and payload into `frame.bytes` from
   * {@link TRANSPORT_OFFSET} on (room for 65535 bytes), sets what it leaves to the link, and calls
   * {@link IpOutput.send}, after which the frame has no offload again. Offload is counted from the
   * transport header: `checksumStart` is 0, `headerLength` (with `segmentSize`) its own length.
   */
  readonly frame: Frame;
  /** The link takes a partial checksum: the transport writes only the pseudo-header sum. */
  readonly transmitChecksum: boolean;
  /** The transport's payload may lie in another buffer: {@link Frame.setApart}. */
  readonly gather: boolean;
  /** Largest transport payload and header the link takes as one super-segment; 0: none. */
  readonly segmentationLimit: number;
  /**
   * Finds the way to an address.
   *
   * @param remote The other end.
   * @param local Our own address to use; the interface's first suitable one when omitted.
   * @returns The route, or `undefined` when nothing leads there.
   */
  route(remote: IpAddress, local?: IpAddress): Route | undefined;
  /**
   * Sends the packet whose transport part was written into {@link IpOutput.frame}.
   *
   * @param route The way.
   * @param protocol Protocol number of the payload.
   * @param length Bytes of transport header and payload.
   * @param ecn Bits of explicit congestion notification (RFC 3168 section 5).
   * @param mayFragment Routers may fragment a packet of TCP; those of others they may anyway.
   * @returns `false` if it was lost on the spot (link full, no neighbor and its queue full);
   *   a packet that waits for address resolution counts as sent.
   */
  send(
    route: Route,
    protocol: number,
    length: number,
    ecn: number,
    mayFragment?: boolean,
  ): boolean;
}
