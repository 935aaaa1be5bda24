import { ACK, FIN, RST, type Segment, SYN } from "../wire/tcp.ts";
import { processAck } from "./acknowledgment.ts";
import { applicationRead } from "./buffer_limits.ts";
import { ByteRing } from "./byte_ring.ts";
import { hasRoomAhead, roomFor } from "./byte_room.ts";
import { marksArrive } from "./congestion_marks.ts";
import {
  sendAck,
  sendChallengeAck,
  sendOutOfWindowAck,
  sendReset,
  sendResetForAck,
} from "./emit.ts";
import { establish, segmentInSynSent } from "./handshake.ts";
import { Reassembly } from "./reassembly.ts";
import { SackReport } from "./sack_report.ts";
import { isInWindow, seqDiff, seqGeq, seqGt, seqLeq, seqLt } from "./sequence.ts";
import { canReceive } from "./state.ts";
import type { Tcb } from "./tcb.ts";
import { dropAhead, teardown, transition } from "./transition.ts";

/** How long a timestamp of the peer means something: 24 days (RFC 7323 section 5.5). */
const TIMESTAMP_VALID = 24 * 86_400_000;

/**
 * A segment arrives for a connection (RFC 9293 section 3.10.7.3 and 3.10.7.4). SYNs that may begin
 * a connection anew in Syn_rcvd have been looked at before, and TIME_WAIT is no connection.
 *
 * @param tcb The connection.
 * @param segment The segment; trimmed on the way to what is new in it.
 * @param now Time in milliseconds.
 */
export function segmentArrives(tcb: Tcb, segment: Segment, now: number): void {
  if (tcb.state === "Syn_sent") {
    if (segmentInSynSent(tcb, segment, now)) {
      receiveText(tcb, segment, now);
      receiveFin(tcb, segment);
    }
    return;
  }
  const { counters } = tcb.services;
  if ((segment.flags & RST) !== 0) {
    receiveReset(tcb, segment);
    return;
  }
  if ((segment.flags & SYN) !== 0 && !isSynAckOfSimultaneousOpen(tcb, segment)) {
    sendChallengeAck(tcb); // RFC 5961 section 4: whatever its number and its timestamp
    return;
  }
  if (tcb.timestamps && !timestampHolds(tcb, segment, now)) return;
  if (!isAcceptable(tcb, segment)) {
    counters.droppedOutOfWindow++;
    if (segment.length > 0 || (segment.flags & FIN) !== 0) {
      reportDuplicate(tcb, segment);
      sendAck(tcb);
    } else sendOutOfWindowAck(tcb);
    return;
  }
  if ((segment.flags & ACK) === 0) {
    counters.droppedNoAck++;
    return;
  }
  // A stranger who guesses a number of the window does not know what we have sent: what follows is
  // the peer's, and a sign of life.
  if (!acknowledgmentHolds(tcb, segment)) return;
  tcb.lastReceived = now;
  tcb.keepAliveProbes = 0;
  // What PAWS has let pass is not older than TS.Recent, or TS.Recent is too old to count.
  if (tcb.timestamps && seqLeq(segment.seq, tcb.lastAckSent)) {
    tcb.timestampRecent = segment.timestamp;
    tcb.timestampRecentAt = now;
  }
  trim(tcb, segment);
  if (!acknowledgmentArrives(tcb, segment, now)) return;
  receiveText(tcb, segment, now);
  receiveFin(tcb, segment);
}

/** PAWS: protection against old segments whose numbers have come round (RFC 7323 section 5). */
function timestampHolds(tcb: Tcb, segment: Segment, now: number): boolean {
  const { counters } = tcb.services;
  if (!segment.hasTimestamps) {
    counters.droppedNoTimestamp++;
    return false;
  }
  if (
    seqLt(segment.timestamp, tcb.timestampRecent) &&
    now - tcb.timestampRecentAt < TIMESTAMP_VALID
  ) {
    counters.droppedOldTimestamp++;
    reportDuplicate(tcb, segment);
    if (segment.length > 0 || (segment.flags & FIN) !== 0) sendAck(tcb);
    else sendOutOfWindowAck(tcb);
    return false;
  }
  return true;
}

