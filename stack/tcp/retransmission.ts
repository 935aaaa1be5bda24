import { FIN, PSH } from "../wire/tcp.ts";
import { sendSegment, sendSyn } from "./emit.ts";
import { armRetransmission, countRetransmission, transmitRange } from "./send.ts";
import { seqGt } from "./sequence.ts";
import type { Tcb } from "./tcb.ts";
import { teardown, transition } from "./transition.ts";

/**
 * The retransmission or persist timer has expired.
 *
 * @param tcb The connection.
 * @param now Time in milliseconds.
 */
export function sendTimerExpired(tcb: Tcb, now: number): void {
  if (tcb.retries >= retryLimit(tcb)) {
    giveUp(tcb);
    return;
  }
  tcb.retries++;
  if (tcb.sendTimer === "persist") probe(tcb, now);
  else {
    tcb.services.counters.retransmissionTimeouts++;
    if (tcb.state === "Syn_sent" || tcb.state === "Syn_rcvd") repeatSyn(tcb, now);
    else repeatData(tcb, now);
  }
}

/** Sends the segment at SND.UNA again, and leaves SND.NXT where it is (RFC 5681 section 3.2). */
export function retransmitFirst(tcb: Tcb, now: number): void {
  const next = tcb.sndNxt;
  tcb.sndNxt = tcb.sndUna;
  transmitFirst(tcb, now);
  if (seqGt(next, tcb.sndNxt)) tcb.sndNxt = next;
}

/** The peer did not answer for too long. */
export function giveUp(tcb: Tcb): void {
  const { counters } = tcb.services;
  if (tcb.state === "Syn_rcvd" && tcb.services.halfOpen.has(tcb)) counters.halfOpenTimedOut++;
  else counters.connectionsTimedOut++;
  transition(tcb, "Timeout");
  teardown(tcb, tcb.softError ? "unreachable" : "timeout");
}

function retryLimit(tcb: Tcb): number {
  const { options } = tcb.services;
  if (tcb.state === "Syn_sent") return options.synRetransmissions;
  if (tcb.state === "Syn_rcvd") return options.synAckRetransmissions;
  return tcb.discarding ? options.orphanRetransmissions : options.retransmissions;
}

function repeatSyn(tcb: Tcb, now: number): void {
  tcb.rto.backoffs++;
  tcb.timedAt = -1; // Karn
  countRetransmission(tcb, 0);
  sendSyn(tcb, tcb.state === "Syn_rcvd");
  armRetransmission(tcb, now);
}

/** RFC 5681 section 3.1 and RFC 6298 section 5: back to SND.UNA with a window of one segment. */
function repeatData(tcb: Tcb, now: number): void {
  if (tcb.retries === 1) tcb.congestion.timedOut(tcb.inFlight, now);
  tcb.rto.backoffs++;
  tcb.recovering = false;
  tcb.duplicateAcks = 0;
  tcb.recover = tcb.sndMax;
  tcb.timedAt = -1; // Karn
  tcb.sndNxt = tcb.sndUna;
  // This one leaves whatever the window says: it was inside it once, and doubles as a probe.
  transmitFirst(tcb, now);
  armRetransmission(tcb, now);
}

function transmitFirst(tcb: Tcb, now: number): void {
  const queued = tcb.sendQueued;
  const length = Math.min(queued, tcb.sndMss, tcb.inFlight);
  const fin = tcb.finQueued && length === queued;
  const flags = (length > 0 && length === queued ? PSH : 0) | (fin ? FIN : 0);
  transmitRange(tcb, 0, length, flags, now);
}

/**
 * The persist timer (RFC 9293 section 3.8.6.1). With a window of zero, one byte beyond it makes the
 * peer say what its window is now; with one too small for a decent segment, what fits is sent at
 * last (section 3.8.6.2.1, the override timeout).
 */
function probe(tcb: Tcb, now: number): void {
  if (tcb.sndWnd > 0) {
    const length = Math.min(tcb.sendQueued, tcb.sndWnd, tcb.sndMss);
    transmitRange(tcb, 0, length, 0, now);
    armRetransmission(tcb, now); // From now on it is in flight like any other.
    return;
  }
  tcb.rto.backoffs++;
  tcb.sendDeadline = now + tcb.rto.current;
  tcb.services.counters.windowProbes++;
  const end = (tcb.sndUna + 1) | 0;
  if (seqGt(end, tcb.sndMax)) tcb.sndMax = end;
  sendSegment(tcb, tcb.sndUna, 0, 0, 1);
}
