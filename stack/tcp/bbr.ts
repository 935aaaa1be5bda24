import { BbrBounds, BETA, inflightAtLoss, LOSS_THRESHOLD } from "./bbr_bounds.ts";
import { BbrPath } from "./bbr_path.ts";
import type { CongestionControl, PathModel } from "./congestion.ts";
import type { DeliveryRate } from "./delivery_rate.ts";
import { initialWindow } from "./new_reno.ts";
import { sendQuantum } from "./pacer.ts";
import type { Transmission } from "./transmission.ts";

/** The states of BBR (draft-ietf-ccwg-bbr section 4.3). */
export type BbrState =
  | "Startup"
  | "Drain"
  | "ProbeBW_DOWN"
  | "ProbeBW_CRUISE"
  | "ProbeBW_REFILL"
  | "ProbeBW_UP"
  | "ProbeRTT";

/** How much faster than the bandwidth is sent, and how much more than its product with the delay. */
const GAINS: Readonly<Record<BbrState, { readonly pacing: number; readonly cwnd: number }>> = {
  Startup: { pacing: 2.77, cwnd: 2 },
  Drain: { pacing: 0.5, cwnd: 2 },
  ProbeBW_DOWN: { pacing: 0.9, cwnd: 2 },
  ProbeBW_CRUISE: { pacing: 1, cwnd: 2 },
  ProbeBW_REFILL: { pacing: 1, cwnd: 2 },
  ProbeBW_UP: { pacing: 1.25, cwnd: 2.25 },
  ProbeRTT: { pacing: 1, cwnd: 0.5 },
};

/** BBR.PacingMarginPercent: paced a little below the bandwidth, queues grow short. */
const PACING_MARGIN = 0.99;
/** BBR.MinPipeCwnd in segments. */
const MIN_PIPE = 4;
/** BBR.ProbeRTTDuration in milliseconds. */
const PROBE_RTT_DURATION = 200;
/** Growth of the bandwidth in a round by which the pipe is not yet full, and rounds without it. */
const FULL_BW_GROWTH = 1.25;
const FULL_BW_ROUNDS = 3;
/** BBR.StartupFullLossCnt: rows of lost bytes in a round that end Startup. */
const STARTUP_FULL_LOSSES = 6;
/** Rounds after which Drain ends in any case. */
const DRAIN_ROUNDS = 3;
/** Rounds between two probes at most, as often as a Reno flow of that window would have grown. */
const MOST_ROUNDS_BETWEEN_PROBES = 63;

/** What the samples of this time tell of a probe (BBR.ack_phase). */
type AckPhase = "init" | "refilling" | "starting" | "feedback" | "stopping";

/**
 * BBRv3 (draft-ietf-ccwg-bbr): measures the bandwidth and the round-trip time of the path, and keeps
 * as much in flight as both together hold; losses count only when they are many.
 *
 * ```text
 *    Startup --pipe full--> Drain --queue empty--> ProbeBW_DOWN -> CRUISE -> REFILL -> UP -+
 *                                                      ^                                   |
 *                                                      +-----------------------------------+
 *    from any of them, every 5 s without a round-trip time as small: ProbeRTT for 200 ms
 * ```
 *
 * Names of methods and variables are the draft's; sizes are bytes, times milliseconds, bandwidths
 * bytes per millisecond.
 */
export class Bbr implements CongestionControl, PathModel {
  readonly name = "bbr";
  /** Loss does not end a slow start here: there is no threshold. */
  readonly ssthresh = Infinity;
  readonly model: PathModel = this;
  cwnd: number;
  pacingRate = Infinity;
  /** Where it is. */
  state: BbrState = "Startup";
  /** What has been measured. */
  readonly path: BbrPath = new BbrPath();
  /** What losses have taught. */
  readonly bounds: BbrBounds = new BbrBounds();
  readonly #random: () => number;
  #mss: number;
  /** BBR.bw: the bandwidth to send at. */
  #bw = 0;

