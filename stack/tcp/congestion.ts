/**
 * A congestion control algorithm: how much may be in flight. It is told what happened and keeps
 * `cwnd`; loss recovery, which decides what to send again, is not its business.
 */
export interface CongestionControl {
  /** Name, as it is written in a config. */
  readonly name: string;
  /** Congestion window in bytes, at least one segment. */
  readonly cwnd: number;
  /** Slow-start threshold in bytes; `Infinity` before the first loss. */
  readonly ssthresh: number;
  /** The segment size is known, or has become smaller. */
  setSegmentSize(mss: number): void;
  /** The handshake is over. `lost`: a SYN or SYN-ACK had to be sent again (RFC 5681 section 3.1). */
  start(lost: boolean): void;
  /**
   * New data was acknowledged, outside loss recovery.
   *
   * @param bytes How many.
   * @param now Time in milliseconds.
   */
  acknowledged(bytes: number, now: number): void;
  /**
   * A loss was found by duplicate ACKs: one congestion event for a whole window.
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
  /** Nothing was sent for longer than a retransmission timeout (RFC 5681 section 4.1). */
  restart(): void;
}
