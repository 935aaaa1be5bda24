import type { Neighbor } from "../neighbor/neighbor.ts";
import { HEADER_LENGTH } from "../wire/ipv4.ts";
import type { IpAddress } from "./address.ts";
import type { Route } from "./output.ts";

/** A route of IPv4. */
export class Ipv4Route implements Route {
  readonly local: IpAddress;
  readonly remote: IpAddress;
  readonly mtu: number;
  readonly headerLength: number = HEADER_LENGTH;
  readonly addressSum: number;
  /** The neighbor's address: the other end's or a gateway's; `undefined` when it is our own. */
  readonly nextHop: IpAddress | undefined;
  /** The neighbor, once there was a packet for it. */
  neighbor: Neighbor | undefined;

  /**
   * @param local Our address.
   * @param remote The other end.
   * @param mtu Largest packet in bytes.
   * @param nextHop See {@link nextHop}.
   */
  constructor(local: IpAddress, remote: IpAddress, mtu: number, nextHop: IpAddress | undefined) {
    this.local = local;
    this.remote = remote;
    this.mtu = mtu;
    this.addressSum = local.sum + remote.sum;
    this.nextHop = nextHop;
    this.neighbor = undefined;
  }
}