  // Is the pipe full?
  #fullBw = 0;
  #fullBwCount = 0;
  /** BBR.full_bw_now: since the bandwidth was last probed. */
  #fullBwNow = false;
  /** BBR.full_bw_reached: ever. */
  #fullBwReached = false;

  // ProbeBW.
  #cycleStamp = 0;
  #probeWait = 0;
  #roundsSinceProbe = 0;
  #ackPhase: AckPhase = "init";
  /** BBR.bw_probe_samples: losses may be due to a probe. */
  #probeSamples = false;
  /** BBR.bw_probe_up_rounds */
  #probeUpRounds = 0;
  /** Bytes by which the long-term bound may grow in a round trip. */
  #probeUpGrowth = 0;
  #drainStart = 0;
  /** C.is_cwnd_limited: the window was used up in this round trip, or in the one before. */
  #limited = false;
  #limitedBefore = false;

  // ProbeRTT.
  #probeRttDone = 0;
  #probeRttRoundDone = false;
  #idleRestart = false;

  // Recovery.
  #priorCwnd = 0;
  #inRecovery = false;
  #undo = { state: "Startup" as BbrState, bw: 0, inflightShortterm: 0, inflightLongterm: 0 };

  /**
   * @param mss Largest segment payload in bytes.
   * @param random Gives uniform unsigned 32-bit integers.
   */
  constructor(mss: number, random: () => number) {
    this.#mss = mss;
    this.#random = random;
    this.cwnd = initialWindow(mss);
  }

  setSegmentSize(mss: number): void {
    this.#mss = mss;
    this.cwnd = Math.max(this.cwnd, mss);
  }

  start(lost: boolean, rtt: number, now: number): void {
    this.cwnd = lost ? this.#mss : initialWindow(this.#mss);
    // BBRInitPacingRate
    this.pacingRate = GAINS.Startup.pacing * this.cwnd / (rtt > 0 ? rtt : 1);
    this.path.updateMinRtt(rtt > 0 ? rtt : -1, now);
    this.path.restartAggregation(now);
  }

  delivered(
    delivery: DeliveryRate,
    inFlight: number,
    limited: boolean,
    rtt: number,
    now: number,
  ): void {
    if (delivery.priorDelivered < 0) return;
    this.#updateModel(delivery, inFlight, limited, rtt, now);
    this.#setPacingRate(GAINS[this.state].pacing);
    this.#setCwnd(delivery);
  }

