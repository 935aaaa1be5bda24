/** Names of congestion control algorithms. */
export type CongestionName = "cubic" | "reno";

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
  /** The segment size is known, or has become smaller. */
  setSegmentSize(mss: number): void;
  /** The handshake is over. `lost`: a SYN or SYN-ACK had to be sent again (RFC 5681 section 3.1). */
  start(lost: boolean): void;
  /**
   * Data was delivered, outside loss recovery or after a timeout.
   *
   * @param bytes How many.
   * @param limited The window was what held the sender back: only then may it grow (RFC 7661).
   * @param rtt The latest round-trip time in milliseconds; 0 for none yet.
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
  /** The retransmission timer expired for the first time for this data. */
  timedOut(inFlight: number, now: number): void;
  /**
   * Loss recovery sets the window while it lasts, and at its end (RFC 6582 section 3.2).
   *
   * @param cwnd Window in bytes.
   */
  setWindow(cwnd: number): void;
  /** Keeps the window and its threshold as they are before a reduction. */
  remember(): void;
  /** The reduction was needless: back to what was kept, unless more has been reached since. */
  undo(): void;
  /** Nothing was sent for longer than a retransmission timeout (RFC 5681 section 4.1). */
  restart(): void;
}
