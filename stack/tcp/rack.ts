import type { Flight } from "./flight.ts";
import { seqGeq, seqGt, seqLt } from "./sequence.ts";
import { sentAfter, type Transmission } from "./transmission.ts";

/** How long a smallest round-trip time is believed, in milliseconds. */
const MIN_RTT_WINDOW = 10_000;
/** Recoveries for which a wider reordering window stays (RFC 8985 section 6.2). */
const WINDOW_PERSISTS = 16;
/** Segments beyond a hole that mean a loss while no reordering was ever seen. */
const DUPLICATE_THRESHOLD = 3;

/**
 * RACK (RFC 8985): a transmission is lost when one that was sent sufficiently later has arrived.
 * Time takes the place of counting duplicate ACKs, so that lost retransmissions and the ends of
 * flights are found as well, and reordering within a quarter of a round trip is forgiven.
 */
export class Rack {
  /** When the most recently sent of those that have arrived was sent; -1 before the first. */
  #sentAt = -1;
  /** Its end. */
  #end = 0;
  /** Its round-trip time in milliseconds. */
  #rtt = 0;
  /** The smallest round-trip time of late, in milliseconds. */
  minRtt = Infinity;
  #minRttAt = 0;
  /** The highest sequence number that has arrived. */
  #highest: number | undefined = undefined;
  /** A segment has arrived after one that was sent later. */
  reorderingSeen = false;
  #windowFactor = 1;
  #persist = 0;
  /** SND.NXT when a D-SACK last widened the window; one counts per round trip. */
  #dsackRound: number | undefined = undefined;

  /** Takes note of a round-trip time. */
  measured(rtt: number, now: number): void {
    if (rtt <= this.minRtt || now - this.#minRttAt > MIN_RTT_WINDOW) {
      this.minRtt = rtt;
      this.#minRttAt = now;
    }
  }

  /**
   * A range has arrived (RFC 8985 section 6.2, steps 2 and 3).
   *
   * @param range The range, as it was in flight.
   * @param isOriginal Whether it can be told that an earlier transmission of it arrived.
   */
  delivered(range: Transmission, isOriginal: boolean, now: number): void {
    if (this.#highest === undefined || seqGt(range.end, this.#highest)) this.#highest = range.end;
    else if (!range.retransmitted && seqLt(range.end, this.#highest)) this.reorderingSeen = true;
    const rtt = now - range.sentAt;
    // The acknowledgment of a retransmission that comes too soon is that of the original.
    if (range.retransmitted && (isOriginal || rtt < this.minRtt)) return;
    if (this.#sentAt < 0 || sentAfter(range.sentAt, range.end, this.#sentAt, this.#end)) {
      this.#sentAt = range.sentAt;
      this.#end = range.end;
      this.#rtt = rtt;
    }
  }

  /** A D-SACK says that a retransmission was needless: reordering is wider than was thought. */
  duplicateReported(una: number, nxt: number): void {
    if (this.#dsackRound !== undefined && !seqGeq(una, this.#dsackRound)) return;
    this.#dsackRound = nxt;
    this.#windowFactor++;
    this.#persist = WINDOW_PERSISTS;
  }

  /** A recovery is over. */
  recovered(): void {
    if (this.#persist > 0 && --this.#persist === 0) this.#windowFactor = 1;
  }

  /**
   * Gives up what was sent long enough before something that has arrived (step 5).
   *
   * @param inRecovery A recovery is under way.
   * @param srtt Smoothed round-trip time in milliseconds.
   * @param mss Segment size in bytes.
   * @returns In how many milliseconds to look again, 0 if there is no need.
   */
  detect(flight: Flight, inRecovery: boolean, srtt: number, mss: number, now: number): number {
    if (this.#sentAt < 0) return 0;
    const window = this.#reorderingWindow(flight, inRecovery, srtt, mss);
    for (let range = flight.oldest; range !== undefined;) {
      if (!sentAfter(this.#sentAt, this.#end, range.sentAt, range.end)) {
        // A row of segments that left at one time may have arrived in part.
        if (range.sentAt !== this.#sentAt) return 0;
        range = range.later;
        continue;
      }
      const remaining = range.sentAt + this.#rtt + window - now;
      // What remains is a difference of sums: below a microsecond it is rounding.
      if (remaining > 0.001) return remaining;
      // What leaves at this very moment cannot be lost: on a path that takes no time two ends would
      // send and report the same for ever.
      if (range.sentAt >= now) return 1;
      const later: Transmission | undefined = range.later;
      flight.markLost(range);
      range = later;
    }
    return 0;
  }

  /** After a timeout: what was sent less than a round trip ago may yet arrive (section 6.3). */
  markLostOnTimeout(flight: Flight, srtt: number, mss: number, now: number): void {
    const window = this.#reorderingWindow(flight, true, srtt, mss);
    const first = flight.head;
    if (first !== undefined && !first.sacked) flight.markLost(first);
    for (let range = flight.oldest; range !== undefined;) {
      if (range.sentAt + this.#rtt + window > now) return;
      const later: Transmission | undefined = range.later;
      flight.markLost(range);
      range = later;
    }
  }

  #reorderingWindow(flight: Flight, inRecovery: boolean, srtt: number, mss: number): number {
    if (!this.reorderingSeen) {
      if (inRecovery) return 0;
      if (flight.sackedBytes >= DUPLICATE_THRESHOLD * mss) return 0;
    }
    return Math.min(this.#windowFactor * this.minRtt / 4, srtt);
  }
}
