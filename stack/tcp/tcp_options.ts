import type { KeepAlive } from "./api.ts";
import type { CongestionName } from "./congestion.ts";

/** Limits and times of a stack's TCP. Times in milliseconds, sizes in bytes. */
export interface TcpOptions {
  /** Maximum segment lifetime; TIME_WAIT lasts twice as long (RFC 9293 section 3.4.2). */
  readonly msl: number;
  /** How long FIN_WAIT_2 waits for a silent peer's FIN after `close()`. */
  readonly finWait2Timeout: number;
  /** Bytes that a lingering close takes from the peer and discards before it resets. */
  readonly lingerBytes: number;
  /** How long a lingering close goes on taking bytes, from the first one, before it resets. */
  readonly lingerTimeout: number;
  /** Retransmission timeout before the first measurement (RFC 6298 rule 2.1). */
  readonly initialRto: number;
  /** Lower bound of what the retransmission timeout adds to the round-trip time. */
  readonly minRto: number;
  /** Upper bound of the retransmission timeout, with backoff (RFC 6298 rule 2.5). */
  readonly maxRto: number;
  /** Retransmissions of the same data, or unanswered window probes, before giving up (R2). */
  readonly retransmissions: number;
  /** The same once the application has closed, so that nobody waits any more; answered or not. */
  readonly orphanRetransmissions: number;
  /** How long what was written may wait without progress (RFC 5482); 0: no such bound. */
  readonly userTimeout: number;
  /** How long nothing happens on a connection before it gives up what memory it can. */
  readonly restAfter: number;
  /** Connections that wait for their peers after `close()` at most; one more resets the oldest. */
  readonly orphanLimit: number;
  /** Retransmissions of a SYN before an active open fails. */
  readonly synRetransmissions: number;
  /** Retransmissions of a SYN-ACK before a half-open connection is dropped. */
  readonly synAckRetransmissions: number;
  /** Half-open connections at most; further SYNs get cookies, or are dropped and counted. */
  readonly halfOpenLimit: number;
  /** Answer SYNs with cookies when there are too many half-open connections (RFC 4987). */
  readonly synCookies: boolean;
  /** Connections of all states at most; further SYNs are dropped and counted. */
  readonly connectionLimit: number;
  /** Connections in TIME_WAIT at most; one more ends the one that has been there longest. */
  readonly timeWaitLimit: number;
  /** Longest delay of an acknowledgment (RFC 9293 section 3.8.6.3: below 500). */
  readonly delayedAck: number;
  /** Challenge ACKs of the whole stack in a second at most, in the mean (RFC 5961 section 7). */
  readonly challengeAcksPerSecond: number;
  /** Congestion control. */
  readonly congestion: CongestionName;
  /**
   * Explicit congestion notification (RFC 3168): `"offer"` it when connecting, `"accept"` it from
   * peers that offer it, or neither.
   */
  readonly ecn: "offer" | "accept" | "off";
  /** Offer timestamps (RFC 7323). */
  readonly timestamps: boolean;
  /** Offer selective acknowledgment (RFC 2018). */
  readonly sack: boolean;
  /**
   * Largest receive buffer of a connection, and so the largest window that is advertised. It begins
   * with 64 KiB, or this if that is less, and grows with what the application reads in a round trip.
   */
  readonly receiveBuffer: number;
  /**
   * Largest send buffer of a connection. It begins with 256 KiB (128 where many have data under
   * way), or this if that is less, and grows with the congestion window, as far as the fastest path
   * could deliver it in the shortest round trip.
   */
  readonly sendBuffer: number;
  /**
   * Buffers of all connections together. From three quarters of it on windows and send buffers
   * shrink to a few segments; beyond it each connection has one buffer of 2 KiB each way, and
   * what does not fit is dropped before it is acknowledged. Beyond half of it out-of-order data that
   * takes far more memory than it has bytes is dropped.
   */
  readonly memoryLimit: number;
  /**
   * While memory is scarce, a connection with data to be acknowledged has so long to get on by a
   * sixteenth of the memory that it holds, or it may be reset; `Infinity`: none is.
   */
  readonly hoardTimeout: number;
  /**
   * Out-of-order ranges kept per connection, and one more for each 512 bytes that they span; a
   * segment that would make one more is dropped.
   */
  readonly reassemblyRanges: number;
  /** Times of keepalive where a connection asks for it without its own. */
  readonly keepAlive: KeepAlive;
}

/** The values that hold where the caller gives none. */
export const DEFAULT_TCP_OPTIONS: TcpOptions = {
  msl: 30_000,
  finWait2Timeout: 60_000,
  lingerBytes: 4 << 20,
  lingerTimeout: 120_000,
  initialRto: 1_000,
  minRto: 200,
  maxRto: 60_000,
  retransmissions: 15,
  orphanRetransmissions: 8,
  userTimeout: 0,
  restAfter: 5_000,
  orphanLimit: 65_536,
  synRetransmissions: 6,
  synAckRetransmissions: 5,
  halfOpenLimit: 1_024,
  synCookies: true,
  connectionLimit: 262_144,
  timeWaitLimit: 65_536,
  delayedAck: 40,
  challengeAcksPerSecond: 1_000,
  congestion: "cubic",
  ecn: "accept",
  timestamps: true,
  sack: true,
  receiveBuffer: 16 << 20,
  sendBuffer: 16 << 20,
  memoryLimit: 512 << 20,
  hoardTimeout: 60_000,
  reassemblyRanges: 512,
  keepAlive: { idle: 7_200_000, interval: 75_000, probes: 9 },
};
