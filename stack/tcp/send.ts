import { FIN, PSH } from "../wire/tcp.ts";
import { receiveWindow, sendAck, sendSegment } from "./emit.ts";
import { isSynchronized } from "./state.ts";
import { seqGeq, seqGt, seqLeq, seqLt } from "./sequence.ts";
import type { Tcb } from "./tcb.ts";
import { transition } from "./transition.ts";

/** Below this many bytes no segment counts as full, however small those of the peer are. */
const SMALLEST_FULL_SEGMENT = 536;

/**
 * Sends what may be sent now: data, a FIN, an acknowledgment; and arms the timers that follow from
 * it. Called by the poll for each connection that something happened to.
 *
 * @param tcb The connection.
 * @param now Time in milliseconds.
 */
export function output(tcb: Tcb, now: number): void {
  if (!isSynchronized(tcb.state) || tcb.state === "Time_wait") return;
  sendData(tcb, now);
  acknowledge(tcb, now);
  if (tcb.state === "Fin_wait_2" && tcb.discarding && tcb.waitDeadline === Infinity) {
    tcb.waitDeadline = now + tcb.services.options.finWait2Timeout;
  }
  tcb.rearm();
}

/** Segments from SND.NXT on, as far as the windows, Nagle and silly-window avoidance allow. */
function sendData(tcb: Tcb, now: number): void {
  const queued = tcb.sendQueued;
  const { congestion, rto } = tcb;
  // A FIN that was acknowledged, or sent and not timed out, is done with.
  const finOpen = tcb.finQueued && (tcb.sndFin === undefined || seqLeq(tcb.sndNxt, tcb.sndFin));
  if (queued === 0 && !finOpen) return;
  if (tcb.sndMax === tcb.sndUna && now - tcb.lastSent > rto.current) congestion.restart();

  for (;;) {
    const at = (tcb.sndNxt - tcb.sndUna) | 0;
    const left = queued - at;
    if (left < 0 || (left === 0 && !finOpen)) break;
    const usable = Math.min(tcb.sndWnd, congestion.cwnd) - at;
    const length = Math.min(left, Math.max(usable, 0), tcb.sndMss);
    const fin = finOpen && length === left;
    if (length === 0 && !fin) break;
    if (length < tcb.sndMss && !fin && !maySendShort(tcb, length, left)) break;
    const flags = (length > 0 && length === left ? PSH : 0) | (fin ? FIN : 0);
    transmitRange(tcb, at, length, flags, now);
    if (fin) break;
  }

  if (tcb.sndNxt !== tcb.sndUna) {
    if (tcb.sendTimer !== "retransmit") armRetransmission(tcb, now);
  } else if (tcb.sendTimer === "off" && queued > 0) {
    // Data waits for a window and nothing in flight will bring an answer.
    tcb.sendTimer = "persist";
    tcb.retries = 0;
    tcb.sendDeadline = now + rto.current;
  }
}

/**
 * Whether a segment of less than the MSS may leave (RFC 9293 section 3.8.6.2.1). Nagle's algorithm
 * (section 3.7.4) waits only for an earlier segment that was short itself, after Minshall: the end
 * of one large write does not wait for its own beginning.
 */
function maySendShort(tcb: Tcb, length: number, left: number): boolean {
  if (seqLt(tcb.sndNxt, tcb.sndMax)) return true; // a retransmission
  if (length === left) return tcb.noDelay || seqLeq(tcb.sndSmall, tcb.sndUna);
  return tcb.sndNxt === tcb.sndUna && length >= tcb.maxSndWnd / 2;
}

/**
 * Sends one segment at SND.NXT and moves it on. With FIN, the first time, the state changes.
 *
 * @param at Position in the send buffer.
 */
export function transmitRange(
  tcb: Tcb,
  at: number,
  length: number,
  flags: number,
  now: number,
): void {
  const { counters } = tcb.services;
  const seq = tcb.sndNxt;
  const fin = (flags & FIN) !== 0;
  const end = (seq + length + (fin ? 1 : 0)) | 0;
  const firstFin = fin && tcb.sndFin === undefined;
  tcb.sndNxt = end;
  if (seqLt(seq, tcb.sndMax)) {
    countRetransmission(tcb, length);
    if (tcb.timedAt >= 0 && seqLt(seq, tcb.timedEnd)) tcb.timedAt = -1; // Karn
  } else {
    counters.bytesSent += length;
    if (tcb.timedAt < 0) {
      tcb.timedAt = now;
      tcb.timedEnd = end;
    }
  }
  if (length < tcb.sndMss && length > 0) tcb.sndSmall = end;
  if (seqGt(end, tcb.sndMax)) tcb.sndMax = end;
  if (firstFin) tcb.sndFin = (end - 1) | 0;
  sendSegment(tcb, seq, flags, at, length);
  if (firstFin) transition(tcb, "Send_fin", tcb.sndFin);
}

/** Counts a segment that was sent before. */
export function countRetransmission(tcb: Tcb, length: number): void {
  tcb.retransmissions++;
  tcb.services.counters.segmentsRetransmitted++;
  tcb.services.counters.bytesRetransmitted += length;
}

/** Starts the retransmission timer anew (RFC 6298 section 5). */
export function armRetransmission(tcb: Tcb, now: number): void {
  tcb.sendTimer = "retransmit";
  tcb.sendDeadline = now + tcb.rto.current;
}

/**
 * One decision for all that was received since the last poll: every second full segment is
 * acknowledged at once, the rest within the delay (RFC 9293 section 3.8.6.3, RFC 5681 section 4.2).
 */
function acknowledge(tcb: Tcb, now: number): void {
  const twoSegments = 2 * Math.max(tcb.rcvMss, SMALLEST_FULL_SEGMENT);
  if (tcb.ackNow || tcb.unacknowledged >= twoSegments || windowOpens(tcb)) {
    sendAck(tcb);
  } else if (tcb.unacknowledged > 0 && tcb.ackDeadline === Infinity) {
    tcb.ackDeadline = now + tcb.services.options.delayedAck;
  }
}

/** The application has read so much that the peer should know at once: the window doubles. */
export function windowOpens(tcb: Tcb): boolean {
  // The window of the SYN was small for want of a scale: the first acknowledgment mends that.
  if (tcb.bytesReceived === 0) return false;
  if (tcb.rcvFin !== undefined && seqGeq(tcb.rcvNxt, tcb.rcvFin)) return false;
  const current = Math.max(tcb.rcvWnd, 0);
  const next = receiveWindow(tcb);
  return next > current && next >= 2 * current;
}
