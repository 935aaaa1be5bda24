import type { IpAddress } from "../ip/address.ts";
import type { RecoveryPhase } from "./recovery_phase.ts";
import type { LimitedTimes, SendLimit } from "./send_limits.ts";
import type { CongestionName } from "./congestion.ts";

/** The states of a connection (RFC 9293 section 3.3.2), as they are written in a trace. */
export type TcpState =
  | "Closed"
  | "Listen"
  | "Syn_sent"
  | "Syn_rcvd"
  | "Established"
  | "Fin_wait_1"
  | "Fin_wait_2"
  | "Close_wait"
  | "Closing"
  | "Last_ack"
  | "Time_wait";

/**
 * Why a connection ended.
 *
 * - `"closed"`: both sides said goodbye and each was acknowledged, or the bounded wait for the
 *   peer's goodbye after our own ran out in FIN_WAIT_2.
 * - `"reset"`: the peer sent an acceptable RST.
 * - `"refused"`: the peer answered our SYN with RST.
 * - `"timeout"`: the peer no longer answers (retransmissions, probes or keepalives exhausted).
 * - `"unreachable"`: the network reported a hard error while the connection was being opened.
 * - `"aborted"`: this side called `abort()`, or closed and the peer kept sending past the bounds
 *   of the lingering close, or memory was scarce and the peer took next to nothing of what waited
 *   for it (`hoardTimeout`).
 */
export type CloseReason =
  | "closed"
  | "reset"
  | "refused"
  | "timeout"
  | "unreachable"
  | "aborted";

/** One end of a connection. */
export interface Endpoint {
  /** The Internet address. */
  readonly address: IpAddress;
  /** Port number, 1 to 65535. */
  readonly port: number;
}

/**
 * What a connection tells its owner. Calls come from inside `receive` and `poll` of the stack (and
 * from `abort`): an observer resolves promises or sets flags, and may call the connection.
 */
export interface ConnectionObserver {
  /** Data, or the end of the peer's stream, has arrived. */
  readable(): void;
  /**
   * Data has arrived, none waits before it, and it may be taken from where it lies, so that it is
   * copied once. What is left over waits, and {@link ConnectionObserver.readable} tells of it. This
   * one must not call the connection.
   *
   * @param bytes Where it lies; lent until the call returns.
   * @param offset Index of the first byte.
   * @param count How many there are.
   * @returns How many were taken, 0 to `count`.
   */
  received?(bytes: Uint8Array, offset: number, count: number): number;
  /** Room has come free in the send buffer after a `write` took less than it was offered. */
  writable(): void;
  /** The connection has ended; called once, the last call. TIME_WAIT counts as ended. */
  closed(reason: CloseReason): void;
}

/** Keepalive (RFC 9293 section 3.8.4, RFC 1122 section 4.2.3.6). Times in milliseconds. */
export interface KeepAlive {
  /** Silence before the first probe; default 7,200,000 (two hours). */
  readonly idle: number;
  /** Time between probes; default 75,000. */
  readonly interval: number;
  /** Unanswered probes before the connection is given up; default 9. */
  readonly probes: number;
}

/**
 * What a connection says about itself, for people and for tests. Sizes are bytes, times
 * milliseconds, rates bytes per second.
 */
export interface ConnectionInfo {
  /** State of the connection. */
  readonly state: TcpState;
  /** Congestion control. */
  readonly congestion: CongestionName;
  /** Where the sender stands with losses. */
  readonly phase: RecoveryPhase;
  /** Smoothed round-trip time; 0 before the first measurement. */
  readonly rtt: number;
  /** Variation of the round-trip time. */
  readonly rttvar: number;
  /** The smallest round-trip time of late; 0 before the first measurement. */
  readonly minRtt: number;
  /** Retransmission timeout, without backoff. */
  readonly rto: number;
  /** Times that the timeout has been doubled since something new was acknowledged. */
  readonly backoffs: number;
  /** Congestion window. */
  readonly cwnd: number;
  /** Slow-start threshold; `Infinity` before the first loss, and where there is none. */
  readonly ssthresh: number;
  /** Rate at which data leaves; `Infinity`: as the windows allow. */
  readonly pacingRate: number;
  /** Rate at which the path delivered, by the latest acknowledgment that told; 0: none yet. */
  readonly deliveryRate: number;
  /** Largest segment payload that we send. */
  readonly mss: number;
  /** Sent and not yet acknowledged, SYN and FIN included. */
  readonly inFlight: number;
  /** Of that, what the peer has reported as received (RFC 2018). */
  readonly sacked: number;
  /** Of that, what is taken for lost, sent again or not. */
  readonly lost: number;
  /** Delivered since the beginning or the last rest, acknowledged or reported. */
  readonly delivered: number;
  /** Taken for lost since the beginning or the last rest. */
  readonly lostInAll: number;
  /** Segments sent again since the beginning. */
  readonly retransmissions: number;
  /** Segments were seen to overtake others on the way to the peer. */
  readonly reordering: boolean;
  /** Both sides report what has arrived ahead (RFC 2018). */
  readonly sack: boolean;
  /** Both sides send timestamps (RFC 7323). */
  readonly timestamps: boolean;
  /** Both sides react to marks of routers (RFC 3168). */
  readonly ecn: boolean;
  /** Shift of the windows that we receive (RFC 7323); `undefined`: not agreed on. */
  readonly sendScale: number | undefined;
  /** Shift of the windows that we send; `undefined`: not agreed on. */
  readonly receiveScale: number | undefined;
  /** Written and not yet acknowledged, sent or not. */
  readonly sendQueued: number;
  /** Window that the peer last advertised. */
  readonly sendWindow: number;
  /** Window that we advertise. */
  readonly receiveWindow: number;
  /** Received in order and not yet read. */
  readonly receiveQueued: number;
  /** Received ahead of something that is missing. */
  readonly receiveAhead: number;
  /** Payload that the peer has acknowledged. */
  readonly bytesAcknowledged: number;
  /** Payload received in order. */
  readonly bytesReceived: number;
  /** What keeps us from sending more. */
  readonly limit: SendLimit;
  /**
   * For how long each of them has: since something was first sent, or since the connection was last
   * at rest (`TcpOptions.restAfter`), that rest included.
   */
  readonly limited: LimitedTimes;
}

