import type { CongestionControl } from "./congestion.ts";

/** What is left of the window after a mark (RFC 8511 section 3). */
const BETA_ECN = 0.8;

/** The standard algorithm: slow start and congestion avoidance (RFC 5681), IW10 (RFC 6928). */
export class NewReno implements CongestionControl {
  readonly name = "reno";
  readonly pacingRate = Infinity;
  readonly model = undefined;
  cwnd: number;
  ssthresh = Infinity;
  #mss: number;
  /** Bytes acknowledged in congestion avoidance that have not yet made the window grow. */
  #counted = 0;
  #before = { cwnd: 0, ssthresh: 0 };

  /** @param mss Largest segment payload in bytes. */
  constructor(mss: number) {
    this.#mss = mss;
    this.cwnd = initialWindow(mss);
  }

  setSegmentSize(mss: number): void {
    this.#mss = mss;
    this.cwnd = Math.max(this.cwnd, mss);
  }

  start(lost: boolean): void {
    this.cwnd = lost ? this.#mss : initialWindow(this.#mss);
  }

  acknowledged(bytes: number, limited: boolean, _rtt: number, _now: number): void {
    if (!limited) return;
    if (this.cwnd < this.ssthresh) {
      // Appropriate byte counting with L = 2 (RFC 3465): delayed ACKs do not slow the start.
      this.cwnd += Math.min(bytes, 2 * this.#mss);
      return;
    }
    this.#counted += bytes;
    if (this.#counted >= this.cwnd) {
      this.#counted -= this.cwnd;
      this.cwnd += this.#mss;
    }
  }

  lossDetected(inFlight: number, _now: number): void {
    this.ssthresh = Math.max(inFlight / 2, 2 * this.#mss);
    this.#counted = 0;
  }

  congestionExperienced(inFlight: number, _now: number): void {
    this.ssthresh = Math.max(inFlight * BETA_ECN, 2 * this.#mss);
    this.cwnd = Math.min(this.cwnd, this.ssthresh);
    this.#counted = 0;
  }

  timedOut(inFlight: number, now: number): void {
    this.lossDetected(inFlight, now);
    this.cwnd = this.#mss;
  }

  recall(cwnd: number, ssthresh: number): void {
    this.setWindow(cwnd);
    this.ssthresh = ssthresh;
  }

  remember(): void {
    this.#before = { cwnd: this.cwnd, ssthresh: this.ssthresh };
  }

  undo(): void {
    this.cwnd = Math.max(this.cwnd, this.#before.cwnd);
    this.ssthresh = Math.max(this.ssthresh, this.#before.ssthresh);
  }

  setWindow(cwnd: number): void {
    this.cwnd = Math.max(cwnd, this.#mss);
  }

  restart(): void {
    this.cwnd = Math.min(this.cwnd, initialWindow(this.#mss));
  }
}

/** The initial window in bytes (RFC 6928 section 2). */
export function initialWindow(mss: number): number {
  return Math.min(10 * mss, Math.max(2 * mss, 14_600));
}
