import { FIN, type Segment, SYN } from "../wire/tcp.ts";
import { echoArrives } from "./congestion_marks.ts";
import { armSendTimer } from "./send.ts";
import { seqDiff, seqGt, seqLeq, seqLt } from "./sequence.ts";
import type { Tcb } from "./tcb.ts";

/**
 * Takes in the acknowledgment and the window of an acceptable segment (RFC 9293 section 3.10.7.4,
 * fifth step). SEG.ACK lies between SND.UNA - MAX.SND.WND and SND.MAX.
 *
 * @param tcb The connection.
 * @param segment The segment.
 * @param now Time in milliseconds.
 */
export function processAck(tcb: Tcb, segment: Segment, now: number): void {
  const acked = seqDiff(segment.ack, tcb.sndUna);
  let news = false;
  if (acked >= 0 && tcb.recovery !== undefined) {
    const duplicate = acked === 0 && isDuplicate(tcb, segment);
    if (duplicate) tcb.services.counters.duplicateAcksReceived++;
    news = acked > 0 || duplicate || segment.sackCount > 0;
    if (tcb.ecn !== undefined) echoArrives(tcb, tcb.ecn, segment, now);
    if (news) tcb.recovery.acknowledged(tcb, segment, acked, duplicate, now);
  }
  if (acked > 0) newDataAcknowledged(tcb, segment.ack, acked, now);
  updateSendWindow(tcb, segment);
  // Only what says something of our data may put the probe off (RFC 8985 section 7.2).
  if (news && tcb.sendTimer !== "persist" || acked > 0) armSendTimer(tcb, now);
}

/**
 * Takes over the window of a segment unless an older one has come late (SND.WL1, SND.WL2). Where
 * RFC 9293 looks at the sequence number first, a later acknowledgment counts more: a retransmission
 * that brings one has an old number and yet the newest window, and to keep the old window with the
 * new SND.UNA would move its right edge beyond what the peer has offered.
 */
export function updateSendWindow(tcb: Tcb, segment: Segment): void {
  const { seq, ack } = segment;
  if (seqGt(tcb.sndUna, ack) || seqLeq(ack, tcb.sndWl2) && seqLt(seq, tcb.sndWl1)) return;
  const opened = tcb.sndWnd;
  tcb.sndWnd = segment.window << tcb.sndScale;
  tcb.sndWl1 = seq;
  tcb.sndWl2 = ack;
  if (tcb.sndWnd > tcb.maxSndWnd) tcb.maxSndWnd = tcb.sndWnd;
  if (tcb.sndWnd === 0) {
    // A peer that answers probes is alive; but nobody waits for ever when the application is gone.
    if (!tcb.discarding) tcb.retries = 0;
  } else if (tcb.sendTimer === "persist" && tcb.sndWnd > opened) {
    // Begin anew: if the wider window is still too narrow, the override waits one timeout.
    tcb.sendTimer = "off";
    tcb.sendDeadline = Infinity;
    tcb.rto.backoffs = 0;
  }
}

/** RFC 5681 section 2: says nothing new while something is in flight. */
function isDuplicate(tcb: Tcb, segment: Segment): boolean {
  return tcb.sndNxt !== tcb.sndUna && segment.length === 0 &&
    (segment.flags & (SYN | FIN)) === 0 && segment.window << tcb.sndScale === tcb.sndWnd;
}

function newDataAcknowledged(tcb: Tcb, ack: number, acked: number, now: number): void {
  tcb.rto.backoffs = 0;
  tcb.retries = 0;
  tcb.softError = false;
  tcb.timeoutFrom = now;
  tcb.sndUna = ack;
  tcb.pathMtu?.acknowledged(tcb, ack, now);
  if (seqLt(tcb.sndNxt, ack)) tcb.sndNxt = ack; // the byte of a window probe
  const fin = tcb.sndFin !== undefined && seqGt(ack, tcb.sndFin) ? 1 : 0;
  release(tcb, acked - fin);
  tcb.waitingSince = tcb.sendRing === undefined && tcb.sndNxt === ack ? Infinity : now;
}

/** Takes acknowledged bytes out of the send buffer. */
function release(tcb: Tcb, count: number): void {
  tcb.bytesAcknowledged += count;
  const ring = tcb.sendRing;
  if (ring === undefined) return;
  ring.drop(count);
  if (ring.length === 0) {
    ring.release();
    tcb.sendRing = undefined;
  }
}
