import { seqGt } from "./sequence.ts";

/**
 * A range of sequence space that left at one time: one segment, or many in a row. It is split when
 * its parts meet different fates.
 */
export class Transmission {
  /** First sequence number. */
  start = 0;
  /** Sequence number after the last. */
  end = 0;
  /** When it was last sent, in milliseconds. */
  sentAt = 0;
  /** It was sent more than once. */
  retransmitted = false;
  /** The peer has it (RFC 2018). */
  sacked = false;
  /** It is taken for lost and is to be sent again, or has been. */
  lost = false;
  /** Lost, sent again, and that is in flight. */
  repeated = false;
  // What was the case when it was last sent: see DeliveryRate.
  /** P.delivered: bytes that had been delivered. */
  delivered = 0;
  /** P.delivered_time: when the last of them had been. */
  deliveredTime = 0;
  /** P.first_sent_time: when those had been sent. */
  firstSentTime = 0;
  /** P.lost: bytes that had been given up. */
  lostBefore = 0;
  /** P.tx_in_flight: bytes in flight, itself included, up to its last byte. */
  txInFlight = 0;
  /** P.is_app_limited: the application had paused before. */
  isAppLimited = false;
  /** Neighbors in the order of sequence numbers. */
  next: Transmission | undefined = undefined;
  /** Neighbors in the order of sequence numbers. */
  previous: Transmission | undefined = undefined;
  /** Neighbors in the order of sending; only of those that may yet arrive. */
  later: Transmission | undefined = undefined;
  /** Neighbors in the order of sending. */
  earlier: Transmission | undefined = undefined;
  /** In the order of sending. */
  timed = false;
  /** Cut off the one before it by a SACK block. */
  cut = false;
  // In the tree: see RangeTree.
  /** The one below that has lower sequence numbers. */
  left: Transmission | undefined = undefined;
  /** The one below that has higher sequence numbers. */
  right: Transmission | undefined = undefined;
  /** The one above. */
  parent: Transmission | undefined = undefined;
  /** How many there are one below the other, itself included. */
  height = 1;
  /** Itself or one below it {@link Transmission.waits}. */
  somethingWaits = false;

  /** It is lost and has not been sent again. */
  get waits(): boolean {
    return this.lost && !this.repeated;
  }
}

/** Ranges that are no longer used, for the next ones. */
const spare: Transmission[] = [];
const MOST_SPARE = 4_096;

/** A range in flight, new or used before. */
export function takeTransmission(start: number, end: number, now: number): Transmission {
  const range = spare.pop() ?? new Transmission();
  range.start = start;
  range.end = end;
  range.sentAt = now;
  range.retransmitted =
    range.sacked =
    range.lost =
    range.repeated =
      false;
  range.next =
    range.previous =
    range.later =
    range.earlier =
      undefined;
  range.timed = range.cut = false;
  return range;
}

/** Takes back a range that nothing refers to any more. */
export function giveTransmission(range: Transmission): void {
  range.next =
    range.previous =
    range.later =
    range.earlier =
    range.left =
    range.right =
    range.parent =
      undefined;
  if (spare.length < MOST_SPARE) spare.push(range);
}

/** Whether the first of two transmissions left after the second (RFC 8985 section 5.2). */
export function sentAfter(timeA: number, endA: number, timeB: number, endB: number): boolean {
  return timeA > timeB || timeA === timeB && seqGt(endA, endB);
}