/** Second step: a RST, exact or not (RFC 5961 section 3, RFC 9293 section 3.10.7.4). */
function receiveReset(tcb: Tcb, segment: Segment): void {
  const { counters } = tcb.services;
  const offset = seqDiff(segment.seq, tcb.rcvNxt);
  // A peer that resets instead of acknowledging our FIN does so one below what its own FIN used.
  const finConsumed = tcb.state === "Close_wait" || tcb.state === "Closing" ||
    tcb.state === "Last_ack";
  if (offset === 0 || (offset === -1 && finConsumed)) {
    counters.resetsReceived++;
    const refused = tcb.state === "Syn_rcvd";
    if (!refused) counters.connectionsReset++;
    transition(tcb, "Recv_rst");
    teardown(tcb, refused ? "refused" : "reset");
  } else if (offset > 0 && offset < tcb.rcvWnd) sendChallengeAck(tcb);
  else counters.droppedBadReset++;
}

/** The SYN-ACK that answers our SYN-ACK: its SYN is old, its ACK completes the handshake. */
function isSynAckOfSimultaneousOpen(tcb: Tcb, segment: Segment): boolean {
  if (
    tcb.state !== "Syn_rcvd" || tcb.services.halfOpen.has(tcb) ||
    (segment.flags & ACK) === 0 || segment.seq !== tcb.irs
  ) return false;
  segment.seq = (segment.seq + 1) | 0;
  return true;
}

/** First step: the four cases of acceptability (RFC 9293 section 3.10.7.4, table 6). */
function isAcceptable(tcb: Tcb, segment: Segment): boolean {
  const window = tcb.rcvWnd;
  const start = seqDiff(segment.seq, tcb.rcvNxt);
  const fin = (segment.flags & FIN) !== 0 ? 1 : 0;
  const length = segment.length + fin;
  if (window <= 0) {
    // A window of zero takes no data, but the ACK of a probe counts, and a FIN needs no room. "Special
    // allowance" is made for a pure ACK of a peer that counts the byte of its probe as sent.
    if (start === 1 && length === 0) return true;
    if (start !== 0 || (segment.length > 0 && !probesZeroWindow(tcb, segment))) return false;
    return true;
  }
  return isInWindow(start, length, window);
}

/** Keeps of data that a window of zero cannot take only the ACK, and asks for an answer. */
function probesZeroWindow(tcb: Tcb, segment: Segment): boolean {
  segment.length = 0;
  segment.flags &= ~FIN;
  tcb.ackNow = true;
  return true;
}

/** Cuts off what lies outside the window. */
function trim(tcb: Tcb, segment: Segment): void {
  const before = seqDiff(tcb.rcvNxt, segment.seq);
  if (before > 0) {
    tcb.ackNow = true; // Some of it has come twice: the peer may have missed our ACK.
    reportDuplicate(tcb, segment);
    const cut = Math.min(before, segment.length);
    segment.offset += cut;
    segment.length -= cut;
    segment.seq = (segment.seq + cut) | 0;
    if (before > cut) segment.flags &= ~FIN; // Only a FIN was left, and it was processed.
  }
  const beyond = seqDiff((segment.seq + segment.length) | 0, tcb.rcvAdv);
  if (beyond > 0) {
    segment.length -= Math.min(beyond, segment.length);
    segment.flags &= ~FIN;
  }
}

/** Fifth step: whether the ACK field can be the peer's. */
function acknowledgmentHolds(tcb: Tcb, segment: Segment): boolean {
  const { ack } = segment;
  if (tcb.state === "Syn_rcvd") {
    if (seqGt(ack, tcb.sndUna) && seqLeq(ack, tcb.sndMax)) return true;
    tcb.services.counters.droppedBadAck++;
    sendResetForAck(tcb, ack);
    return false;
  }
  // RFC 5961 section 5: neither of what was never sent, nor older than any window ever was.
  if (seqLeq(ack, tcb.sndMax) && seqGeq(ack, (tcb.sndUna - tcb.maxSndWnd) | 0)) return true;
  tcb.services.counters.droppedBadAck++;
  sendChallengeAck(tcb);
  return false;
}

/**
 * Fifth step: an ACK field that holds.
 *
 * @returns Whether the rest of the segment is to be processed.
 */
function acknowledgmentArrives(tcb: Tcb, segment: Segment, now: number): boolean {
  const { ack } = segment;
  if (tcb.state === "Syn_rcvd") {
    const simultaneous = (segment.flags & SYN) !== 0;
    establish(tcb, segment, simultaneous ? "Recv_synack" : "Recv_ack", now);
    return true;
  }
  const wasInFinWait2 = tcb.state === "Fin_wait_2";
  processAck(tcb, segment, now);
  if (wasInFinWait2) {
    if ((segment.flags & FIN) === 0) transition(tcb, "Recv_ack", ack);
  } else if (tcb.finAcknowledged) finAcknowledged(tcb, ack);
  return tcb.state !== "Closed";
}

