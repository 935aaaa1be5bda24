import type { IpAddress } from "./ip/address.ts";

/** Another station claims one of our addresses. Told at most once in ten seconds per address. */
export interface AddressConflictNotice {
  /** Tells this notice from the others. */
  readonly type: "address-conflict";
  /** The address. */
  readonly address: IpAddress;
  /** The other station's MAC address, as `02:00:00:00:00:01`. */
  readonly mac: string;
}

/** A neighbor did not answer any of our ARP requests. Told at a bounded rate. */
export interface NeighborUnreachableNotice {
  /** Tells this notice from the others. */
  readonly type: "neighbor-unreachable";
  /** The neighbor's address. */
  readonly address: IpAddress;
  /** Packets that waited for it and were dropped. */
  readonly dropped: number;
}

/** The callback of a listener threw; the connection that it was given was reset. */
export interface ListenerErrorNotice {
  /** Tells this notice from the others. */
  readonly type: "listener-error";
  /** The port listened on. */
  readonly port: number;
  /** The peer, as `address:port`. */
  readonly peer: string;
  /** What was thrown. */
  readonly error: unknown;
}

/** Something that is worth a log line. */
export type StackNotice = AddressConflictNotice | NeighborUnreachableNotice | ListenerErrorNotice;
