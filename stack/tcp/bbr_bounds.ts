import type { DeliveryRate } from "./delivery_rate.ts";

/** BBR.LossThresh: more of what was in flight lost than this is too much. */
export const LOSS_THRESHOLD = 0.02;
/** BBR.Beta: what is left of a bound after a round with losses. */
export const BETA = 0.7;
/** BBR.Headroom: part of the long-term bound that is left to others. */
const HEADROOM = 0.15;

/**
 * What losses have taught BBR (draft-ietf-ccwg-bbr section 5.5.10): bounds below what the path was
 * once seen to carry. The short-term ones follow the losses of the last rounds and are forgotten at
 * the next probe; the long-term one is where a probe met with too many.
 */
export class BbrBounds {
  /** BBR.bw_shortterm in bytes per millisecond; `Infinity`: none. */
  bwShortterm = Infinity;
  /** BBR.inflight_shortterm in bytes; `Infinity`: none. */
  inflightShortterm = Infinity;
  /** BBR.inflight_longterm in bytes; `Infinity`: none. */
  inflightLongterm = Infinity;
  /** BBR.inflight_latest: the most that was delivered within a round trip, in the last of them. */
  inflightLatest = 0;
  /** BBR.loss_in_round */
  lossInRound = false;
  /** BBR.loss_round_start: the acknowledgment in hand ends a round in which losses are counted. */
  lossRoundStart = false;
  /** Rows of lost bytes in this round. */
  lossEvents = 0;
  #bwLatest = 0;
  #roundEnd = 0;
  #lossEnd: number | undefined = undefined;

  /** BBRUpdateLatestDeliverySignals */
  updateLatest(delivery: DeliveryRate): void {
    this.#bwLatest = Math.max(this.#bwLatest, delivery.rate);
    this.inflightLatest = Math.max(this.inflightLatest, delivery.sampleDelivered);
    this.lossRoundStart = delivery.priorDelivered >= this.#roundEnd;
    if (this.lossRoundStart) this.#roundEnd = delivery.delivered;
  }

  /** BBRAdvanceLatestDeliverySignals */
  advanceLatest(delivery: DeliveryRate): void {
    if (!this.lossRoundStart) return;
    this.#bwLatest = delivery.rate;
    this.inflightLatest = delivery.sampleDelivered;
  }

  /**
   * BBRNoteLoss
   *
   * @param start First sequence number of what was lost.
   * @param end Sequence number after the last.
   * @param delivered Bytes delivered so far.
   * @returns Whether it is the first of its round.
   */
  noteLoss(start: number, end: number, delivered: number): boolean {
    const first = !this.lossInRound;
    if (first) {
      this.#roundEnd = delivered;
      this.lossEvents = 0;
    }
    if (first || start !== this.#lossEnd) this.lossEvents++;
    this.#lossEnd = end;
    this.lossInRound = true;
    return first;
  }

  /**
   * BBRAdaptLowerBoundsFromCongestion, at the end of a round with losses.
   *
   * @param maxBw BBR.max_bw.
   * @param cwnd Congestion window.
   */
  lower(maxBw: number, cwnd: number): void {
    if (this.bwShortterm === Infinity) this.bwShortterm = maxBw;
    if (this.inflightShortterm === Infinity) this.inflightShortterm = cwnd;
    this.bwShortterm = Math.max(this.#bwLatest, BETA * this.bwShortterm);
    this.inflightShortterm = Math.max(this.inflightLatest, BETA * this.inflightShortterm);
  }

  /** A new round: what was lost before does not count. */
  endRound(): void {
    this.lossInRound = false;
    this.lossEvents = 0;
  }

  /** BBRResetCongestionSignals */
  resetSignals(): void {
    this.endRound();
    this.#bwLatest = 0;
    this.inflightLatest = 0;
  }

  /** BBRResetShortTermModel */
  resetShortterm(): void {
    this.bwShortterm = this.inflightShortterm = Infinity;
  }

  /** BBRInflightWithHeadroom, before its own lower bound. */
  inflightWithHeadroom(mss: number): number {
    const { inflightLongterm } = this;
    if (inflightLongterm === Infinity) return Infinity;
    return inflightLongterm - Math.max(mss, HEADROOM * inflightLongterm);
  }
}

/**
 * BBRInflightAtLoss: how much was in flight when the losses passed the threshold, which may have
 * happened in the midst of the range that was found lost.
 *
 * @param txInFlight Bytes in flight when the range had been sent.
 * @param lost Bytes lost since then, the range included.
 * @param length Bytes of the range.
 */
export function inflightAtLoss(txInFlight: number, lost: number, length: number): number {
  const before = txInFlight - length;
  const lostBefore = lost - length;
  const prefix = (LOSS_THRESHOLD * before - lostBefore) / (1 - LOSS_THRESHOLD);
  return before + Math.max(prefix, 0);
}