function finAcknowledged(tcb: Tcb, ack: number): void {
  switch (tcb.state) {
    case "Fin_wait_1":
    case "Closing":
      transition(tcb, "Recv_ack", ack);
      break;
    case "Last_ack":
      transition(tcb, "Recv_ack", ack);
      tcb.services.counters.connectionsClosed++;
      teardown(tcb, "closed");
      break;
  }
}

/** Seventh step: the text. Urgent data is data like any other (RFC 6093). */
function receiveText(tcb: Tcb, segment: Segment, now: number): void {
  if (segment.length === 0) return;
  if (tcb.ecn !== undefined) marksArrive(tcb, tcb.ecn, segment);
  const { counters } = tcb.services;
  if (!canReceive(tcb.state)) {
    counters.droppedAfterFin++;
    tcb.ackNow = true;
    return;
  }
  if (tcb.rcvFin !== undefined) cutAfterFin(tcb, segment);
  else if ((segment.flags & FIN) !== 0) tcb.rcvFin = (segment.seq + segment.length) | 0;
  if (segment.length === 0) return;
  if (segment.segmentSize > tcb.rcvMss) {
    tcb.rcvMss = Math.min(segment.segmentSize, tcb.localMss);
  }
  if (segment.seq !== tcb.rcvNxt) {
    storeAhead(tcb, segment);
    sendAck(tcb); // At once, one for each: the duplicate ACKs of RFC 5681 section 4.2
    return;
  }
  if (tcb.discarding) {
    const count = segment.length + joinAhead(tcb, (tcb.rcvNxt + segment.length) | 0);
    if (discard(tcb, count, now)) inOrder(tcb, count);
    return;
  }
  const taken = tcb.receiveRing === undefined ? handOver(tcb, segment) : 0;
  if (taken < segment.length) store(tcb, segment, taken);
}

/** Counts what has arrived in order: it is ours now, and will be acknowledged. */
function inOrder(tcb: Tcb, count: number): void {
  tcb.rcvNxt = (tcb.rcvNxt + count) | 0;
  tcb.unacknowledged += count;
  tcb.bytesReceived += count;
  tcb.services.counters.bytesReceived += count;
}

/**
 * Gives text to who waits for it, straight from the frame.
 *
 * @returns Bytes that were taken.
 */
function handOver(tcb: Tcb, segment: Segment): number {
  const taken = tcb.observer?.received?.(segment.bytes, segment.offset, segment.length) ?? 0;
  if (taken > 0) {
    inOrder(tcb, taken);
    applicationRead(tcb);
  }
  return taken;
}

/** Keeps text that is in order, as far as there is room: what lay ahead may follow it. */
function store(tcb: Tcb, segment: Segment, taken: number): void {
  const { counters, pool } = tcb.services;
  let count = segment.length - taken;
  const room = roomFor(pool, tcb.receiveRing, tcb.receiveQueued, count);
  if (room < count) {
    // Nothing that was acknowledged is ever lost: what has no room is as if it had not come.
    counters.droppedMemory++;
    if (room === 0) return;
    count = room;
    segment.length = taken + count;
    segment.flags &= ~FIN;
  }
  const ring = tcb.receiveRing ??= new ByteRing(pool, count);
  ring.append(segment.bytes, segment.offset + taken, count);
  const joined = joinAhead(tcb, (tcb.rcvNxt + count) | 0);
  ring.extend(joined);
  inOrder(tcb, count + joined);
  tcb.readableNews = true;
}

/** Bytes beyond the peer's FIN do not exist. */
function cutAfterFin(tcb: Tcb, segment: Segment): void {
  const beyond = seqDiff((segment.seq + segment.length) | 0, tcb.rcvFin!);
  if (beyond <= 0) return;
  tcb.services.counters.droppedAfterFin++;
  segment.length -= Math.min(beyond, segment.length);
}

/** Reports text that has come twice, once (RFC 2883 section 4). */
function reportDuplicate(tcb: Tcb, segment: Segment): void {
  const end = (segment.seq + segment.length) | 0;
  if (segment.length === 0 || seqGeq(segment.seq, tcb.rcvNxt)) return;
  sackReportOf(tcb)?.cameTwice(segment.seq, seqGt(end, tcb.rcvNxt) ? tcb.rcvNxt : end);
}

