/** A burst lasts about as long as this at the pacing rate, in milliseconds. */
const BURST_TIME = 1;
/** The largest burst in bytes. */
const LARGEST_BURST = 64 << 10;
/** Below this rate, in bytes per millisecond, segments leave one by one: 1.2 Mbit/s. */
const SLOW = 150;
/** How late a timer may be, in milliseconds, for the time to be made up for. */
const CREDIT = 2;

/**
 * Spreads what is sent over time, so that it does not queue up at the bottleneck: bursts of about a
 * millisecond's worth, so that timers of a millisecond are good enough and segments can be sent
 * together (draft-ietf-ccwg-bbr section 5.6.3, BBR.send_quantum).
 */
export class Pacer {
  /** When all that was sent would have left, had it left at the rate: the next burst begins then. */
  next = -Infinity;
  /** Bytes that may still leave with this burst. */
  left = 0;

  /**
   * Whether a segment may leave now.
   *
   * @param rate Bytes per millisecond.
   * @param mss Segment size in bytes.
   * @param now Time in milliseconds.
   */
  ready(rate: number, mss: number, now: number): boolean {
    if (this.left > 0) return true;
    if (now < this.next) return false;
    this.left = sendQuantum(rate, mss);
    return true;
  }

  /**
   * A segment leaves.
   *
   * @param bytes Its payload.
   * @param rate Bytes per millisecond.
   * @param now Time in milliseconds.
   */
  sent(bytes: number, rate: number, now: number): void {
    this.left -= bytes;
    this.next = Math.max(this.next, now - CREDIT) + bytes / rate;
  }
}

/** The size of a burst in bytes at a rate in bytes per millisecond. */
export function sendQuantum(rate: number, mss: number): number {
  const least = rate < SLOW ? mss : 2 * mss;
  return Math.max(Math.min(rate * BURST_TIME, LARGEST_BURST), least);
}
