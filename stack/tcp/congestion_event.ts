/**
 * What can happen to the sending of a connection that its state does not show.
 *
 * - `"recovery-entered"`: RACK or duplicate ACKs found a loss (RFC 8985, RFC 6582).
 * - `"timeout"`: the retransmission timer expired (RFC 6298).
 * - `"recovery-left"`: all that was in flight when the loss was found is acknowledged.
 * - `"undone"`: what was sent again need not have been; window and threshold are back where they
 *   were (RFC 3522, RFC 3708, RFC 5682).
 * - `"tail-loss-probe"`: a probe left because nothing came back (RFC 8985 section 7).
 * - `"mark"`: the peer reported a mark of a router, and the window was reduced (RFC 3168).
 */
export type CongestionEventType =
  | "recovery-entered"
  | "timeout"
  | "recovery-left"
  | "undone"
  | "tail-loss-probe"
  | "mark";

/** Something that happened to the sending of a connection, and how things stand after it. */
export interface CongestionEvent {
  /** What happened. */
  readonly type: CongestionEventType;
  /** When, in milliseconds of the stack's clock. */
  readonly time: number;
  /** Our port. */
  readonly port: number;
  /** The peer: `192.168.69.1:37629`. */
  readonly peer: string;
  /** Congestion window in bytes. */
  readonly cwnd: number;
  /** Slow-start threshold in bytes; `Infinity` where there is none. */
  readonly ssthresh: number;
  /** Bytes that are thought to be on the way. */
  readonly inFlight: number;
  /** Bytes that are taken for lost and have not been sent again. */
  readonly lost: number;
  /** Smoothed round-trip time in milliseconds; 0 before the first measurement. */
  readonly rtt: number;
}

/** A part of the TCB: what an event tells of. */
export interface Told {
  readonly services: {
    readonly now: number;
    readonly observe: ((event: CongestionEvent) => void) | undefined;
  };
  readonly localPort: number;
  readonly peer: string;
  readonly congestion: { readonly cwnd: number; readonly ssthresh: number };
  readonly rto: { readonly srtt: number };
  readonly recovery:
    | {
      readonly flight: {
        readonly pipe: number;
        readonly lostBytes: number;
        readonly repeatedBytes: number;
      };
    }
    | undefined;
}

/** Tells whoever observes the stack, if anybody does. */
export function tell(tcb: Told, type: CongestionEventType): void {
  const { observe, now } = tcb.services;
  if (observe === undefined) return;
  const flight = tcb.recovery?.flight;
  observe({
    type,
    time: now,
    port: tcb.localPort,
    peer: tcb.peer,
    cwnd: tcb.congestion.cwnd,
    ssthresh: tcb.congestion.ssthresh,
    inFlight: flight?.pipe ?? 0,
    lost: flight === undefined ? 0 : flight.lostBytes - flight.repeatedBytes,
    rtt: tcb.rto.srtt,
  });
}
