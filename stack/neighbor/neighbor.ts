import type { IpAddress } from "../ip/address.ts";
import type { Frame } from "../wire/frame.ts";
import { MAC_LENGTH } from "../wire/mac.ts";

/**
 * What we know of a neighbor's MAC address.
 *
 * ```text
 *               ┌───── no answer to any request ─────> failed
 *               │                                        │ after a while, on the next packet
 *   new ──> incomplete <─────────────────────────────────┘
 *               │ ▲
 *        answer │ └──────── no answer to any probe ──────┐
 *               ▼                                        │
 *           reachable ── old, and still in use ─────> probing
 *               ▲                                        │
 *               └───────────────── answer ───────────────┘
 * ```
 *
 * - `"incomplete"`: asked for by broadcast; packets wait.
 * - `"reachable"`: known.
 * - `"probing"`: known and in use, while the neighbor itself is asked whether it still holds
 *   (RFC 1122 section 2.3.2.1, method 2).
 * - `"failed"`: nobody answered; packets are dropped.
 * - `"evicted"`: no longer in the cache; whoever still holds the entry asks for a new one.
 */
export type NeighborState = "incomplete" | "reachable" | "probing" | "failed" | "evicted";

/** An entry of the neighbor cache. Routes hold on to it, so that no packet has to look it up. */
export class Neighbor {
  /** Its Internet address. */
  readonly address: IpAddress;
  /** Its MAC address, in the states `"reachable"` and `"probing"`. */
  readonly mac: Uint8Array = new Uint8Array(MAC_LENGTH);
  /** What we know. */
  state: NeighborState = "incomplete";
  /** Requests sent since the state was entered. */
  tries = 0;
  /** `"incomplete"`, `"probing"`: when to ask again. `"failed"`: until when packets are dropped. */
  deadline = Infinity;
  /** When it last said its MAC address. */
  confirmedAt = -Infinity;
  /** When it was last sent to. */
  usedAt: number;
  /** Frames that wait for the MAC address, oldest first. */
  readonly waiting: Frame[] = [];

  /**
   * @param address Its Internet address.
   * @param now The time of its making counts as use.
   */
  constructor(address: IpAddress, now: number) {
    this.address = address;
    this.usedAt = now;
  }
}
