import type { IpPacket } from "./ip/packet.ts";

/**
 * What became of a packet that concerns no connection of a stack:
 *
 * - `"taken"`: another stack looks at it.
 * - `"unwanted"`: nobody else wants it, so this stack answers.
 * - `"full"`: too many are under way; this one is lost.
 */
export type HandOver = "taken" | "unwanted" | "full";

/**
 * What a stack must know when it is one of several with the same addresses, each on a queue of its
 * own of one device. A connection belongs to the stack that opened it; which queue a frame of it
 * comes on is for the device to say, and now and then it is another stack's.
 */
export interface Sharing {
  /**
   * Which of the stacks this one is, from 0. The first announces the addresses. Each chooses local
   * ports that the others never choose: see `portOwner`.
   */
  readonly index: number;
  /** How many stacks there are. */
  readonly count: number;
  /**
   * Called before a TCP segment is refused, or an ICMP error ignored, because no connection of this
   * stack is meant.
   *
   * @param packet The whole packet; lent until the call returns.
   * @param localPort Our port in it.
   */
  handOver(packet: IpPacket, localPort: number): HandOver;
}
