/**
 * Explicit congestion notification of one connection (RFC 3168 section 6.1): a router marks instead
 * of dropping, the receiver says so in every segment until the sender has said that it has heard.
 */
export class Ecn {
  /** A mark has come, and the peer has not yet said that it has slowed down: ECE in all we send. */
  echoes = false;
  /** We have slowed down, and the next new data says so: CWR. */
  answers = false;
  /** Sequence number of the segment that last said so. */
  answeredAt: number | undefined = undefined;
}