  /** BBRHandleLostPacket */
  lost(range: Transmission, delivery: DeliveryRate): void {
    if (this.bounds.noteLoss(range.start, range.end, delivery.delivered)) this.#saveState();
    if (!this.#probeSamples) return;
    const lost = delivery.lost - range.lostBefore;
    if (lost <= range.txInFlight * LOSS_THRESHOLD) return;
    const length = (range.end - range.start) | 0;
    const inflight = inflightAtLoss(range.txInFlight, lost, length);
    this.#handleInflightTooHigh(inflight, range.isAppLimited, delivery);
  }

  /** BBRHandleRestartFromIdle */
  flightBegins(delivery: DeliveryRate, now: number): void {
    if (!delivery.appLimited) return;
    this.#idleRestart = true;
    this.path.restartAggregation(now);
    if (isProbeBw(this.state)) this.#setPacingRate(1);
    else if (this.state === "ProbeRTT") this.#checkProbeRttDone(delivery, now);
  }

  /**
   * BBROnEnterFastRecovery. The window is not brought down to what is in flight: pacing and the
   * bounds do what packet conservation would do, which at 1 % loss costs a tenth of the rate and
   * at 3 % a half.
   */
  lossDetected(): void {
    this.#saveCwnd();
    this.#inRecovery = true;
  }

  /** The draft leaves marks open: here one counts as a loss does (RFC 3168 section 5). */
  congestionExperienced(inFlight: number): void {
    if (!this.#fullBwReached) {
      this.#fullBwReached = true;
      this.bounds.inflightLongterm = Math.max(this.#bdp(this.path.maxBw, 1), inFlight * BETA);
    } else if (this.state === "ProbeBW_UP") this.#fullBwNow = true;
    else this.bounds.lossInRound = true;
  }

  timedOut(): void {
    this.#saveCwnd();
    this.#inRecovery = true;
  }

  /** BBROnEnterRTO */
  collapsed(inFlight: number): void {
    this.cwnd = inFlight + this.#mss;
  }

  recovered(): void {
    if (!this.#inRecovery) return;
    this.#inRecovery = false;
    this.#restoreCwnd();
  }

  /** BBRHandleSpuriousLossDetection */
  undo(): void {
    const { bounds } = this;
    const undo = this.#undo;
    bounds.endRound();
    this.#resetFullBw();
    bounds.bwShortterm = Math.max(bounds.bwShortterm, undo.bw);
    bounds.inflightShortterm = Math.max(bounds.inflightShortterm, undo.inflightShortterm);
    bounds.inflightLongterm = Math.max(bounds.inflightLongterm, undo.inflightLongterm);
    if (this.state === "ProbeRTT" || this.state === undo.state) return;
    if (undo.state === "Startup") {
      this.state = "Startup";
      this.#fullBwReached = false;
    } else if (undo.state === "ProbeBW_UP") {
      this.state = "ProbeBW_UP";
      this.#ackPhase = "starting";
    }
  }

  // What follows from the window alone is not for a model.
  acknowledged(): void {}
  setWindow(): void {}

  recall(): void {} // Its model is kept.
  remember(): void {}
  restart(): void {}

  /** BBRUpdateModelAndState */
  #updateModel(
    delivery: DeliveryRate,
    inFlight: number,
    limited: boolean,
    rtt: number,
    now: number,
  ): void {
    const { path, bounds } = this;
    bounds.updateLatest(delivery);
    path.updateRound(delivery);
    if (path.roundStart) {
      this.#roundsSinceProbe++;
      this.#limitedBefore = this.#limited;
      this.#limited = false;
    }
    if (limited) this.#limited = true;
    path.updateBandwidth(delivery);
    this.#updateCongestionSignals(delivery);
    const brief = !this.#fullBwReached;
    path.updateAggregation(delivery.newlyDelivered, this.#bw, this.cwnd, brief, now);
    this.#checkFullBwReached(delivery);
    if (this.state === "Startup" && this.#fullBwReached) {
      this.state = "Drain";
      this.#drainStart = path.rounds;
    }
    if (this.state === "Drain" && this.#isDrained(inFlight)) this.#startProbeBwDown(delivery, now);
    if (this.#fullBwReached) this.#updateCyclePhase(delivery, inFlight, now);
    path.updateMinRtt(rtt, now);
    this.#checkProbeRtt(delivery, inFlight, now);
    bounds.advanceLatest(delivery);
    this.#bw = Math.min(path.maxBw, bounds.bwShortterm);
  }

  /** BBRUpdateCongestionSignals and BBRCheckStartupHighLoss */
  #updateCongestionSignals(delivery: DeliveryRate): void {
    const { bounds } = this;
    if (!bounds.lossRoundStart) return;
    if (bounds.lossInRound) {
      if (!this.#isProbing) bounds.lower(this.path.maxBw, this.cwnd);
      if (
        !this.#fullBwReached && this.#inRecovery && bounds.lossEvents >= STARTUP_FULL_LOSSES &&
        isInflightTooHigh(delivery)
      ) {
        this.#fullBwReached = true;
        bounds.inflightLongterm = Math.max(this.#bdp(this.path.maxBw, 1), bounds.inflightLatest);
      }
    }
    bounds.endRound();
  }

  /** BBRIsProbingBW: losses now are the price of finding out. */
  get #isProbing(): boolean {
    const { state } = this;
    return state === "Startup" || state === "ProbeBW_REFILL" || state === "ProbeBW_UP";
  }

  /** BBRCheckFullBWReached */
  #checkFullBwReached(delivery: DeliveryRate): void {
    if (this.#fullBwNow || !this.path.roundStart || delivery.isAppLimited) return;
    if (delivery.rate >= this.#fullBw * FULL_BW_GROWTH) {
      this.#resetFullBw();
      this.#fullBw = delivery.rate;
      return;
    }
    if (++this.#fullBwCount < FULL_BW_ROUNDS) return;
    this.#fullBwNow = true;
    this.#fullBwReached = true;
  }

  #resetFullBw(): void {
    this.#fullBw = 0;
    this.#fullBwCount = 0;
    this.#fullBwNow = false;
  }

  #isDrained(inFlight: number): boolean {
    return inFlight <= this.#inflight(this.#bw, 1) ||
      this.path.rounds > this.#drainStart + DRAIN_ROUNDS;
  }

  /** BBRUpdateProbeBWCyclePhase */
  #updateCyclePhase(delivery: DeliveryRate, inFlight: number, now: number): void {
    this.#adaptLongTermModel(delivery);
    switch (this.state) {
      case "ProbeBW_DOWN":
        if (this.#checkTimeToProbe(delivery, now)) return;
        if (this.#isTimeToCruise(inFlight)) this.state = "ProbeBW_CRUISE";
        return;
      case "ProbeBW_CRUISE":
        this.#checkTimeToProbe(delivery, now);
        return;
      case "ProbeBW_REFILL":
        if (!this.path.roundStart) return;
        this.#probeSamples = true;
        this.#startProbeBwUp(delivery);
        return;
      case "ProbeBW_UP":
        if (this.#isTimeToGoDown(delivery)) this.#startProbeBwDown(delivery, now);
        return;
    }
  }

  /** BBRAdaptLongTermModel */
  #adaptLongTermModel(delivery: DeliveryRate): void {
    const { bounds, path } = this;
    if (path.roundStart) {
      if (this.#ackPhase === "starting") this.#ackPhase = "feedback";
      else if (this.#ackPhase === "stopping") {
        this.#probeSamples = false;
        this.#ackPhase = "init";
        if (isProbeBw(this.state) && !delivery.isAppLimited) path.nextCycle();
      }
    }
    if (isInflightTooHigh(delivery)) {
      if (this.#probeSamples) {
        this.#handleInflightTooHigh(delivery.txInFlight, delivery.isAppLimited, delivery);
      }
      return;
    }
    if (bounds.inflightLongterm === Infinity) return;
    bounds.inflightLongterm = Math.max(bounds.inflightLongterm, delivery.txInFlight);
    if (this.state === "ProbeBW_UP") this.#probeLongTermUpward(delivery);
  }

  /** BBRProbeInflightLongtermUpward */
  #probeLongTermUpward(delivery: DeliveryRate): void {
    const { bounds } = this;
    if (!this.#isCwndLimited || this.cwnd < bounds.inflightLongterm) return;
    bounds.inflightLongterm += delivery.newlyDelivered * this.#probeUpGrowth / this.cwnd;
    if (this.path.roundStart) this.#raiseLongTermSlope();
  }

  /** BBRRaiseInflightLongtermSlope: a segment in the first round, twice as much in each further. */
  #raiseLongTermSlope(): void {
    this.#probeUpGrowth = Math.min(this.#mss * 2 ** this.#probeUpRounds, this.cwnd);
    this.#probeUpRounds = Math.min(this.#probeUpRounds + 1, 30);
  }

  get #isCwndLimited(): boolean {
    return this.#limited || this.#limitedBefore;
  }

  /** BBRHandleInflightTooHigh */
  #handleInflightTooHigh(inflight: number, isAppLimited: boolean, delivery: DeliveryRate): void {
    this.#probeSamples = false;
    if (!isAppLimited) {
      this.bounds.inflightLongterm = Math.max(inflight, this.#targetInflight * BETA);
    }
    if (this.state === "ProbeBW_UP") this.#startProbeBwDown(delivery, delivery.deliveredTime);
  }

  get #targetInflight(): number {
    return Math.min(this.#bdp(this.#bw, 1), this.cwnd);
  }

  /** BBRIsTimeToProbeBW */
  #checkTimeToProbe(delivery: DeliveryRate, now: number): boolean {
    // A Reno flow that had lost would have grown back by now: no later than that.
    const rounds = Math.min(this.#targetInflight / this.#mss, MOST_ROUNDS_BETWEEN_PROBES);
    if (now <= this.#cycleStamp + this.#probeWait && this.#roundsSinceProbe < rounds) return false;
    this.#startProbeBwRefill(delivery);
    return true;
  }

  #isTimeToCruise(inFlight: number): boolean {
    return inFlight <= this.#inflightWithHeadroom && inFlight <= this.#inflight(this.path.maxBw, 1);
  }

  #isTimeToGoDown(delivery: DeliveryRate): boolean {
    if (this.#isCwndLimited && this.cwnd >= this.bounds.inflightLongterm) {
      // The bound, not the path, keeps the bandwidth from growing: it is raised first.
      this.#resetFullBw();
      this.#fullBw = delivery.rate;
      return false;
    }
    return this.#fullBwNow;
  }

  #startProbeBwDown(delivery: DeliveryRate, now: number): void {
    this.bounds.resetSignals();
    // BBRPickProbeWait: 2 to 3 seconds, so that flows do not probe in step.
    this.#roundsSinceProbe = this.#random() & 1;
    this.#probeWait = 2000 + 1000 * this.#random() / 2 ** 32;
    this.#cycleStamp = now;
    this.#ackPhase = "stopping";
    this.path.startRound(delivery);
    this.state = "ProbeBW_DOWN";
  }

  #startProbeBwRefill(delivery: DeliveryRate): void {
    this.bounds.resetShortterm();
    this.#probeUpRounds = 0;
    this.#ackPhase = "refilling";
    this.path.startRound(delivery);
    this.state = "ProbeBW_REFILL";
  }

  #startProbeBwUp(delivery: DeliveryRate): void {
    this.#ackPhase = "starting";
    this.path.startRound(delivery);
    this.#resetFullBw();
    this.#fullBw = delivery.rate;
    this.state = "ProbeBW_UP";
    this.#raiseLongTermSlope();
  }

