import { FIN, PSH, TCP_HEADER_LENGTH, TIMESTAMPS_LENGTH } from "../wire/tcp.ts";
import { receiveWindow, sendAck, sendSegment } from "./emit.ts";
import { LossRecovery } from "./loss_recovery.ts";
import { Pacer } from "./pacer.ts";
import { PathMtu } from "./path_mtu.ts";
import { type SendLimit, SendLimits } from "./send_limits.ts";
import { isSynchronized } from "./state.ts";
import { seqDiff, seqGeq, seqGt, seqLeq } from "./sequence.ts";
import type { Tcb } from "./tcb.ts";
import type { Transmission } from "./transmission.ts";
import { transition } from "./transition.ts";

/**
 * Bytes that a connection sends in one poll: then it is the others' turn, and acknowledgments that
 * have come meanwhile are looked at. More at once would be out of the processor's cache before the
 * peer reads it.
 */
const TURN = 131_072;
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

/** What is lost, then what is new, as far as the windows, Nagle and silly-window avoidance allow. */
function sendData(tcb: Tcb, now: number): void {
  tcb.paceDeadline = Infinity;
  const queued = tcb.sendQueued;
  const finOpen = tcb.finQueued && tcb.sndFin === undefined;
  if (queued === 0 && !finOpen && tcb.sndNxt === tcb.sndUna) {
    tcb.limits?.note("idle", now);
    return;
  }
  if (tcb.waitingSince === Infinity) tcb.waitingSince = now;
  const { congestion, rto } = tcb;
  const recovery = tcb.recovery ??= new LossRecovery(tcb.sndUna, congestion.model);
  const { delivery } = recovery.flight;
  if (tcb.sndNxt === tcb.sndUna) {
    if (now - tcb.lastDataSent > rto.current) congestion.restart();
    congestion.model?.flightBegins(delivery, now);
  }
  const pacer = congestion.pacingRate === Infinity ? undefined : tcb.pacer ??= new Pacer();
  const pathMtu = tcb.pathMtu ??= new PathMtu();
  const burst = largestBurst(tcb);

  tcb.windowLimited = false;
  let limit: SendLimit = "application";
  let sent = 0;
  for (;;) {
    if (sent >= TURN) {
      tcb.services.touch(tcb);
      limit = "link";
      break;
    }
    const pipe = recovery.pipe(tcb);
    const lost = recovery.sendNewOnly ? undefined : recovery.flight.firstLost;
    if (lost !== undefined) {
      const length = firstSegmentOf(tcb, lost);
      if (pipe > 0 && pipe + length > congestion.cwnd) {
        tcb.windowLimited = true;
        limit = "congestion";
        break;
      }
      if (pacer !== undefined && holdsBack(tcb, pacer, now)) break;
      retransmit(tcb, lost, now);
      sent += length;
      continue;
    }
    const at = (tcb.sndNxt - tcb.sndUna) | 0;
    const left = queued - at;
    if (left < 0 || (left === 0 && !finOpen)) {
      if (pipe < congestion.cwnd) delivery.limitedByApplication(pipe);
      break;
    }
    const offered = Math.min(left, Math.max(tcb.sndWnd - at, 0));
    const free = Math.max(congestion.cwnd - pipe, 0);
    const mss = now < pathMtu.probeAt || recovery.phase !== "open"
      ? tcb.sndMss
      : pathMtu.tries(tcb, Math.min(offered, free));
    const wanted = Math.min(offered, mss === tcb.sndMss ? burst : mss);
    let length = Math.min(wanted, free);
    if (length < wanted) {
      tcb.windowLimited = true;
      limit = "congestion";
    } else if (length < left && length < tcb.sndMss) limit = "receiver";
    if (length > mss) length = wholeSegments(tcb, length, left, finOpen);
    const fin = finOpen && length === left;
    if (length === 0 && !fin) break;
    if (length < tcb.sndMss && !fin && !maySendShort(tcb, length, left)) {
      if (length === left) delivery.limitedByApplication(pipe);
      break;
    }
    if (pacer !== undefined) {
      if (holdsBack(tcb, pacer, now)) break;
      if (length > pacer.left && length > mss) {
        length = Math.max(pacer.left - pacer.left % mss, mss);
      }
    }
    const flags = (length > 0 && length === left ? PSH : 0) | (fin ? FIN : 0);
    if (!transmitNew(tcb, at, length, flags, now, Math.min(length, mss))) {
      limit = "link";
      break;
    }
    sent += length;
    if (fin) break;
  }
  if (limit === "application" && tcb.writerWaits) limit = "buffer";
  const paced = tcb.paceDeadline !== Infinity;
  (tcb.limits ??= new SendLimits(now)).note(paced ? "pacing" : limit, now);
  if (paced) return;
  if (recovery.sendNewOnly && tcb.sndNxt === recovery.recoverPoint) {
    recovery.nothingNewSent();
    sendData(tcb, now);
    return;
  }
  if (tcb.sendTimer === "off" && tcb.sndNxt === tcb.sndUna) {
    // Data waits for a window or for the link, and nothing in flight will bring an answer.
    tcb.sendTimer = "persist";
    tcb.retries = 0;
    tcb.sendDeadline = now + rto.current;
  }
}

