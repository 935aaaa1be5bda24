import type { CongestionControl } from "./congestion.ts";
import { HyStart } from "./hystart.ts";
import { initialWindow } from "./new_reno.ts";

/** How the window grows with time, in segments per second cubed (RFC 9438 section 5). */
const C = 0.4;
/** What is left of the window after a loss. */
const BETA = 0.7;
/** What is left of it after a mark (RFC 8511 section 3). */
const BETA_ECN = 0.85;
/** Growth per window of a Reno flow that loses as much: 3 (1 - beta) / (1 + beta). */
const ALPHA = 3 * (1 - BETA) / (1 + BETA);

/** What a reduction of the window changes. */
interface Epoch {
  cwnd: number;
  ssthresh: number;
  /** W_max in bytes. */
  most: number;
  /** cwnd_prior in bytes: the window when the last loss was found. */
  prior: number;
  /** When congestion avoidance began, in milliseconds; -1: with the next acknowledgment. */
  since: number;
  /** K in seconds: when the window is back at `most`. */
  k: number;
  /** W_est: the window of a Reno flow in the same place, in bytes. */
  estimate: number;
}

/** CUBIC (RFC 9438): after a loss the window returns to where it was along a cubic curve. */
export class Cubic implements CongestionControl {
  readonly name = "cubic";
  readonly pacingRate = Infinity;
  readonly model = undefined;
  #mss: number;
  #state: Epoch;
  #before: Epoch;
  #slowStart = new HyStart();
  /** The latest round-trip time in milliseconds; 0 before the first. */
  #rtt = 0;
  /** Since when the sender leaves the window unused, in milliseconds; -1: it does not. */
  #pausedAt = -1;

  /** @param mss Largest segment payload in bytes. */
  constructor(mss: number) {
    this.#mss = mss;
    this.#state = {
      cwnd: initialWindow(mss),
      ssthresh: Infinity,
      most: 0,
      prior: 0,
      since: -1,
      k: 0,
      estimate: 0,
    };
    this.#before = this.#state;
  }

  get cwnd(): number {
    return this.#state.cwnd;
  }

  get ssthresh(): number {
    return this.#state.ssthresh;
  }

  setSegmentSize(mss: number): void {
    this.#mss = mss;
    this.#state.cwnd = Math.max(this.#state.cwnd, mss);
  }

  start(lost: boolean): void {
    this.#state.cwnd = lost ? this.#mss : initialWindow(this.#mss);
  }

  acknowledged(bytes: number, limited: boolean, rtt: number, now: number): void {
    const state = this.#state;
    if (rtt > 0) this.#rtt = rtt;
    if (!limited) {
      if (this.#pausedAt < 0) this.#pausedAt = now;
      return;
    }
    this.#resume(now);
    if (state.cwnd < state.ssthresh) {
      // Later slow starts end at a threshold that was found out (RFC 9406 section 4.3).
      const growth = state.ssthresh === Infinity
        ? this.#slowStart.grow(bytes, rtt, state.cwnd)
        : Math.min(bytes, state.ssthresh - state.cwnd);
      if (growth > 0) {
        state.cwnd += growth;
        return;
      }
      state.ssthresh = state.cwnd;
    }
    this.#avoidCongestion(bytes, now);
  }

  lossDetected(_inFlight: number, _now: number): void {
    this.#reduce(BETA);
  }

  congestionExperienced(_inFlight: number, _now: number): void {
    this.#reduce(BETA_ECN);
    this.#state.cwnd = Math.min(this.#state.cwnd, this.#state.ssthresh);
  }

  #reduce(beta: number): void {
    const state = this.#state;
    // Fast convergence: who loses before being back where it was leaves room for others.
    state.most = state.cwnd < state.most ? state.cwnd * (1 + BETA) / 2 : state.cwnd;
    state.prior = state.cwnd;
    state.ssthresh = Math.max(state.cwnd * beta, 2 * this.#mss);
    state.since = -1;
  }

  timedOut(inFlight: number, now: number): void {
    this.lossDetected(inFlight, now);
    this.#state.cwnd = this.#mss;
    this.#slowStart.reset();
  }

  setWindow(cwnd: number): void {
    this.#state.cwnd = Math.max(cwnd, this.#mss);
  }

  recall(cwnd: number, ssthresh: number): void {
    this.setWindow(cwnd);
    this.#state.ssthresh = ssthresh;
  }

  remember(): void {
    this.#before = { ...this.#state };
  }

  undo(): void {
    const { cwnd, ssthresh } = this.#state;
    this.#state = { ...this.#before };
    this.#state.cwnd = Math.max(cwnd, this.#state.cwnd);
    this.#state.ssthresh = Math.max(ssthresh, this.#state.ssthresh);
  }

  restart(): void {
    this.#state.cwnd = Math.min(this.#state.cwnd, initialWindow(this.#mss));
    this.#state.since = -1; // Idle time is no time on the curve (RFC 9438 section 5.8).
  }

  /** The curve stands still while the window is not used (RFC 9438 section 5.8). */
  #resume(now: number): void {
    const state = this.#state;
    if (this.#pausedAt >= 0 && state.since >= 0) state.since += now - this.#pausedAt;
    this.#pausedAt = -1;
  }

  /** RFC 9438 sections 4.2 to 4.5. */
  #avoidCongestion(bytes: number, now: number): void {
    const state = this.#state;
    const mss = this.#mss;
    if (state.since < 0) {
      state.since = now;
      if (state.most < state.cwnd) state.most = state.cwnd;
      state.k = Math.cbrt((state.most - state.cwnd) / mss / C);
      state.estimate = state.cwnd;
    }
    const t = (now - state.since + this.#rtt) / 1000;
    const cubic = C * (t - state.k) ** 3 * mss + state.most;
    const alpha = state.estimate >= state.prior ? 1 : ALPHA;
    state.estimate += alpha * mss * bytes / state.cwnd;
    const target = Math.min(Math.max(cubic, state.cwnd), 1.5 * state.cwnd);
    if (cubic < state.estimate) state.cwnd = Math.max(state.cwnd, state.estimate);
    else state.cwnd += (target - state.cwnd) * bytes / state.cwnd;
  }
}