  /** BBRCheckProbeRTT */
  #checkProbeRtt(delivery: DeliveryRate, inFlight: number, now: number): void {
    const { path } = this;
    if (this.state !== "ProbeRTT" && path.probeRttExpired && !this.#idleRestart) {
      this.#saveCwnd();
      this.state = "ProbeRTT";
      this.#probeRttDone = 0;
      this.#ackPhase = "stopping";
      path.startRound(delivery);
    }
    if (this.state === "ProbeRTT") {
      // BBRHandleProbeRTT: what is not in flight now says nothing of the bandwidth.
      delivery.limitedByApplication(inFlight);
      if (this.#probeRttDone === 0 && inFlight <= this.#probeRttCwnd) {
        this.#probeRttDone = now + PROBE_RTT_DURATION;
        this.#probeRttRoundDone = false;
        path.startRound(delivery);
      } else if (this.#probeRttDone !== 0) {
        if (path.roundStart) this.#probeRttRoundDone = true;
        if (this.#probeRttRoundDone) this.#checkProbeRttDone(delivery, now);
      }
    }
    this.#idleRestart = false;
  }

  #checkProbeRttDone(delivery: DeliveryRate, now: number): void {
    if (this.#probeRttDone === 0 || now <= this.#probeRttDone) return;
    this.path.rttProbed(now);
    this.#restoreCwnd();
    this.bounds.resetShortterm();
    if (this.#fullBwReached) {
      this.#startProbeBwDown(delivery, now);
      this.state = "ProbeBW_CRUISE";
    } else this.state = "Startup";
  }

