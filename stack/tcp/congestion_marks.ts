import { CWR, ECE, type Segment } from "../wire/tcp.ts";
import { tell } from "./congestion_event.ts";
import { Ecn } from "./ecn.ts";
import { seqGt } from "./sequence.ts";
import type { Tcb } from "./tcb.ts";

/**
 * Control bits of our SYN or SYN-ACK. A SYN that was not answered is repeated without: there are
 * networks that drop what they do not know (RFC 3168 section 6.1.1.1).
 */
export function ecnSynFlags(tcb: Tcb, withAck: boolean): number {
  if (withAck) return tcb.ecn === undefined ? 0 : ECE;
  return tcb.services.options.ecn === "offer" && tcb.retries === 0 ? ECE | CWR : 0;
}

/** What the peer's SYN or SYN-ACK agrees to; a SYN-ACK counts only where our SYN has offered it. */
export function takeEcnSyn(tcb: Tcb, segment: Segment): void {
  const bits = segment.flags & (ECE | CWR);
  const agreed = tcb.state === "Syn_sent"
    ? bits === ECE && ecnSynFlags(tcb, false) !== 0
    : bits === (ECE | CWR) && tcb.services.options.ecn !== "off";
  tcb.ecn = agreed ? new Ecn() : undefined;
}

/** A segment with text has come: was it marked, has the peer slowed down (section 6.1.3). */
export function marksArrive(tcb: Tcb, ecn: Ecn, segment: Segment): void {
  if ((segment.flags & CWR) !== 0) ecn.echoes = false;
  if (!segment.congestionExperienced) return;
  tcb.services.counters.congestionMarksReceived++;
  if (!ecn.echoes) tcb.ackNow = true;
  ecn.echoes = true;
}

/**
 * Slows down where the peer has seen a mark: like a loss, once for a window (section 6.1.2), though
 * less, since a mark comes earlier than a loss (RFC 8511).
 */
export function echoArrives(tcb: Tcb, ecn: Ecn, segment: Segment, now: number): void {
  if ((segment.flags & ECE) === 0 || tcb.sndNxt === tcb.sndUna) return;
  // Until the peer has seen CWR it goes on about the same mark.
  if (ecn.answers || ecn.answeredAt !== undefined && !seqGt(segment.ack, ecn.answeredAt)) return;
  ecn.answers = true;
  if (tcb.recovery === undefined || tcb.recovery.phase !== "open") return; // It has slowed down.
  tcb.services.counters.congestionReductions++;
  tcb.congestion.congestionExperienced(tcb.recovery.flight.bytes, now);
  tell(tcb, "mark");
}

/**
 * Control bits of a segment after the handshake.
 *
 * @param seq Its sequence number.
 * @param isNewData It carries text for the first time.
 */
export function ecnFlags(ecn: Ecn, seq: number, isNewData: boolean): number {
  let flags = ecn.echoes ? ECE : 0;
  if (isNewData && ecn.answers) {
    ecn.answers = false;
    ecn.answeredAt = seq;
    flags |= CWR;
  }
  return flags;
}
