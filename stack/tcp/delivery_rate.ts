import { sentAfter, type Transmission } from "./transmission.ts";

/**
 * Delivery rate estimation (draft-ietf-ccwg-bbr section 4.1.1): at what rate the path has delivered
 * between the sending of a range and its acknowledgment. The names are the draft's, which writes
 * C. for what is kept of the connection, P. for what is noted with a range when it is sent, and RS.
 * for the sample that an acknowledgment yields. Sizes are bytes, times milliseconds.
 */
export class DeliveryRate {
  // Of the connection.
  /** C.delivered: everything delivered so far. */
  delivered = 0;
  /** C.lost: everything given up so far, also what later turned out to be there. */
  lost = 0;
  /** C.delivered_time: when `delivered` last grew, or the first of a flight was sent. */
  deliveredTime = 0;
  /** C.first_send_time: when what has been delivered last was sent. */
  #firstSentTime = 0;
  /** C.app_limited: once this much is delivered, the pause of the application is behind us; 0: none. */
  #appLimited = 0;

  // Of the acknowledgment in hand.
  /** RS.newly_acked: what it says is delivered. */
  newlyDelivered = 0;
  /** RS.newly_lost: what was given up because of it. */
  newlyLost = 0;
  /** RS.prior_delivered: `delivered` when the newest range of it was sent; -1: it delivers nothing. */
  priorDelivered = -1;
  /** RS.delivered: delivered since then, this acknowledgment included. */
  sampleDelivered = 0;
  /** RS.lost: given up since then. */
  sampleLost = 0;
  /** RS.tx_in_flight: in flight when that range had been sent, itself included. */
  txInFlight = 0;
  /** RS.is_app_limited: the application, not the path, kept the rate down. */
  isAppLimited = false;
  /** RS.delivery_rate: in bytes per millisecond; 0: this acknowledgment says nothing of it. */
  rate = 0;
  #sentAt = 0;
  #end = 0;
  #sendElapsed = 0;
  #ackElapsed = 0;
  #lostBefore = 0;
  #priorLost = 0;

  /** What is sent now follows a time in which nothing was in flight. */
  flightBegins(now: number): void {
    this.#firstSentTime = this.deliveredTime = now;
  }

  /**
   * Notes with a range what is known when it is sent.
   *
   * @param range The range.
   * @param inFlight Bytes in flight, the range included.
   */
  stamp(range: Transmission, inFlight: number): void {
    range.delivered = this.delivered;
    range.deliveredTime = this.deliveredTime;
    range.firstSentTime = this.#firstSentTime;
    range.lostBefore = this.lost;
    range.txInFlight = inFlight;
    range.isAppLimited = this.#appLimited > 0;
  }

  /** Whether a range that leaves now is noted the same as one that has left in this millisecond. */
  wouldStampAlike(range: Transmission): boolean {
    return range.delivered === this.delivered && range.lostBefore === this.lost &&
      range.isAppLimited === this.#appLimited > 0;
  }

  /** The application was the last to keep the rate down. */
  get appLimited(): boolean {
    return this.#appLimited > 0;
  }

  /** The application has nothing more to send, though it might (CheckIfApplicationLimited). */
  limitedByApplication(inFlight: number): void {
    this.#appLimited = Math.max(this.delivered + inFlight, 1);
  }

  /** An acknowledgment is taken in. */
  begin(): void {
    this.newlyDelivered = 0;
    this.priorDelivered = -1;
    this.#lostBefore = this.lost;
  }

  /** A range has arrived (UpdateRateSample). */
  arrived(range: Transmission, now: number): void {
    const length = (range.end - range.start) | 0;
    this.delivered += length;
    this.newlyDelivered += length;
    this.deliveredTime = now;
    const { sentAt, end } = range;
    if (this.priorDelivered >= 0 && !sentAfter(sentAt, end, this.#sentAt, this.#end)) return;
    this.#sentAt = sentAt;
    this.#end = end;
    this.priorDelivered = range.delivered;
    this.#priorLost = range.lostBefore;
    this.txInFlight = range.txInFlight;
    this.isAppLimited = range.isAppLimited;
    this.#sendElapsed = sentAt - range.firstSentTime;
    this.#ackElapsed = now - range.deliveredTime;
    this.#firstSentTime = sentAt;
  }

  /**
   * The acknowledgment has been taken in, and losses have been looked for (GenerateRateSample).
   *
   * @param minRtt The smallest round-trip time: what seems to be quicker was an acknowledgment of
   *   the transmission before.
   */
  finish(minRtt: number): void {
    this.newlyLost = this.lost - this.#lostBefore;
    this.rate = 0;
    if (this.#appLimited > 0 && this.delivered > this.#appLimited) this.#appLimited = 0;
    if (this.priorDelivered < 0) return;
    this.sampleDelivered = this.delivered - this.priorDelivered;
    this.sampleLost = this.lost - this.#priorLost;
    const interval = Math.max(this.#sendElapsed, this.#ackElapsed);
    if (interval > 0 && interval >= minRtt) this.rate = this.sampleDelivered / interval;
  }
}