  /** BBRSetPacingRateWithGain */
  #setPacingRate(gain: number): void {
    const rate = gain * this.#bw * PACING_MARGIN;
    if (rate > 0 && this.#fullBwReached || rate > this.pacingRate) this.pacingRate = rate;
  }

  /** BBRSetCwnd */
  #setCwnd(delivery: DeliveryRate): void {
    const { newlyDelivered } = delivery;
    const least = MIN_PIPE * this.#mss;
    const most = this.#maxInflight;
    if (this.#fullBwReached) this.cwnd = Math.min(this.cwnd + newlyDelivered, most);
    else if (this.cwnd < most || delivery.delivered < initialWindow(this.#mss)) {
      this.cwnd += newlyDelivered;
    }
    this.cwnd = Math.max(this.cwnd, least);
    if (this.state === "ProbeRTT") this.cwnd = Math.min(this.cwnd, this.#probeRttCwnd);
    this.cwnd = Math.min(this.cwnd, Math.max(this.#modelCap, least));
  }

  /** BBRBoundCwndForModel */
  get #modelCap(): number {
    const { state, bounds } = this;
    let cap = Infinity;
    if (state === "ProbeRTT" || state === "ProbeBW_CRUISE") cap = this.#inflightWithHeadroom;
    else if (isProbeBw(state)) cap = bounds.inflightLongterm;
    return Math.min(cap, bounds.inflightShortterm);
  }

  get #inflightWithHeadroom(): number {
    return Math.max(this.bounds.inflightWithHeadroom(this.#mss), MIN_PIPE * this.#mss);
  }

  get #probeRttCwnd(): number {
    return Math.max(this.#bdp(this.#bw, GAINS.ProbeRTT.cwnd), MIN_PIPE * this.#mss);
  }

  /** BBRUpdateMaxInflight */
  get #maxInflight(): number {
    const inflight = this.#bdp(this.#bw, GAINS[this.state].cwnd) + this.path.extraAcked;
    return this.#withQuantizationBudget(inflight);
  }

  /** BBRInflight */
  #inflight(bw: number, gain: number): number {
    return this.#withQuantizationBudget(this.#bdp(bw, gain));
  }

  /** BBRBDPMultiple: so many times what the path holds. */
  #bdp(bw: number, gain: number): number {
    const { minRtt } = this.path;
    return minRtt === Infinity ? initialWindow(this.#mss) : gain * bw * minRtt;
  }

  /** BBRQuantizationBudget: room for bursts here, and for delayed acknowledgments there. */
  #withQuantizationBudget(inflight: number): number {
    const mss = this.#mss;
    const budget = Math.max(inflight, 3 * sendQuantum(this.pacingRate, mss), MIN_PIPE * mss);
    return this.state === "ProbeBW_UP" ? budget + 2 * mss : budget;
  }

  #saveCwnd(): void {
    const keep = this.#inRecovery || this.state === "ProbeRTT";
    this.#priorCwnd = keep ? Math.max(this.#priorCwnd, this.cwnd) : this.cwnd;
  }

  #restoreCwnd(): void {
    this.cwnd = Math.max(this.cwnd, this.#priorCwnd);
  }

  /** BBRSaveStateUponLoss */
  #saveState(): void {
    const { bwShortterm, inflightShortterm, inflightLongterm } = this.bounds;
    const undo = this.#undo;
    undo.state = this.state;
    undo.bw = bwShortterm;
    undo.inflightShortterm = inflightShortterm;
    undo.inflightLongterm = inflightLongterm;
  }
}

function isProbeBw(state: BbrState): boolean {
  return state === "ProbeBW_DOWN" || state === "ProbeBW_CRUISE" || state === "ProbeBW_REFILL" ||
    state === "ProbeBW_UP";
}

function isInflightTooHigh(delivery: DeliveryRate): boolean {
  return delivery.sampleLost > delivery.txInFlight * LOSS_THRESHOLD;
}
