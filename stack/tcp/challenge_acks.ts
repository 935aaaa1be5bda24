/** Challenge ACKs that one connection may have at once (RFC 5961 section 7). */
const PER_CONNECTION = 10;
/** Time in which it may have no more than those, in milliseconds. */
const CONNECTION_INTERVAL = 5_000;
/** Time for which the stack's budget is drawn, in milliseconds. */
const BUDGET_INTERVAL = 1_000;

/** What is kept of the challenges in each connection. */
export interface Challenged {
  /** Challenge ACKs sent since {@link Challenged.challengedSince}. */
  challenges: number;
  /** When they began to be counted, in milliseconds. */
  challengedSince: number;
}

/** Whether what a connection has counted still limits it. */
export function isChallenged(connection: Challenged, now: number): boolean {
  return now - connection.challengedSince < CONNECTION_INTERVAL;
}

/**
 * Limits challenge ACKs (RFC 5961 section 7) so that the limit itself tells nothing.
 *
 * A limit for the whole stack is a channel between its connections (CVE-2016-5696): who uses it up
 * on connections of his own and counts the answers learns whether somebody else's connection was
 * challenged by what he has sent in its name. So each connection has a limit of its own, which
 * concerns nobody else; and the stack's, which only a crowd can reach, is another number in each
 * second, from half the mean to one and a half of it: a count says nothing about one more or less.
 */
export class ChallengeAcks {
  readonly #mean: number;
  readonly #random: () => number;
  #left = 0;
  #drawnAt = -Infinity;

  /**
   * @param perSecond What the stack sends in a second at most, in the mean.
   * @param random Gives uniform unsigned 32-bit integers.
   */
  constructor(perSecond: number, random: () => number) {
    this.#mean = perSecond;
    this.#random = random;
  }

  /**
   * Whether a challenge ACK may be sent now; if so, it counts.
   *
   * @param connection The connection.
   * @param now Time in milliseconds.
   * @returns `"limited"`: the connection has had enough; `"exhausted"`: the stack has.
   */
  take(connection: Challenged, now: number): "granted" | "limited" | "exhausted" {
    if (!isChallenged(connection, now)) {
      connection.challengedSince = now;
      connection.challenges = 0;
    }
    if (connection.challenges >= PER_CONNECTION) return "limited";
    if (now - this.#drawnAt >= BUDGET_INTERVAL) {
      this.#drawnAt = now;
      this.#left = Math.ceil(this.#mean * (0.5 + this.#random() / 2 ** 32));
    }
    if (this.#left <= 0) return "exhausted";
    this.#left--;
    connection.challenges++;
    return "granted";
  }
}