function sackReportOf(tcb: Tcb): SackReport | undefined {
  return tcb.sackPermitted ? tcb.sackReport ??= new SackReport() : undefined;
}

/**
 * Keeps out-of-order text at its place in the receive buffer. After `close()` only its range is
 * kept: the peer need not send again what would be discarded anyway (RFC 2018 section 4).
 */
function storeAhead(tcb: Tcb, segment: Segment): void {
  const { counters, options, pool } = tcb.services;
  const ahead = tcb.ahead ??= new Reassembly(options.reassemblyRanges, tcb.services.now);
  const report = sackReportOf(tcb);
  const at = tcb.receiveQueued + seqDiff(segment.seq, tcb.rcvNxt);
  const { length } = segment;
  const stored = tcb.receiveQueued + ahead.bytes;
  if (!tcb.discarding && !hasRoomAhead(pool, tcb.receiveRing, stored, at, length)) {
    counters.droppedMemory++;
    if (ahead.count === 0) tcb.ahead = undefined;
    return;
  }
  const known = ahead.find(segment.seq);
  if (known >= 0 && seqLeq((segment.seq + segment.length) | 0, ahead.end(known))) {
    report?.cameTwice(segment.seq, (segment.seq + segment.length) | 0);
  }
  if (!ahead.add(segment.seq, (segment.seq + segment.length) | 0)) {
    counters.droppedReassembly++;
    return;
  }
  counters.segmentsOutOfOrder++;
  report?.arrived(segment.seq);
  if (tcb.discarding) return;
  const ring = tcb.receiveRing ??= new ByteRing(pool, segment.length);
  ring.place(at, segment.bytes, segment.offset, segment.length);
}

/**
 * Finds what lay ahead and is now in order, and not beyond a FIN.
 *
 * @param next RCV.NXT after the segment that has just come in order.
 * @returns Bytes that follow it.
 */
function joinAhead(tcb: Tcb, next: number): number {
  const { ahead } = tcb;
  if (ahead === undefined) return 0;
  tcb.ackNow = true;
  const inOrder = seqDiff(ahead.advance(next), next);
  if (ahead.count === 0) tcb.ahead = undefined;
  return tcb.rcvFin === undefined ? inOrder : Math.min(inOrder, seqDiff(tcb.rcvFin, next));
}

/**
 * The lingering close: bytes that arrive after `close()` are acknowledged and discarded, so that
 * the peer surely gets our last ones. A peer that goes on past the bounds is reset.
 *
 * @returns Whether the connection lives on.
 */
function discard(tcb: Tcb, count: number, now: number): boolean {
  const { options, counters } = tcb.services;
  if (tcb.discarded === 0) tcb.discardingSince = now;
  tcb.discarded += count;
  counters.lingerBytesDiscarded += count;
  if (
    tcb.discarded > options.lingerBytes || now - tcb.discardingSince > options.lingerTimeout
  ) {
    counters.connectionsAborted++;
    sendReset(tcb);
    transition(tcb, "Send_rst");
    teardown(tcb, "aborted");
    return false;
  }
  // Data is a sign of life: FIN_WAIT_2 begins to wait anew.
  if (tcb.waitDeadline !== Infinity) tcb.waitDeadline = now + options.finWait2Timeout;
  return true;
}

/** Eighth step: the FIN, once everything before it is there. */
function receiveFin(tcb: Tcb, segment: Segment): void {
  if ((segment.flags & FIN) !== 0 && tcb.rcvFin === undefined && tcb.state !== "Closed") {
    tcb.rcvFin = (segment.seq + segment.length) | 0;
    if (tcb.rcvFin !== tcb.rcvNxt) sendAck(tcb);
  } else if ((segment.flags & FIN) !== 0 && segment.length === 0 && tcb.rcvFin !== tcb.rcvNxt) {
    tcb.ackNow = true; // Ahead and not for the first time, or beyond the one that was processed.
  }
  if (tcb.rcvFin !== tcb.rcvNxt || !canReceive(tcb.state)) return;
  tcb.rcvNxt = (tcb.rcvNxt + 1) | 0;
  dropAhead(tcb); // Bytes beyond the FIN do not exist.
  tcb.ackNow = true;
  tcb.readableNews = true;
  transition(tcb, "Recv_fin");
}
