import type { ConnectionInfo } from "./api.ts";
import type { Tcb } from "./tcb.ts";
import { SendLimits } from "./send_limits.ts";
import { stateOf } from "./transition.ts";

/** A snapshot of a connection, at the time that the clock says. */
export function infoOf(tcb: Tcb): ConnectionInfo {
  const { rto, congestion, recovery, services } = tcb;
  const flight = recovery?.flight;
  const now = Math.max(services.now, services.clock?.() ?? 0);
  return {
    state: stateOf(tcb),
    congestion: congestion.name,
    phase: recovery?.phase ?? "open",
    rtt: rto.srtt,
    rttvar: rto.rttvar,
    // The handshake is measured, too, but not by RACK: a mean is never below what it is made of.
    minRtt: Math.min(recovery?.rack.minRtt ?? Infinity, rto.srtt),
    rto: rto.base,
    backoffs: rto.backoffs,
    cwnd: congestion.cwnd,
    ssthresh: congestion.ssthresh,
    pacingRate: congestion.pacingRate * 1000,
    deliveryRate: (flight?.delivery.rate ?? 0) * 1000,
    mss: tcb.sndMss,
    inFlight: tcb.inFlight,
    sacked: flight?.sackedBytes ?? 0,
    lost: flight?.lostBytes ?? 0,
    delivered: flight?.delivery.delivered ?? 0,
    lostInAll: flight?.delivery.lost ?? 0,
    retransmissions: tcb.retransmissions,
    reordering: recovery?.rack.reorderingSeen ?? false,
    sack: tcb.sackPermitted,
    timestamps: tcb.timestamps,
    ecn: tcb.ecn !== undefined,
    sendScale: tcb.scaling ? tcb.sndScale : undefined,
    receiveScale: tcb.scaling ? tcb.rcvScale : undefined,
    sendQueued: tcb.sendQueued,
    sendWindow: tcb.sndWnd,
    receiveWindow: Math.max(tcb.rcvWnd, 0),
    receiveQueued: tcb.receiveQueued,
    receiveAhead: tcb.ahead?.bytes ?? 0,
    bytesAcknowledged: tcb.bytesAcknowledged,
    bytesReceived: tcb.bytesReceived,
    limit: tcb.limits?.current ?? "idle",
    limited: (tcb.limits ?? new SendLimits(now)).times(now),
  };
}
