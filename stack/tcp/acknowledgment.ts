import { FIN, type Segment, SYN } from "../wire/tcp.ts";
import { retransmitFirst } from "./retransmission.ts";
import { armRetransmission } from "./send.ts";
import { seqDiff, seqGeq, seqGt, seqLeq, seqLt } from "./sequence.ts";
import type { Tcb } from "./tcb.ts";

/** Duplicate ACKs that mean a loss (RFC 5681 section 3.2). */
const DUPLICATE_ACK_THRESHOLD = 3;

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
  if (acked > 0) newDataAcknowledged(tcb, segment.ack, acked, now);
  else if (acked === 0 && isDuplicate(tcb, segment)) duplicateAck(tcb, now);
  updateSendWindow(tcb, segment);
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
  if (tcb.sndWnd === 0) tcb.retries = 0; // A peer that answers probes is alive.
  else if (tcb.sendTimer === "persist" && tcb.sndWnd > opened) {
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
  if (tcb.timedAt >= 0 && seqGeq(ack, tcb.timedEnd)) {
    tcb.rto.measure(now - tcb.timedAt);
    tcb.timedAt = -1;
  }
  tcb.rto.backoffs = 0;
  tcb.retries = 0;
  tcb.softError = false;

  tcb.sndUna = ack;
  if (seqLt(tcb.sndNxt, ack)) tcb.sndNxt = ack;
  const fin = tcb.sndFin !== undefined && seqGt(ack, tcb.sndFin) ? 1 : 0;
  release(tcb, acked - fin);

  if (tcb.recovering) recoveryAck(tcb, ack, acked, now);
  else {
    tcb.duplicateAcks = 0;
    tcb.congestion.acknowledged(acked, now);
  }
  if (tcb.sndMax !== tcb.sndUna) armRetransmission(tcb, now);
  else {
    tcb.sendTimer = "off";
    tcb.sendDeadline = Infinity;
  }
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

/** NewReno (RFC 6582 section 3.2): each ACK during fast recovery is full or partial. */
function recoveryAck(tcb: Tcb, ack: number, acked: number, now: number): void {
  const { congestion, sndMss } = tcb;
  if (seqGeq(ack, tcb.recover)) {
    tcb.recovering = false;
    tcb.duplicateAcks = 0;
    congestion.setWindow(
      Math.min(congestion.ssthresh, Math.max(tcb.inFlight, sndMss) + sndMss),
    );
    return;
  }
  retransmitFirst(tcb, now);
  congestion.setWindow(congestion.cwnd - acked + (acked >= sndMss ? sndMss : 0));
}

function duplicateAck(tcb: Tcb, now: number): void {
  const { congestion, sndMss } = tcb;
  tcb.services.counters.duplicateAcksReceived++;
  tcb.duplicateAcks++;
  if (tcb.recovering) {
    congestion.setWindow(congestion.cwnd + sndMss); // One more has left the network.
  } else if (
    tcb.duplicateAcks === DUPLICATE_ACK_THRESHOLD && seqGeq(tcb.sndUna, tcb.recover)
  ) {
    tcb.services.counters.fastRetransmits++;
    congestion.lossDetected(tcb.inFlight, now);
    tcb.recovering = true;
    tcb.recover = tcb.sndMax;
    retransmitFirst(tcb, now);
    congestion.setWindow(congestion.ssthresh + DUPLICATE_ACK_THRESHOLD * sndMss);
    armRetransmission(tcb, now);
  }
}
