import { FIN, PSH } from "../wire/tcp.ts";
import { tell } from "./congestion_event.ts";
import { sendSegment, sendSyn } from "./emit.ts";
import { LossRecovery } from "./loss_recovery.ts";
import {
  armSendTimer,
  countRetransmission,
  firstSegmentOf,
  lastSegment,
  retransmit,
  transmitNew,
} from "./send.ts";
import { seqGt } from "./sequence.ts";
import type { Tcb } from "./tcb.ts";
import { teardown, transition } from "./transition.ts";

/**
 * The send timer has expired.
 *
 * @param tcb The connection.
 * @param now Time in milliseconds.
 */
export function sendTimerExpired(tcb: Tcb, now: number): void {
  switch (tcb.sendTimer) {
    case "reorder":
      tcb.recovery!.reorderTimeoutExpired(tcb, now);
      armSendTimer(tcb, now);
      tcb.services.touch(tcb); // What was found to be lost leaves with this poll.
      return;
    case "probe":
      probeTail(tcb, now);
      return;
  }
  if (tcb.retries >= retryLimit(tcb)) {
    giveUp(tcb);
    return;
  }
  tcb.retries++;
  if (tcb.sendTimer === "persist") {
    persist(tcb, now);
    return;
  }
  tcb.services.counters.retransmissionTimeouts++;
  if (tcb.state === "Syn_sent" || tcb.state === "Syn_rcvd") repeatSyn(tcb, now);
  else repeatData(tcb, now);
}

/** The peer did not answer for too long. */
export function giveUp(tcb: Tcb): void {
  const { counters } = tcb.services;
  if (tcb.state === "Syn_rcvd" && tcb.services.halfOpen.has(tcb)) counters.halfOpenTimedOut++;
  else counters.connectionsTimedOut++;
  if (tcb.discarding) counters.orphansTimedOut++;
  transition(tcb, "Timeout");
  teardown(tcb, tcb.softError ? "unreachable" : "timeout");
}

function retryLimit(tcb: Tcb): number {
  const { options } = tcb.services;
  if (tcb.state === "Syn_sent") return options.synRetransmissions;
  if (tcb.state === "Syn_rcvd") return options.synAckRetransmissions;
  return tcb.discarding ? options.orphanRetransmissions : options.retransmissions;
}

function repeatSyn(tcb: Tcb, now: number): void {
  tcb.rto.backoffs++;
  tcb.synSentAt = -1; // Karn
  countRetransmission(tcb);
  sendSyn(tcb, tcb.state === "Syn_rcvd");
  tcb.timeoutFrom = now;
  armSendTimer(tcb, now);
}

/** RFC 6298 section 5: the first segment again, in a window of one, and twice as much patience. */
function repeatData(tcb: Tcb, now: number): void {
  const recovery = tcb.recovery!;
  recovery.timedOut(tcb, now);
  tcb.rto.backoffs++;
  tcb.timeoutFrom = now;
  tcb.pathMtu?.timedOut(tcb, firstSegmentOf(tcb, recovery.flight.head!), now);
  // This one leaves whatever the peer's window says: it was inside it once, and doubles as a probe.
  retransmit(tcb, recovery.flight.head!, now);
}

/** Tail loss probe (RFC 8985 section 7.3): something new, or else the last segment again. */
function probeTail(tcb: Tcb, now: number): void {
  const recovery = tcb.recovery!;
  const at = (tcb.sndNxt - tcb.sndUna) | 0;
  const fresh = Math.min(tcb.sendQueued - at, tcb.sndWnd - at, tcb.sndMss);
  tcb.services.counters.tailLossProbes++;
  if (fresh > 0) transmitNew(tcb, at, fresh, at + fresh === tcb.sendQueued ? PSH : 0, now);
  else {
    const last = recovery.flight.lastRange(lastSegment(tcb));
    if (last !== undefined) retransmit(tcb, last, now);
  }
  recovery.probed(tcb, fresh <= 0);
  tell(tcb, "tail-loss-probe");
  tcb.timeoutFrom = now;
  armSendTimer(tcb, now);
}

/**
 * The persist timer (RFC 9293 section 3.8.6.1): nothing is in flight that would bring an answer. With
 * a window of zero, one byte beyond it makes the peer say what its window is now; with one too small
 * for a decent segment, or a link that was full, what fits is sent at last (section 3.8.6.2.1, the
 * override timeout).
 */
function persist(tcb: Tcb, now: number): void {
  const closed = tcb.sndWnd === 0 && tcb.sendQueued > 0; // A FIN needs no window.
  if (!closed && sendWhatFits(tcb, now)) return;
  tcb.rto.backoffs++;
  tcb.sendDeadline = now + tcb.rto.current;
  if (closed) probeWindow(tcb);
}

/** @returns `false` if the link is full. */
function sendWhatFits(tcb: Tcb, now: number): boolean {
  const queued = tcb.sendQueued;
  tcb.recovery ??= new LossRecovery(tcb.sndUna, tcb.congestion.model);
  const length = Math.min(queued, tcb.sndWnd, tcb.sndMss);
  const last = length === queued;
  const flags = (last && length > 0 ? PSH : 0) | (last && tcb.finQueued ? FIN : 0);
  return transmitNew(tcb, 0, length, flags, now);
}

function probeWindow(tcb: Tcb): void {
  tcb.services.counters.windowProbes++;
  const end = (tcb.sndUna + 1) | 0;
  if (seqGt(end, tcb.sndMax)) tcb.sndMax = end;
  sendSegment(tcb, tcb.sndUna, 0, 0, 1);
}
