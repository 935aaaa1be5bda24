import { ACK, FIN, RST, type Segment, SYN } from "../wire/tcp.ts";
import { OUT_OF_WINDOW_ACK_INTERVAL, sendTimeWaitAck } from "./emit.ts";
import { isInWindow, seqDiff, seqGeq, seqGt } from "./sequence.ts";
import type { TcpServices } from "./tcb.ts";
import type { TimeWait } from "./time_wait.ts";
import { startTimeWait } from "./transition.ts";

/**
 * TIME_WAIT: only a repeated FIN counts (RFC 9293 section 3.10.7.4); a RST does not (RFC 1337). A
 * SYN that may begin a new connection has been looked at before, with {@link isNewer}.
 */
export function segmentInTimeWait(
  services: TcpServices,
  memory: TimeWait,
  segment: Segment,
  now: number,
): void {
  const { flags, seq, length } = segment;
  if ((flags & RST) !== 0) return;
  const { timeWait } = services;
  const fin = (flags & FIN) !== 0 ? 1 : 0;
  if (fin === 1 && seqDiff((seq + length) | 0, memory.rcvNxt) === -1) {
    // One answer to all that come in one batch: the first closes the peer, a second would be reset.
    timeWait.owe(memory);
    timeWait.delete(memory);
    startTimeWait(services, memory, now);
    return;
  }
  const brings = (flags & ACK) !== 0 && length + fin > 0;
  const inWindow = isInWindow(seqDiff(seq, memory.rcvNxt), length + fin, memory.rcvWnd);
  if (!brings && (flags & SYN) === 0 && inWindow) return;
  if (now - memory.lastOutOfWindowAck < OUT_OF_WINDOW_ACK_INTERVAL) return;
  memory.lastOutOfWindowAck = now;
  sendTimeWaitAck(services, memory);
}

/** A SYN that cannot be an old one of the connection before (RFC 6191 section 2). */
export function isNewer(memory: TimeWait, segment: Segment): boolean {
  const { timestamps, timestampRecent } = memory;
  if (segment.hasTimestamps) {
    // Without timestamps nothing of the old one can pass for the new one's.
    if (!timestamps) return true;
    if (segment.timestamp !== timestampRecent) return seqGt(segment.timestamp, timestampRecent);
  }
  return seqGeq(segment.seq, memory.rcvNxt); // The last number of the one before is its FIN's.
}
