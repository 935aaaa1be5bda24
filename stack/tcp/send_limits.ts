/**
 * What keeps a sender from sending more.
 *
 * - `"idle"`: nothing is written, and nothing in flight.
 * - `"application"`: everything written has been sent (or waits for Nagle's algorithm).
 * - `"buffer"`: the same, and the application would write more if the send buffer took it.
 * - `"receiver"`: the peer's window.
 * - `"congestion"`: the congestion window.
 * - `"pacing"`: the rate that congestion control allows.
 * - `"link"`: the link is full, or other connections have their turn.
 */
export type SendLimit =
  | "idle"
  | "application"
  | "buffer"
  | "receiver"
  | "congestion"
  | "pacing"
  | "link";

/** For how long each of them kept the sender back, in milliseconds. */
export type LimitedTimes = Record<SendLimit, number>;

/** Keeps account of what held a sender back. */
export class SendLimits {
  /** What holds it back now. */
  current: SendLimit = "idle";
  #since: number;
  readonly #times: LimitedTimes = {
    idle: 0,
    application: 0,
    buffer: 0,
    receiver: 0,
    congestion: 0,
    pacing: 0,
    link: 0,
  };

  /** @param now Time in milliseconds. */
  constructor(now: number) {
    this.#since = now;
  }

  /** Takes note of what holds it back from now on. */
  note(limit: SendLimit, now: number): void {
    if (limit === this.current) return;
    this.#times[this.current] += now - this.#since;
    this.#since = now;
    this.current = limit;
  }

  /** The account up to now. */
  times(now: number): LimitedTimes {
    const times = { ...this.#times };
    times[this.current] += now - this.#since;
    return times;
  }
}
