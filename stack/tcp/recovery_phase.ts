/**
 * Where the sender stands with losses.
 *
 * - `"open"`: none is known.
 * - `"recovery"`: found by RACK or duplicate ACKs; the window follows PRR.
 * - `"loss"`: found by the retransmission timer; slow start from one segment.
 */
export type RecoveryPhase = "open" | "recovery" | "loss";