/**
 * An Established connection, as the stack hands it to a listener or to whoever connected: there is
 * no `Connection` before the state is Established, and none can be made from outside the stack.
 *
 * Nothing here waits. Segments leave when the stack is next polled (the stack calls its `wake`
 * option when a call made outside `receive` and `poll` leaves work to do).
 */
export interface Connection {
  /** Our end. */
  readonly local: Endpoint;
  /** The peer's end. */
  readonly remote: Endpoint;
  /** State, from Established on. */
  readonly state: TcpState;
  /** Why the connection ended; `undefined` while it lives. */
  readonly closeReason: CloseReason | undefined;
  /** Who is told; set it in the accept callback, before returning. */
  observer: ConnectionObserver | undefined;
  /** Bytes that `read` can deliver at once. */
  readonly readableBytes: number;
  /** The peer has said FIN and everything before it has been read: end of stream. */
  readonly ended: boolean;
  /** Bytes that `write` would take at once; 0 after `closeWrite`, `close` or the end. */
  readonly writableBytes: number;
  /**
   * Moves received bytes into `target`.
   *
   * @returns How many; 0 when there is nothing now (see {@link Connection.ended} and
   *   {@link Connection.closeReason}).
   */
  read(target: Uint8Array): number;
  /**
   * Copies bytes into the send buffer.
   *
   * @returns How many were taken, 0 to `source.length`. When fewer than offered,
   *   {@link ConnectionObserver.writable} follows.
   */
  write(source: Uint8Array): number;
  /** Ends our direction: everything written is sent, then one FIN. Idempotent. */
  closeWrite(): void;
  /**
   * The whole goodbye: everything written is sent, then one FIN; received and unread bytes and
   * those that still arrive are acknowledged and discarded (within bounds; past them: RST).
   * Idempotent, and harmless after the end.
   */
  close(): void;
  /** Resets: a RST is sent at once and everything is released. Harmless after the end. */
  abort(): void;
  /** `true` switches Nagle's algorithm (RFC 9293 section 3.7.4) off. */
  setNoDelay(on: boolean): void;
  /** Switches keepalive on, with times or the stack's defaults, or off. */
  setKeepAlive(on: boolean | KeepAlive): void;
  /**
   * Bounds how long what was written may wait without any of it being acknowledged, in flight or
   * before a closed window: then the connection ends with `"timeout"` (RFC 5482, local part).
   *
   * @param timeout Milliseconds, at least 0; 0 for no such bound: then only the number of
   *   retransmissions counts.
   */
  setUserTimeout(timeout: number): void;
  /** A snapshot of the connection. */
  info(): ConnectionInfo;
}

/** What becomes of an active open; exactly one of the two is called, once. */
export interface ConnectOutcome {
  /** The connection is Established. Set its observer before returning. */
  established(connection: Connection): void;
  /** It could not be opened. */
  failed(reason: CloseReason): void;
}

/** An active open under way. */
export interface ConnectAttempt {
  /** Gives up; `failed("aborted")` is called unless the outcome was already told. */
  cancel(): void;
}

/** Where to listen. */
export interface ListenAt {
  /** Port, 1 to 65535. */
  readonly port: number;
  /** Our address; `undefined` for all. */
  readonly address?: IpAddress | undefined;
  /** Congestion control of the connections; `undefined`: that of the stack. */
  readonly congestion?: CongestionName | undefined;
}

/** Where to connect to. */
export interface ConnectTo {
  /** Address of the peer. */
  readonly address: IpAddress;
  /** Port of the peer, 1 to 65535. */
  readonly port: number;
  /** Our port, 1 to 65535; one is chosen if there is none. */
  readonly localPort?: number | undefined;
  /** Congestion control; `undefined`: that of the stack. */
  readonly congestion?: CongestionName | undefined;
}

/** A port being listened on. */
export interface ListenHandle {
  /** The port. */
  readonly port: number;
  /** Our address listened on; `undefined` for all. */
  readonly address: IpAddress | undefined;
  /** Stops listening: half-open connections are reset, established ones left alone. */
  close(): void;
}