/** Bytes that may be handed to the link at once: as many segments as it splits for us, or one. */
function largestBurst(tcb: Tcb): number {
  const { segmentationLimit } = tcb.services.ip;
  // A mark is answered in one segment (RFC 3168 section 6.1.2): the link would repeat it in each.
  if (segmentationLimit === 0 || tcb.ecn?.answers) return tcb.sndMss;
  const payload = segmentationLimit - TCP_HEADER_LENGTH - TIMESTAMPS_LENGTH;
  return payload - payload % tcb.sndMss;
}

/** Of what may be sent at once what makes whole segments, with the rest if it may leave as well. */
function wholeSegments(tcb: Tcb, length: number, left: number, finOpen: boolean): number {
  const rest = length % tcb.sndMss;
  // A FIN leaves with the last segment alone: the link would repeat it in each.
  if (finOpen && length === left) return length - (rest || tcb.sndMss);
  return rest > 0 && !(length === left && tcb.noDelay) ? length - rest : length;
}

/** Whether the next segment has to wait for the pacer, which then has the poll come back. */
function holdsBack(tcb: Tcb, pacer: Pacer, now: number): boolean {
  if (pacer.ready(tcb.congestion.pacingRate, tcb.sndMss, now)) return false;
  tcb.paceDeadline = pacer.next;
  return true;
}

/**
 * Whether a segment of less than the MSS may leave (RFC 9293 section 3.8.6.2.1). Nagle's algorithm
 * (section 3.7.4) waits only for an earlier segment that was short itself, after Minshall: the end
 * of one large write does not wait for its own beginning.
 */
function maySendShort(tcb: Tcb, length: number, left: number): boolean {
  if (length === left) return tcb.noDelay || seqLeq(tcb.sndSmall, tcb.sndUna);
  return tcb.sndNxt === tcb.sndUna && length >= tcb.maxSndWnd / 2;
}

/**
 * Sends a segment, or several at once where the link splits them, at SND.NXT for the first time,
 * and moves SND.NXT on. With FIN the state changes.
 *
 * @param at Position in the send buffer.
 * @param size Payload of one segment: where there is more, the link splits it.
 * @returns `false` if the link is full and nothing was sent. Acknowledgments of what is in flight
 *   make for another try, or else the persist timer.
 */
export function transmitNew(
  tcb: Tcb,
  at: number,
  length: number,
  flags: number,
  now: number,
  size: number = length,
): boolean {
  const seq = tcb.sndNxt;
  const fin = (flags & FIN) !== 0;
  const end = (seq + length + (fin ? 1 : 0)) | 0;
  if (!sendSegment(tcb, seq, flags, at, length, size)) return false;
  if (seq === tcb.sndUna) tcb.timeoutFrom = now;
  tcb.sndNxt = end;
  if (seqGt(end, tcb.sndMax)) tcb.sndMax = end;
  if (length % Math.max(size, tcb.sndMss) !== 0) tcb.sndSmall = end;
  if (fin) tcb.sndFin = (end - 1) | 0;
  tcb.lastDataSent = now;
  tcb.services.counters.bytesSent += length;
  tcb.pacer?.sent(length, tcb.congestion.pacingRate, now);
  tcb.recovery!.sent(seq, end, now);
  tcb.pathMtu?.sent(size, end);
  if (fin) transition(tcb, "Send_fin", tcb.sndFin);
  armSendTimer(tcb, now);
  return true;
}

/**
 * Sends the beginning of a range again, one segment of it.
 *
 * @param range What was lost, or what a probe repeats.
 */
