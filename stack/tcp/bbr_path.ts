import type { DeliveryRate } from "./delivery_rate.ts";
import { TwoSpanMax } from "./two_span_max.ts";

/** How long a round-trip time is taken for the smallest, in milliseconds (MinRTTFilterLen). */
const MIN_RTT_SPAN = 10_000;
/** Without a smaller one for so long it is looked for, in milliseconds (ProbeRTTInterval). */
const PROBE_RTT_INTERVAL = 5_000;
/** Half of the rounds for which the aggregation of acknowledgments is remembered. */
const AGGREGATION_SPAN = 5;

/**
 * What BBR has measured of the path: its bandwidth, its round-trip time, how much acknowledgments
 * come in clumps, and round trips counted in packets (draft-ietf-ccwg-bbr section 5.5).
 */
export class BbrPath {
  /** BBR.round_count: round trips. */
  rounds = 0;
  /** BBR.round_start: the acknowledgment in hand begins one. */
  roundStart = false;
  #roundEnd = 0;
  /** BBR.min_rtt in milliseconds; `Infinity` before the first. */
  minRtt = Infinity;
  #minRttAt = 0;
  /** The smallest of the last five seconds, and when it was found. */
  #recentRtt = Infinity;
  #recentRttAt = 0;
  /** It is time to empty the queue, so that a smaller one may be seen. */
  probeRttExpired = false;
  readonly #bandwidth = new TwoSpanMax();
  readonly #extraAcked = new TwoSpanMax();
  #spanRounds = 0;
  #aggregationBegan = 0;
  #aggregated = 0;

  /** BBR.max_bw: the largest bandwidth of this cycle and the one before, in bytes per millisecond. */
  get maxBw(): number {
    return this.#bandwidth.value;
  }

  /** BBR.extra_acked: bytes that come acknowledged beyond what the bandwidth explains. */
  get extraAcked(): number {
    return this.#extraAcked.value;
  }

  /** Counts round trips: one is over when something is delivered that was sent after it began. */
  updateRound(delivery: DeliveryRate): void {
    this.roundStart = delivery.priorDelivered >= this.#roundEnd;
    if (!this.roundStart) return;
    this.rounds++;
    this.startRound(delivery);
  }

  /** A round trip begins now. */
  startRound(delivery: DeliveryRate): void {
    this.#roundEnd = delivery.delivered;
  }

  /** Takes in a bandwidth, unless it only tells what the application had to send. */
  updateBandwidth(delivery: DeliveryRate): void {
    const { rate, isAppLimited } = delivery;
    if (rate >= this.maxBw || !isAppLimited) this.#bandwidth.add(rate);
  }

  /** BBRAdvanceMaxBwFilter: what was measured two cycles ago is forgotten. */
  nextCycle(): void {
    this.#bandwidth.advance();
  }

  /**
   * BBRUpdateACKAggregation.
   *
   * @param newlyDelivered Bytes that the acknowledgment says are delivered.
   * @param bw Bandwidth in bytes per millisecond.
   * @param cwnd Congestion window in bytes.
   * @param brief Only the present round counts: the bandwidth is still growing.
   * @param now Time in milliseconds.
   */
  updateAggregation(
    newlyDelivered: number,
    bw: number,
    cwnd: number,
    brief: boolean,
    now: number,
  ): void {
    if (this.roundStart && ++this.#spanRounds >= (brief ? 1 : AGGREGATION_SPAN)) {
      this.#spanRounds = 0;
      this.#extraAcked.advance();
    }
    let expected = bw * (now - this.#aggregationBegan);
    if (this.#aggregated <= expected) {
      this.#aggregated = expected = 0;
      this.#aggregationBegan = now;
    }
    this.#aggregated += newlyDelivered;
    this.#extraAcked.add(Math.min(this.#aggregated - expected, cwnd));
  }

  /** Idle time explains no acknowledgments. */
  restartAggregation(now: number): void {
    this.#aggregationBegan = now;
    this.#aggregated = 0;
  }

  /**
   * BBRUpdateMinRTT.
   *
   * @param rtt In milliseconds; negative for none.
   * @param now Time in milliseconds.
   */
  updateMinRtt(rtt: number, now: number): void {
    this.probeRttExpired = now > this.#recentRttAt + PROBE_RTT_INTERVAL;
    if (rtt >= 0 && (rtt < this.#recentRtt || this.probeRttExpired)) {
      this.#recentRtt = rtt;
      this.#recentRttAt = now;
    }
    if (this.#recentRtt < this.minRtt || now > this.#minRttAt + MIN_RTT_SPAN) {
      this.minRtt = this.#recentRtt;
      this.#minRttAt = this.#recentRttAt;
    }
  }

  /** The queue was emptied: another look is due in five seconds. */
  rttProbed(now: number): void {
    this.#recentRttAt = now;
  }
}
