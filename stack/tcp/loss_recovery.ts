import { ECE, type Segment } from "../wire/tcp.ts";
import { tell, type Told } from "./congestion_event.ts";
import { type DeliveryObserver, Flight } from "./flight.ts";
import { ProportionalRateReduction } from "./prr.ts";
import { Rack } from "./rack.ts";
import { seqDiff, seqGeq, seqGt, seqLeq, seqLt } from "./sequence.ts";
import type { CongestionControl, PathModel } from "./congestion.ts";
import type { TcpCounters } from "./counters.ts";
import type { RecoveryPhase } from "./recovery_phase.ts";
import type { RetransmissionTimeout } from "./rto.ts";
import type { Transmission } from "./transmission.ts";

/** What loss recovery needs to know of a connection: it is a part of the TCB. */
export interface Sender extends Told {
  readonly services: Told["services"] & { readonly counters: TcpCounters };
  readonly congestion: CongestionControl;
  readonly rto: RetransmissionTimeout;
  readonly sndUna: number;
  readonly sndNxt: number;
  readonly sndMss: number;
  readonly maxSndWnd: number;
  readonly sackPermitted: boolean;
  readonly timestampOffset: number;
  readonly windowLimited: boolean;
  retransmissions: number;
}

/** Duplicate ACKs that mean a loss where the peer has no SACK (RFC 5681 section 3.2). */
const DUPLICATE_ACK_THRESHOLD = 3;

/**
 * Reductions that are taken back in one window of data, at most. Each walks through all of it, and a
 * peer can lie about duplicates with every acknowledgment.
 */
const MOST_UNDONE = 3;

/** What was the case before a reduction of the window, should it turn out to have been needless. */
interface Undo {
  /**
   * SND.UNA, or what the recovery before has sent again beyond it: below it, neither what is
   * reported twice nor an old echo has anything to do with this.
   */
  readonly from: number;
  /** Our timestamp when the first retransmission left; `undefined` before that. */
  firstRetransmission: number | undefined;
  /** Retransmissions whose originals were not yet reported as received. */
  outstanding: number;
}

/**
 * Finds losses and decides how much may be sent while they are mended: RACK-TLP (RFC 8985) with
 * SACK, NewReno (RFC 6582) without, PRR (RFC 9937), F-RTO (RFC 5682), and the undoing of what was
 * needless (RFC 4015, RFC 3708). What has been sent is known to {@link Flight}.
 */
export class LossRecovery implements DeliveryObserver {
  /** What is in flight. */
  readonly flight: Flight;
  /** Time-based loss detection. */
  readonly rack: Rack = new Rack();
  /** Where we stand. */
  phase: RecoveryPhase = "open";
  /** SND.NXT when the loss was found: when this is acknowledged, the recovery is over. */
  recoverPoint: number;
  /** When RACK wants to look again; `Infinity`: not. */
  reorderDeadline = Infinity;
  /** A tail loss probe ended here, and what became of it is not known (RFC 8985 section 7). */
  probeEnd: number | undefined = undefined;
  /** The probe was a retransmission. */
  #probeRepeats = false;
  /** F-RTO: the timeout may have been spurious. */
  #forwardRto = false;
  /** F-RTO: nothing but new data leaves until the next acknowledgment tells what was lost. */
  sendNewOnly = false;
  readonly #prr = new ProportionalRateReduction();
  #undo: Undo | undefined = undefined;
  /** Sequence number after the highest that a recovery has sent again. */
  #repeatedUpTo: number;
  /** Reductions taken back since the first in this window of data. */
  #undone = 0;
  /** SND.NXT at that first one. */
  #undoneUpTo = 0;
  /** Duplicate ACKs in a row, from a peer without SACK. */
  #duplicates = 0;

  // Of the acknowledgment in hand.
  #now = 0;
  #echo = 0;
  #hasEcho = false;
  #delivered = 0;
  #latestSentAt = -1;
  /** Round-trip time that was measured on our own clock; -1: none was. */
  #rtt = -1;
  #originalDelivered = false;
  /** What SND.UNA stood at before had been sent again. */
  #headRepeated = false;
  /** What was sent again has arrived: what came long before it may only be acknowledged now. */
  #holeFilled = false;

  /**
   * @param una SND.UNA.
   * @param model What congestion control knows of the path.
   */
  constructor(una: number, model: PathModel | undefined) {
    this.flight = new Flight(model);
    this.recoverPoint = this.#repeatedUpTo = una;
  }

