import { emitProbe } from "./emit.ts";
import { giveUp } from "./retransmission.ts";
import { canReceive } from "./state.ts";
import type { Tcb } from "./tcb.ts";

/**
 * Starts the watch over a silent peer, where the connection asks for it (RFC 9293 section 3.8.4).
 * The deadline is not moved with every segment: when it comes, the time of the last one counts.
 */
export function armKeepAlive(tcb: Tcb): void {
  if (tcb.keepAlive !== undefined && tcb.keepAliveDeadline === Infinity && watches(tcb)) {
    tcb.keepAliveDeadline = tcb.lastReceived + tcb.keepAlive.idle;
  }
}

/** The keepalive deadline has come. */
export function keepAliveExpired(tcb: Tcb, now: number): void {
  const keepAlive = tcb.keepAlive;
  tcb.keepAliveDeadline = Infinity;
  if (keepAlive === undefined || !watches(tcb)) return;
  const quietUntil = tcb.lastReceived + keepAlive.idle;
  if (tcb.inFlight > 0 || (tcb.keepAliveProbes === 0 && now < quietUntil)) {
    // Retransmission watches over what is in flight; otherwise the peer has spoken since.
    tcb.keepAliveDeadline = Math.max(quietUntil, now + keepAlive.interval);
    return;
  }
  if (tcb.keepAliveProbes >= keepAlive.probes) {
    giveUp(tcb);
    return;
  }
  tcb.keepAliveProbes++;
  tcb.services.counters.keepAliveProbes++;
  emitProbe(tcb);
  tcb.keepAliveDeadline = now + keepAlive.interval;
}

function watches(tcb: Tcb): boolean {
  return canReceive(tcb.state) || tcb.state === "Close_wait";
}
