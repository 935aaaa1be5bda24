import { StackError } from "../error.ts";
import type { DeliveryRate } from "./delivery_rate.ts";
import type { LossObserver } from "./flight.ts";

/** Name of a congestion control algorithm: CUBIC (RFC 9438), NewReno (RFC 5681), BBRv3. */
export type CongestionName = "cubic" | "reno" | "bbr";

/** All of them. */
export const CONGESTION_NAMES = ["cubic", "reno", "bbr"] as const satisfies CongestionName[];

/**
 * Checks a name.
 *
 * @throws {StackError} `"invalid"` if it is none.
 */
export function checkCongestion(name: string | undefined): void {
  if (name === undefined || (CONGESTION_NAMES as readonly string[]).includes(name)) return;
  throw new StackError(
    "invalid",
    `congestion control "${name}": expected ${CONGESTION_NAMES.map((n) => `"${n}"`).join(" or ")}`,
  );
}

/**
 * A congestion control algorithm: how much may be in flight. It is told what happened and keeps
 * `cwnd`; loss recovery, which decides what to send again, is not its business.
 */
export interface CongestionControl {
  /** Name, as it is written in a config. */
  readonly name: CongestionName;
  /** Congestion window in bytes, at least one segment. */
  readonly cwnd: number;
  /** Slow-start threshold in bytes; `Infinity` before the first loss. */
  readonly ssthresh: number;
  /** Rate in bytes per millisecond at which data leaves; `Infinity`: as the window allows. */
  readonly pacingRate: number;
  /**
   * What it knows of the path: then it sets the window and the rate by that, also while losses are
   * mended. `undefined`: it has no model, and the window follows PRR in recovery.
   */
  readonly model: PathModel | undefined;
  /** The segment size is known, or has become smaller. */
  setSegmentSize(mss: number): void;
  /**
   * The handshake is over.
   *
   * @param lost A SYN or SYN-ACK had to be sent again (RFC 5681 section 3.1).
   * @param rtt The round-trip time of the handshake in milliseconds; 0 if it was not measured.
   * @param now Time in milliseconds.
   */
  start(lost: boolean, rtt: number, now: number): void;
  /**
   * Data was delivered, outside loss recovery or after a timeout.
   *
   * @param bytes How many.
   * @param limited The window was what held the sender back: only then may it grow (RFC 7661).
   * @param rtt The round-trip time that this has yielded, in milliseconds; 0 for none.
   * @param now Time in milliseconds.
   */
  acknowledged(bytes: number, limited: boolean, rtt: number, now: number): void;
  /**
   * A loss was found: one congestion event for a whole window. Only `ssthresh` changes.
   *
   * @param inFlight Bytes in flight.
   * @param now Time in milliseconds.
   */
  lossDetected(inFlight: number, now: number): void;
  /**
   * The peer has seen a mark of a router: once for a window, outside loss recovery (RFC 8511).
   *
   * @param inFlight Bytes in flight.
   * @param now Time in milliseconds.
   */
  congestionExperienced(inFlight: number, now: number): void;
  /** The retransmission timer expired for the first time for this data. */
  timedOut(inFlight: number, now: number): void;
  /**
   * Loss recovery sets the window while it lasts, and at its end (RFC 6582 section 3.2).
   *
   * @param cwnd Window in bytes.
   */
  setWindow(cwnd: number): void;
  /**
   * Goes on where another of its kind stood on the same connection.
   *
   * @param cwnd Window in bytes.
   * @param ssthresh Slow-start threshold in bytes.
   */
  recall(cwnd: number, ssthresh: number): void;
  /** Keeps the window and its threshold as they are before a reduction. */
  remember(): void;
  /** The reduction was needless: back to what was kept, unless more has been reached since. */
  undo(): void;
  /** Nothing was sent for longer than a retransmission timeout (RFC 5681 section 4.1). */
  restart(): void;
}

/** A congestion control algorithm that measures the path, instead of waiting until it overflows. */
export interface PathModel extends LossObserver {
  /**
   * An acknowledgment has been taken in, and losses have been looked for.
   *
   * @param delivery What has been delivered and lost, and at what rate.
   * @param inFlight Bytes in flight now.
   * @param limited The window was what held the sender back.
   * @param rtt Round-trip time that it has yielded in milliseconds; -1 for none.
   * @param now Time in milliseconds.
   */
  delivered(
    delivery: DeliveryRate,
    inFlight: number,
    limited: boolean,
    rtt: number,
    now: number,
  ): void;
  /**
   * Data is about to leave, and nothing is in flight.
   *
   * @param delivery Tells whether the application was the cause.
   * @param now Time in milliseconds.
   */
  flightBegins(delivery: DeliveryRate, now: number): void;
  /**
   * The retransmission timer has expired.
   *
   * @param inFlight Bytes that may yet arrive.
   */
  collapsed(inFlight: number): void;
  /** The recovery from losses is over. */
  recovered(): void;
}
