/** Below this many milliseconds a round is one turn of an event loop rather than a round trip. */
const SHORTEST_ROUND = 1;
/** Segments that the window has beyond what was measured. */
const SPARE_SEGMENTS = 16;

/**
 * Auto-tuning of the receive buffer: the window shall never be what holds the peer back, and yet be
 * no larger than that takes. What the application reads in a round trip is what the peer can send
 * in one; twice as much leaves room for a loss to be mended, and more while the peer speeds up
 * ("dynamic right-sizing", Fisk and Feng 2001). The buffer never shrinks by it: what was once
 * offered is not taken back.
 */
export class ReceiveTuning {
  /** Size of the receive buffer in bytes. */
  limit: number;
  #roundAt: number;
  #readBefore: number;
  /** The most that was read in a round. */
  #most = 0;

  /**
   * @param limit First size in bytes.
   * @param read Bytes that the application has read so far.
   * @param now Time in milliseconds.
   */
  constructor(limit: number, read: number, now: number) {
    this.limit = limit;
    this.#roundAt = now;
    this.#readBefore = read;
  }

  /**
   * The application has read.
   *
   * @param read Bytes that it has read in all.
   * @param rtt Round-trip time in milliseconds.
   * @param mss Segment size in bytes.
   * @param most Largest size of the buffer in bytes.
   * @param now Time in milliseconds.
   */
  measure(read: number, rtt: number, mss: number, most: number, now: number): void {
    const elapsed = now - this.#roundAt;
    if (elapsed < rtt) return;
    // A pause of the application's is no measure of what the peer can send in a round trip.
    const part = Math.min(Math.max(rtt, SHORTEST_ROUND) / elapsed, 1);
    const count = (read - this.#readBefore) * part;
    this.#roundAt = now;
    this.#readBefore = read;
    if (count <= this.#most) return;
    const growth = this.#most === 0 ? 2 : Math.min(count / this.#most, 2);
    this.#most = count;
    const wanted = Math.ceil(2 * count * growth) + SPARE_SEGMENTS * mss;
    this.limit = Math.max(this.limit, Math.min(wanted, most));
  }
}
