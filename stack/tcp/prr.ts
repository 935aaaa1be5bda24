/**
 * Proportional Rate Reduction (RFC 9937): during recovery, sending follows what the peer reports as
 * delivered, so that the window comes down to ssthresh by its end, neither at once nor in bursts.
 */
export class ProportionalRateReduction {
  #flightAtStart = 1;
  #delivered = 0;
  #sent = 0;

  /** @param inFlight Bytes in flight when the recovery began. */
  begin(inFlight: number): void {
    this.#flightAtStart = Math.max(inFlight, 1);
    this.#delivered = 0;
    this.#sent = 0;
  }

  /** Counts bytes sent during the recovery. */
  sent(bytes: number): void {
    this.#sent += bytes;
  }

  /**
   * The congestion window after an acknowledgment.
   *
   * @param delivered Bytes that it reports as delivered.
   * @param pipe Bytes in flight now.
   * @param ssthresh Where the window shall come to.
   * @param safe SND.UNA advanced and no further loss was found.
   * @param mss Segment size.
   */
  window(delivered: number, pipe: number, ssthresh: number, safe: boolean, mss: number): number {
    this.#delivered += delivered;
    let count: number;
    if (pipe > ssthresh) {
      count = Math.ceil(this.#delivered * ssthresh / this.#flightAtStart) - this.#sent;
    } else {
      count = Math.max(this.#delivered - this.#sent, delivered);
      if (safe) count += mss;
      count = Math.min(count, ssthresh - pipe);
    }
    // The first retransmission leaves at once.
    if (this.#sent === 0) count = Math.max(count, mss);
    return pipe + Math.max(count, 0);
  }
}