export function retransmit(tcb: Tcb, range: Transmission, now: number): void {
  const { counters } = tcb.services;
  const { start } = range;
  const at = seqDiff(start, tcb.sndUna);
  const room = firstSegmentOf(tcb, range);
  const length = Math.min(room, tcb.sendQueued - at);
  const fin = room > length;
  counters.segmentsRetransmitted++;
  counters.bytesRetransmitted += length;
  tcb.pacer?.sent(length, tcb.congestion.pacingRate, now);
  tcb.recovery!.retransmitted(tcb, range, room, now);
  tcb.pathMtu?.repeated(tcb, now);
  // What answers it cannot come sooner than a round trip from now (RFC 6675 section 6).
  if (start === tcb.sndUna) tcb.timeoutFrom = now;
  const flags = (length > 0 && at + length === tcb.sendQueued ? PSH : 0) | (fin ? FIN : 0);
  sendSegment(tcb, start, flags, at, length);
  armSendTimer(tcb, now);
}

/** How much of a range fits one segment: a FIN takes no room from the payload. */
export function firstSegmentOf(tcb: Tcb, range: Transmission): number {
  const length = seqDiff(range.end, range.start);
  const toFin = tcb.sndFin === undefined ? Infinity : seqDiff(tcb.sndFin, range.start);
  return Math.min(length, toFin <= tcb.sndMss ? toFin + 1 : tcb.sndMss);
}

/** Sequence space of a full segment at SND.NXT, with our FIN if it was sent. */
export function lastSegment(tcb: Tcb): number {
  return tcb.sndFin === undefined ? tcb.sndMss : tcb.sndMss + 1;
}

/** Counts a SYN or a SYN-ACK that was sent before. */
export function countRetransmission(tcb: Tcb): void {
  tcb.retransmissions++;
  tcb.services.counters.segmentsRetransmitted++;
}

/**
 * Arms the send timer for what comes first: RACK's second look, a tail loss probe (RFC 8985
 * section 7.2), or the retransmission timeout (RFC 6298 section 5).
 */
export function armSendTimer(tcb: Tcb, now: number): void {
  const recovery = tcb.recovery;
  const timeout = tcb.timeoutFrom + tcb.rto.current;
  if (tcb.sndNxt === tcb.sndUna) {
    tcb.sendTimer = "off";
    tcb.sendDeadline = Infinity;
    return;
  }
  tcb.sendTimer = "retransmit";
  tcb.sendDeadline = timeout;
  if (recovery === undefined) return;
  if (recovery.reorderDeadline !== Infinity) {
    if (recovery.reorderDeadline >= timeout) return;
    tcb.sendTimer = "reorder";
    tcb.sendDeadline = recovery.reorderDeadline;
  } else if (mayProbe(tcb, recovery)) {
    const single = recovery.flight.bytes <= lastSegment(tcb) ? PROBE_DELAY_OF_ONE : PROBE_MARGIN;
    tcb.sendTimer = "probe";
    tcb.sendDeadline = Math.min(now + 2 * tcb.rto.srtt + single, timeout);
  }
}

/** The peer may delay the acknowledgment of a lone segment by this much, in milliseconds. */
const PROBE_DELAY_OF_ONE = 200;
/** What a probe waits beyond two round trips, in milliseconds: a peer whose reader is slow delays its
 * acknowledgment by 40, however much it has received. */
const PROBE_MARGIN = 60;

function mayProbe(tcb: Tcb, recovery: LossRecovery): boolean {
  return tcb.sackPermitted && recovery.phase === "open" && tcb.rto.srtt > 0 &&
    recovery.probeEnd === undefined && recovery.flight.sackedBytes === 0;
}

/**
 * One decision for all that was received since the last poll: every second full segment is
 * acknowledged at once, the rest within the delay (RFC 9293 section 3.8.6.3, RFC 5681 section 4.2).
 */
function acknowledge(tcb: Tcb, now: number): void {
  const twoSegments = 2 * Math.max(tcb.rcvMss, SMALLEST_FULL_SEGMENT);
  // A duplicate is reported now or never: data that acknowledged it had no room for the block.
  const report = tcb.sackReport !== undefined && tcb.sackReport.hasDuplicate;
  if (tcb.ackNow || report || tcb.unacknowledged >= twoSegments || windowOpens(tcb)) {
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
