import { ignore } from "./errors.ts";
import type { FlowSet } from "./flow_set.ts";
import { within } from "./within.ts";

/** How the connections that were open at the beginning of a drain have ended. */
export interface DrainResult {
  /** Connections on which our goodbye was said and acknowledged. */
  readonly graceful: number;
  /** Connections that were reset, by us or by the peer, or whose peer did not answer. */
  readonly reset: number;
}

/** Somebody whose flows are to end. */
export interface Party {
  /** The flows. */
  readonly flows: FlowSet;
  /** Whether it knows that the runtime drains; if not, goodbye is said in its place. */
  readonly heedsSignal: boolean;
}

/** Part of the drain time after which the flows are closed of whoever does not know of the drain. */
const HEEDLESS_GRACE = 0.2;
/** Part of the drain time after which every flow is closed. */
const HEEDFUL_GRACE = 0.8;
/** How long we wait for the goodbyes of peers that have acknowledged ours, in milliseconds. */
const LINGER = 1_000;
/** How often we look at the states of the connections, in milliseconds. */
const TICK = 50;

/** The end of all flows in good order, or at a deadline. */
export class Drain {
  /** When it has to be over, in milliseconds of `performance.now`; may be brought forward. */
  deadline = Infinity;
  readonly #parties: readonly Party[];
  readonly #delivers: () => boolean;
  #stir: () => void = ignore;

  /**
   * @param parties Whose flows are to end.
   * @param delivers Whether somebody between us and a peer still has something to deliver.
   */
  constructor(parties: readonly Party[], delivers: () => boolean) {
    this.#parties = parties;
    this.#delivers = delivers;
  }

  /** Tells that there is something new: a deadline, or nobody left in a set of flows. */
  readonly stir = (): void => this.#stir();

  /** Waits until every goodbye is said, says it where nobody else does, and resets the rest. */
  async run(): Promise<DrainResult> {
    const before = this.#tally();
    await this.#goodbyes();
    let silent = 0;
    for (const { flows } of this.#parties) {
      for (const flow of flows) {
        if (flow.goodbyeSaid) silent++;
        else flow.abort();
      }
    }
    const after = this.#tally();
    return {
      graceful: after.graceful - before.graceful + silent,
      reset: after.reset - before.reset,
    };
  }

  async #goodbyes(): Promise<void> {
    const begun = performance.now();
    const timeout = this.deadline - begun;
    let silentSince = Infinity;
    for (let now = begun; now < this.deadline; now = performance.now()) {
      const delivers = this.#delivers();
      if (!delivers && this.#parties.every(({ flows }) => flows.size === 0)) return;
      const isSilent = !delivers &&
        this.#parties.every(({ flows }) => flows.every((flow) => flow.goodbyeSaid));
      silentSince = isSilent ? Math.min(silentSince, now) : Infinity;
      if (now - silentSince >= LINGER) return;

      for (const { flows, heedsSignal } of this.#parties) {
        const grace = timeout * (heedsSignal ? HEEDFUL_GRACE : HEEDLESS_GRACE);
        if (now - begun < grace) continue;
        for (const flow of flows) flow.close();
      }
      const stirred = new Promise<void>((resolve) => this.#stir = resolve);
      await within(Math.min(TICK, this.deadline - now), stirred);
    }
  }

  #tally(): DrainResult {
    let graceful = 0;
    let reset = 0;
    for (const { flows } of this.#parties) {
      graceful += flows.graceful;
      reset += flows.reset;
    }
    return { graceful, reset };
  }
}
