import { sendAck } from "./emit.ts";
import { keepAliveExpired } from "./keep_alive.ts";
import { mayRest, rest } from "./resting.ts";
import { giveUp, sendTimerExpired } from "./retransmission.ts";
import type { Tcb } from "./tcb.ts";
import { teardown, transition } from "./transition.ts";

/**
 * The wheel has come to a connection: whichever of its deadlines have passed are acted on, and it
 * is armed again for the earliest that remains.
 *
 * @param tcb The connection; it is the object that was armed, never another with its 4-tuple.
 * @param now Time in milliseconds.
 */
export function timersExpired(tcb: Tcb, now: number): void {
  if (tcb.waitDeadline <= now) {
    if (tcb.state === "Fin_wait_2") tcb.services.counters.finWait2Expired++;
    transition(tcb, "Timeout");
    teardown(tcb, "closed");
    return;
  }
  if (tcb.waitingSince + tcb.userTimeout <= now) {
    tcb.services.counters.userTimeouts++;
    giveUp(tcb);
    return;
  }
  if (tcb.sendDeadline <= now) {
    sendTimerExpired(tcb, now);
    if (tcb.state === "Closed") return;
  }
  if (tcb.paceDeadline <= now) {
    tcb.paceDeadline = Infinity;
    tcb.services.touch(tcb); // It leaves with this poll.
  }
  if (tcb.keepAliveDeadline <= now) {
    keepAliveExpired(tcb, now);
    if (tcb.state === "Closed") return;
  }
  if (tcb.ackDeadline <= now) sendAck(tcb);
  if (tcb.quietSince + tcb.services.options.restAfter <= now && mayRest(tcb)) rest(tcb);
  else tcb.rearm();
}
