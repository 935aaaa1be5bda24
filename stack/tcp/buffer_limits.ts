import { ReceiveTuning } from "./receive_tuning.ts";
import type { Tcb } from "./tcb.ts";

/** What a receive buffer begins with, in bytes: the largest window that a SYN can offer. */
const FIRST_RECEIVE_BUFFER = 65_536;
/** What the only send buffer in use has at least, in bytes: all of it stays in the processor's cache. */
const FIRST_SEND_BUFFER = 262_144;
/** What each of many has at least while memory lasts. */
const LEAST_SEND_BUFFER = 131_072;
/** No path delivers more bytes than this in a millisecond: 100 Gbit/s. */
const FASTEST_PATH = 12_500_000;
/** Segments that a connection may have waiting each way while memory is scarce. */
const SCARCE_SEGMENTS = 4;

/** Bytes that may wait for the application: what the window is made of. */
export function receiveLimit(tcb: Tcb): number {
  const { options, pool } = tcb.services;
  const limit = tcb.receiveTuning === undefined
    ? Math.min(options.receiveBuffer, FIRST_RECEIVE_BUFFER)
    : tcb.receiveTuning.limit;
  return pool.scarce ? Math.min(limit, SCARCE_SEGMENTS * tcb.localMss) : limit;
}

/**
 * Bytes that may wait to be acknowledged: twice what may be in flight, so that the window can grow
 * and the application is not what keeps the wire idle.
 */
export function sendLimit(tcb: Tcb): number {
  const { options, pool } = tcb.services;
  if (pool.scarce) return Math.min(options.sendBuffer, SCARCE_SEGMENTS * tcb.sndMss);
  // The fastest path is shared by all who have data under way.
  const usable = Math.max(FIRST_SEND_BUFFER, FASTEST_PATH * shortestRoundTrip(tcb)) / pool.buffers;
  const wanted = Math.min(Math.max(FIRST_SEND_BUFFER, 2 * tcb.congestion.cwnd), usable);
  return Math.min(options.sendBuffer, Math.max(LEAST_SEND_BUFFER, Math.floor(wanted)));
}

/** The round-trip time of the empty path in milliseconds; `Infinity` while it is not known. */
function shortestRoundTrip(tcb: Tcb): number {
  return tcb.recovery?.rack.minRtt ?? Infinity;
}

/** The application has read: the receive buffer follows. */
export function applicationRead(tcb: Tcb): void {
  const { options, now } = tcb.services;
  const { receiveBuffer } = options;
  const read = tcb.bytesReceived - tcb.receiveQueued;
  const tuning = tcb.receiveTuning;
  if (tuning !== undefined) {
    // The time on an empty path: a window that follows the queue makes it longer and longer.
    const rtt = Math.min(tcb.rto.srtt, tcb.recovery?.rack.minRtt ?? Infinity);
    tuning.measure(read, rtt, tcb.localMss, receiveBuffer, now);
  } else if (receiveBuffer > FIRST_RECEIVE_BUFFER) {
    tcb.receiveTuning = new ReceiveTuning(FIRST_RECEIVE_BUFFER, read, now);
  }
}