  /** Bytes in flight: for a peer without SACK each duplicate ACK stands for one that has left. */
  pipe(tcb: Sender): number {
    return this.flight.pipe - this.#inferred(tcb);
  }

  /** {@link DeliveryObserver.delivered} */
  delivered(range: Transmission): void {
    const now = this.#now;
    this.#delivered += (range.end - range.start) | 0;
    if (range.retransmitted) this.#holeFilled = true;
    else {
      if (range.sentAt > this.#latestSentAt) this.#latestSentAt = range.sentAt;
      if (this.phase === "loss" && seqLeq(range.end, this.recoverPoint)) {
        this.#originalDelivered = true;
      }
    }
    this.rack.delivered(range, this.#isOriginal(range), now);
    this.flight.delivery.arrived(range, now);
  }

  /** With timestamps it can be told which transmission an acknowledgment answers. */
  #isOriginal(range: Transmission): boolean {
    // Clocks tick in milliseconds: an echo from the tick before is older for sure.
    return this.#hasEcho && ((this.#echo - Math.floor(range.sentAt)) | 0) < 0;
  }

  /**
   * Takes in an acknowledgment (SND.UNA is still the old one).
   *
   * @param tcb The connection.
   * @param segment The segment; its ACK is at or above SND.UNA.
   * @param acked How far SND.UNA advances, in bytes.
   * @param duplicate It is a duplicate ACK in the sense of RFC 5681.
   * @param now Time in milliseconds.
   */
  acknowledged(
    tcb: Sender,
    segment: Segment,
    acked: number,
    duplicate: boolean,
    now: number,
  ): void {
    const { flight, rack } = this;
    const { ack } = segment;
    this.#now = now;
    this.#delivered = 0;
    this.#latestSentAt = -1;
    this.#originalDelivered = false;
    this.#holeFilled = false;
    this.#headRepeated = flight.head !== undefined && flight.head.retransmitted;
    this.#hasEcho = segment.hasTimestamps;
    this.#echo = (segment.timestampEcho - tcb.timestampOffset) | 0;
    const lostBefore = flight.lostBytes;
    flight.delivery.begin();
    // Slow start may double the window even where one round trip does not fill it.
    const { cwnd, ssthresh } = tcb.congestion;
    const limited = (segment.flags & ECE) === 0 && // The peer says that there is congestion.
      (tcb.windowLimited || cwnd < ssthresh && cwnd < 2 * this.pipe(tcb));

    if (acked > 0) {
      flight.acknowledge(ack, this);
      // What the duplicates stood for has been counted.
      this.#delivered = Math.max(this.#delivered - this.#duplicates * tcb.sndMss, 0);
      this.#duplicates = 0;
    } else if (duplicate && !tcb.sackPermitted) {
      this.#duplicates++;
      this.#delivered = tcb.sndMss;
    }
    const duplicateReported = this.#takeSackBlocks(tcb, segment);

    this.#measure(tcb, acked, now);
    if (duplicateReported) {
      tcb.services.counters.duplicateSacksReceived++;
      rack.duplicateReported(ack, tcb.sndNxt);
      const undo = this.#undo;
      if (undo !== undefined && seqGt(segment.sackEnds[0]!, undo.from)) {
        undo.outstanding--;
        // What was found by its successors and yet was not lost had been overtaken by them.
        if (this.phase === "recovery") rack.reorderingSeen = true;
      }
    }
    this.#detect(tcb, acked, now);
    this.#probeAnswered(tcb, segment, duplicateReported || duplicate, now);
    this.#advance(tcb, ack, acked, limited, flight.lostBytes > lostBefore, now);
    flight.delivery.finish(rack.minRtt);
    tcb.congestion.model?.delivered(flight.delivery, this.pipe(tcb), limited, this.#rtt, now);
  }

  /** Looks again for losses, when the time that RACK asked for has come. */
  reorderTimeoutExpired(tcb: Sender, now: number): void {
    this.#delivered = 0;
    this.#detect(tcb, 0, now);
    if (this.flight.lostBytes > 0 && this.phase === "open") {
      this.#enterRecovery(tcb, now);
      this.#setPrrWindow(tcb, 0, false);
    }
  }

  /** The retransmission timer has expired (RFC 6298 section 5, RFC 8985 section 6.3). */
  timedOut(tcb: Sender, now: number): void {
    const { flight, rack } = this;
    const { congestion } = tcb;
    const { model } = congestion;
    // F-RTO is for timeouts out of the blue, not for the second of a row.
    this.#forwardRto = this.phase === "open" && tcb.sackPermitted;
    // One reduction for one window: what was lost after some progress is another's (RFC 5681
    // section 3.1).
    if (this.phase === "open" || this.phase === "loss" && tcb.rto.backoffs === 0) {
      this.#beginUndo(tcb);
      congestion.timedOut(this.flight.bytes, now);
    }
    this.phase = "loss";
    this.recoverPoint = tcb.sndNxt;
    this.reorderDeadline = Infinity;
    this.probeEnd = undefined;
    this.sendNewOnly = false;
    this.#duplicates = 0;
    // A peer may drop what it has reported (RFC 2018 section 8): if the first is among it, it did.
    if (flight.head?.sacked) flight.forgetSacked();
    if (tcb.sackPermitted) rack.markLostOnTimeout(flight, tcb.rto.srtt, tcb.sndMss, now);
    else flight.markAllLost();
    if (model === undefined) congestion.setWindow(tcb.sndMss);
    else model.collapsed(flight.pipe);
    tell(tcb, "timeout");
  }

  /** The path takes no segments of that size: all is sent again, which is no sign of congestion. */
  tooLarge(tcb: Sender): void {
    this.flight.markAllLost();
    if (this.phase !== "open" || this.flight.bytes === 0) return;
    this.phase = "loss";
    this.recoverPoint = tcb.sndNxt;
    this.reorderDeadline = Infinity;
    this.probeEnd = undefined;
  }

  /** A range leaves again. */
  retransmitted(tcb: Sender, range: Transmission, length: number, now: number): void {
    this.flight.markRepeated(range, length, now);
    if (this.phase === "recovery") this.#prr.sent(length);
    if (this.#undo !== undefined) {
      const end = (range.start + length) | 0;
      if (seqGt(end, this.#repeatedUpTo)) this.#repeatedUpTo = end;
      this.#undo.outstanding++;
      this.#undo.firstRetransmission ??= Math.floor(now);
    }
    tcb.retransmissions++;
  }

  /** A range leaves for the first time. */
  sent(start: number, end: number, now: number): void {
    this.flight.append(start, end, now);
    if (this.phase === "recovery") this.#prr.sent((end - start) | 0);
  }

  /** F-RTO is over where there is nothing new to send, or no window for it (RFC 5682 step 2b). */
  nothingNewSent(): void {
    this.#forwardRto = false;
    this.sendNewOnly = false;
  }

  /** A tail loss probe leaves. */
  probed(tcb: Sender, repeats: boolean): void {
    this.probeEnd = tcb.sndNxt;
    this.#probeRepeats = repeats;
  }

  #inferred(tcb: Sender): number {
    if (this.#duplicates === 0) return 0;
    return Math.max(Math.min(this.#duplicates * tcb.sndMss, this.flight.pipe - tcb.sndMss), 0);
  }

  /** @returns Whether the first block reports something that has come twice (RFC 2883). */
  #takeSackBlocks(tcb: Sender, segment: Segment): boolean {
    if (!tcb.sackPermitted || segment.sackCount === 0) return false;
    const { ack, sackStarts: starts, sackEnds: ends } = segment;
    const first = starts[0]!;
    const firstEnd = ends[0]!;
    const duplicate = seqLt(first, ack) ||
      segment.sackCount > 1 && seqGeq(first, starts[1]!) && seqLeq(firstEnd, ends[1]!);
    // From the lowest up: a lower block after a higher one would look like reordering.
    for (let at = ack;;) {
      let lowest = -1;
      for (let i = duplicate ? 1 : 0; i < segment.sackCount; i++) {
        const start = starts[i]!;
        // All measured from the acknowledgment: between numbers half the space apart "less" runs in
        // circles, and so would this loop.
        const from = seqDiff(start, ack), to = seqDiff(ends[i]!, ack);
        if (from < seqDiff(at, ack) || from >= to || to > seqDiff(tcb.sndNxt, ack)) continue;
        if (lowest < 0 || seqLt(start, starts[lowest]!)) lowest = i;
      }
      if (lowest < 0) break;
      if (!this.flight.sack(starts[lowest]!, ends[lowest]!, this)) {
        tcb.services.counters.sackBlocksIgnored++;
      }
      at = ends[lowest]!;
    }
    // Only what was sent and is not too old can have come twice.
    return duplicate && seqLt(first, firstEnd) && seqLeq(firstEnd, tcb.sndNxt) &&
      seqGt(firstEnd, (ack - Math.max(tcb.maxSndWnd, 65_535)) | 0);
  }

  /** One round-trip time from the latest of the ranges that were sent once (RFC 6298, Karn). */
  #measure(tcb: Sender, acked: number, now: number): void {
    let rtt = this.#rtt = -1;
    if (this.#latestSentAt >= 0 && !this.#holeFilled) rtt = this.#rtt = now - this.#latestSentAt;
    else if (acked > 0 && this.#hasEcho && this.#delivered > 0) {
      const ticks = (Math.floor(now) - this.#echo) | 0;
      if (ticks >= 0) rtt = Math.max(ticks, 1);
    }
    if (rtt < 0) return;
    tcb.rto.measure(rtt);
    this.rack.measured(rtt, now);
  }

  #detect(tcb: Sender, acked: number, now: number): void {
    const { flight } = this;
    if (tcb.sackPermitted) {
      const wait = this.rack.detect(
        flight,
        this.phase !== "open",
        tcb.rto.srtt,
        tcb.sndMss,
        now,
      );
      this.reorderDeadline = wait > 0 ? now + wait : Infinity;
      return;
    }
    // NewReno: the third duplicate ACK, and then each partial ACK, point at the first segment.
    const found = this.phase === "open"
      ? this.#duplicates === DUPLICATE_ACK_THRESHOLD && seqGeq(tcb.sndUna, this.recoverPoint)
      : this.phase === "recovery" && acked > 0 &&
        seqLt((tcb.sndUna + acked) | 0, this.recoverPoint);
    if (found) flight.markFirstLost(tcb.sndMss);
  }

  #advance(
    tcb: Sender,
    ack: number,
    acked: number,
    limited: boolean,
    lostMore: boolean,
    now: number,
  ): void {
    const { congestion } = tcb;
    if (this.phase !== "open" && this.#wasNeedless(tcb, ack, acked)) this.#takeBack(tcb);
    switch (this.phase) {
      case "open":
        if (this.flight.lostBytes > 0) break;
        if (this.#delivered === 0) break; // It would end slow start.
        if (acked > 0 || tcb.sackPermitted && this.rack.reorderingSeen) {
          // What arrives ahead counts where that is no sign of a loss, and is not counted again.
          congestion.acknowledged(this.#delivered, limited, Math.max(this.#rtt, 0), now);
        }
        break;
      case "recovery":
        if (seqGeq(ack, this.recoverPoint)) {
          if (congestion.model === undefined) congestion.setWindow(congestion.ssthresh);
          this.#leave(tcb, "recovery-left");
        } else this.#setPrrWindow(tcb, this.#delivered, acked > 0 && !lostMore);
        break;
      case "loss":
        this.#advanceLoss(tcb, ack, acked, limited, now);
        break;
    }
    if (this.phase === "open" && this.flight.lostBytes > 0) {
      this.#enterRecovery(tcb, now);
      this.#setPrrWindow(tcb, this.#delivered, false);
    }
  }

  #advanceLoss(tcb: Sender, ack: number, acked: number, limited: boolean, now: number): void {
    if (this.#forwardRto) {
      if (this.#originalDelivered && !seqGeq(ack, this.recoverPoint)) {
        // What was never sent again has arrived: the timeout was spurious (RFC 5682 step 3b).
        this.#takeBack(tcb);
        return;
      }
      if (this.sendNewOnly || acked === 0) {
        this.#forwardRto = false; // Steps 2a and 3a: the loss was real.
        this.sendNewOnly = false;
      } else this.sendNewOnly = true; // Step 2b: see what something new brings.
    }
    // Without SACK a duplicate ACK may be the answer to anything.
    if (this.#delivered > 0 && (acked > 0 || tcb.sackPermitted)) {
      tcb.congestion.acknowledged(this.#delivered, limited, Math.max(this.#rtt, 0), now);
    }
    if (seqGeq(ack, this.recoverPoint)) this.#leave(tcb, "recovery-left");
  }

  #enterRecovery(tcb: Sender, now: number): void {
    const { flight } = this;
    tcb.services.counters.fastRetransmits++;
    this.#beginUndo(tcb);
    tcb.congestion.lossDetected(flight.bytes, now);
    this.#prr.begin(flight.bytes - flight.sackedBytes + this.#delivered);
    this.phase = "recovery";
    this.recoverPoint = tcb.sndNxt;
    this.probeEnd = undefined;
    tell(tcb, "recovery-entered");
  }

  #setPrrWindow(tcb: Sender, delivered: number, safe: boolean): void {
    const { congestion, sndMss } = tcb;
    if (congestion.model !== undefined) return;
    const pipe = this.pipe(tcb);
    congestion.setWindow(this.#prr.window(delivered, pipe, congestion.ssthresh, safe, sndMss));
  }

  #leave(tcb: Sender, by: "recovery-left" | "undone"): void {
    this.phase = "open";
    tcb.congestion.model?.recovered();
    this.#undo = undefined;
    this.#duplicates = 0;
    this.#forwardRto = false;
    this.sendNewOnly = false;
    this.rack.recovered();
    tell(tcb, by);
  }

  #beginUndo(tcb: Sender): void {
    tcb.congestion.remember();
    // The peer may yet report a probe as a duplicate: that says nothing of what is sent again now.
    const probed = this.probeEnd !== undefined && this.#probeRepeats;
    // What an earlier recovery has sent again is still on its way: what arrives may be due to that.
    if (this.flight.repeatedBytes > 0 || this.#undone === MOST_UNDONE && this.#sameWindow(tcb)) {
      this.#undo = undefined;
      return;
    }
    // Far behind, it would seem to be ahead once the numbers have come round.
    if (seqLt(this.#repeatedUpTo, tcb.sndUna)) this.#repeatedUpTo = tcb.sndUna;
    this.#undo = {
      from: this.#repeatedUpTo,
      firstRetransmission: undefined,
      outstanding: probed ? 1 : 0,
    };
  }

  /** Whether all that was sent again need not have been (RFC 3522, RFC 3708). */
  #wasNeedless(tcb: Sender, ack: number, acked: number): boolean {
    const undo = this.#undo;
    if (undo === undefined) return false;
    // What was given up has come after all, before it was sent again.
    if (undo.firstRetransmission === undefined) return this.flight.lostBytes === 0;
    if (undo.outstanding <= 0) return true;
    // Not of this recovery: an old echo then is that of the one before.
    if (acked === 0 || seqLt(tcb.sndUna, undo.from)) return false;
    // An old echo says what moved SND.UNA on. It speaks of a retransmission only if there was one
    // there, and of all of them only if it is beyond the last.
    return this.#headRepeated && seqGeq(ack, this.#repeatedUpTo) &&
      this.#hasEcho && ((this.#echo - undo.firstRetransmission) | 0) < 0;
  }

  /** Whether something that was in flight when a reduction was first taken back still is. */
  #sameWindow({ sndUna, sndNxt }: Sender): boolean {
    return seqLt(sndUna, this.#undoneUpTo) && seqLeq(this.#undoneUpTo, sndNxt);
  }

  #takeBack(tcb: Sender): void {
    tcb.services.counters.recoveriesUndone++;
    if (this.#undone === 0 || !this.#sameWindow(tcb)) {
      this.#undone = 0;
      this.#undoneUpTo = tcb.sndNxt;
    }
    if (this.#undone < MOST_UNDONE) this.#undone++;
    if (this.phase === "recovery") this.rack.reorderingSeen = true;
    this.flight.unmarkLost();
    tcb.congestion.undo();
    tcb.rto.backoffs = 0;
    this.#leave(tcb, "undone");
  }

  /** RFC 8985 section 7.4: a probe that mended a loss hid it from congestion control. */
  #probeAnswered(tcb: Sender, segment: Segment, needless: boolean, now: number): void {
    const end = this.probeEnd;
    if (end === undefined || seqLt(segment.ack, end)) return;
    if (this.#probeRepeats && !needless && tcb.congestion.model === undefined) {
      if (segment.ack === end) return; // The next acknowledgment will tell.
      tcb.congestion.lossDetected(this.flight.bytes - this.flight.sackedBytes, now);
      tcb.congestion.setWindow(tcb.congestion.ssthresh);
    }
    this.probeEnd = undefined;
  }
}
