import type { TcpOptions } from "./tcp_options.ts";

/** Clock granularity G of RFC 6298 in milliseconds: below it a variation says nothing. */
const GRANULARITY = 1;

/**
 * The retransmission timeout (RFC 6298): computed from smoothed round-trip time and its
 * variation, doubled with every expiry (a factor, so that a late measurement cannot undo it).
 */
export class RetransmissionTimeout {
  /** Smoothed round-trip time in milliseconds; 0 before the first measurement. */
  srtt = 0;
  /** Variation of the round-trip time in milliseconds. */
  rttvar = 0;
  /** Timeout without backoff in milliseconds. */
  base: number;
  /** The last measurement in milliseconds; 0 before the first. */
  latest = 0;
  /** Expiries since the last acknowledgment of new data. */
  backoffs = 0;
  readonly #options: TcpOptions;

  /** @param options Bounds and first value. */
  constructor(options: TcpOptions) {
    this.#options = options;
    this.base = options.initialRto;
  }

  /** The timeout to arm, in milliseconds. */
  get current(): number {
    return Math.min(this.base * 2 ** Math.min(this.backoffs, 16), this.#options.maxRto);
  }

  /**
   * Takes a measurement of a segment that was sent once (Karn).
   *
   * @param rtt Round-trip time in milliseconds, at least 0.
   */
  measure(rtt: number): void {
    this.latest = rtt;
    if (this.srtt === 0) {
      this.srtt = Math.max(rtt, Number.MIN_VALUE);
      this.rttvar = rtt / 2;
    } else {
      this.rttvar += (Math.abs(this.srtt - rtt) - this.rttvar) / 4;
      this.srtt += (rtt - this.srtt) / 8;
    }
    this.#computeBase();
  }

  /**
   * Goes on from what was known before.
   *
   * @param srtt Smoothed round-trip time in milliseconds; 0 if there was no measurement.
   * @param rttvar Its variation in milliseconds.
   */
  resume(srtt: number, rttvar: number): void {
    if (srtt === 0) return;
    this.srtt = this.latest = srtt;
    this.rttvar = rttvar;
    this.#computeBase();
  }

  /** The SYN had to be sent again: start data with 3 s (RFC 6298 rule 5.7). */
  handshakeWasSlow(): void {
    if (this.srtt === 0) this.base = Math.max(this.base, 3_000);
  }

  #computeBase(): void {
    // The lower bound goes for the allowance: on a long and steady path the variation comes to
    // nothing, and the first delayed acknowledgment would be taken for a loss.
    const allowance = Math.max(GRANULARITY, 4 * this.rttvar, this.#options.minRto);
    this.base = Math.min(this.srtt + allowance, this.#options.maxRto);
  }
}
