import type { IpPacket } from "../ip/packet.ts";
import type { Route } from "../ip/output.ts";
import { ACK, CWR, ECE, RST, type Segment, SYN, TIMESTAMPS_LENGTH } from "../wire/tcp.ts";
import { updateSendWindow } from "./acknowledgment.ts";
import type { ConnectOutcome } from "./api.ts";
import type { CongestionName } from "./congestion.ts";
import { takeEcnSyn } from "./congestion_marks.ts";
import { sendResetForAck, sendSyn, timestampOf } from "./emit.ts";
import { armSendTimer } from "./send.ts";
import { seqGeq, seqGt, seqLeq } from "./sequence.ts";
import type { KeptSyn } from "./syn_cookies.ts";
import { type Acceptor, Tcb, type TcpServices } from "./tcb.ts";
import { teardown, transition } from "./transition.ts";

/** The MSS of a peer that announces none (RFC 9293 section 3.7.1). */
const DEFAULT_MSS = 536;
/** A smaller MSS only serves to make us send many tiny segments. */
const SMALLEST_MSS = 64;

/**
 * A SYN has come to a port that is listened on: a half-open connection begins
 * (RFC 9293 section 3.10.7.2).
 *
 * @param services The stack's TCP.
 * @param acceptor Who gets the connection once it is Established.
 * @param packet The packet.
 * @param segment Its segment: SYN without ACK and RST.
 * @param now Time in milliseconds.
 * @param after Our initial sequence number must come after this one (RFC 1122 section 4.2.2.13).
 */
export function passiveOpen(
  services: TcpServices,
  acceptor: Acceptor,
  packet: IpPacket,
  segment: Segment,
  now: number,
  after?: number,
): void {
  const { counters, options, table, halfOpen, secrets } = services;
  if (table.size >= options.connectionLimit) {
    counters.droppedTableFull++;
    return;
  }
  const full = halfOpen.size >= options.halfOpenLimit;
  if (full && !options.synCookies) {
    counters.droppedHalfOpenFull++;
    return;
  }
  const route = services.ip.route(packet.source, packet.destination);
  if (route === undefined) return;
  if (full) {
    answerWithCookie(services, route, segment, now);
    return;
  }
  const { sourcePort, destinationPort } = segment;
  let iss = secrets.initialSequence(route.local, destinationPort, route.remote, sourcePort, now);
  if (after !== undefined && seqLeq(iss, after)) iss = (after + SEQUENCE_GAP) | 0;

  const tcb = new Tcb(
    services,
    route,
    destinationPort,
    sourcePort,
    iss,
    DEFAULT_MSS,
    acceptor.congestion,
  );
  tcb.opening = acceptor;
  tcb.timestampOffset = timestampOffset(tcb);
  transition(tcb, "Passive_open");
  takeSyn(tcb, segment);
  takeEcnSyn(tcb, segment);
  table.add(tcb);
  halfOpen.add(tcb);
  counters.passiveOpens++;
  beginHandshake(tcb, now);
  sendSyn(tcb, true);
  transition(tcb, "Send_synack", iss);
}

/**
 * Answers a SYN without keeping anything of it: the connection begins with the acknowledgment, by
 * {@link openByCookie}. The block is made only to write the segment that it would have begun with.
 */
function answerWithCookie(
  services: TcpServices,
  route: Route,
  segment: Segment,
  now: number,
): void {
  const { cookies, counters } = services;
  const tcb = new Tcb(services, route, segment.destinationPort, segment.sourcePort, 0, DEFAULT_MSS);
  tcb.timestampOffset = timestampOffset(tcb);
  takeSyn(tcb, segment);
  let options: number | undefined;
  if (tcb.timestamps) {
    options = cookies.optionsOf(tcb.scaling ? tcb.sndScale : -1, tcb.sackPermitted);
    const timestamp = timestampOf(tcb);
    tcb.timestampOffset += cookies.stamp(timestamp, options) - timestamp;
  } else {
    tcb.scaling = false;
    tcb.sackPermitted = false;
  }
  tcb.iss = cookies.make(tcb, segment, options, now);
  counters.synCookiesSent++;
  sendSyn(tcb, true);
}

/**
 * The acknowledgment of a cookie has come: the connection that it stands for is as if its SYN had
 * been kept, and the segment is to be processed for it.
 *
 * @param services The stack's TCP.
 * @param acceptor Who gets the connection.
 * @param packet The packet.
 * @param segment Its segment.
 * @param kept What the cookie says of the SYN.
 * @param now Time in milliseconds.
 * @returns The connection in Syn_rcvd; `undefined` if there is no room: the peer will try again.
 */
export function openByCookie(
  services: TcpServices,
  acceptor: Acceptor,
  packet: IpPacket,
  segment: Segment,
  kept: KeptSyn,
  now: number,
): Tcb | undefined {
  const { cookies, counters, options, table, halfOpen } = services;
  if (table.size >= options.connectionLimit) {
    counters.droppedTableFull++;
    return undefined;
  }
  const route = services.ip.route(packet.source, packet.destination);
  if (route === undefined) return undefined;
  const iss = (segment.ack - 1) | 0;
  const tcb = new Tcb(
    services,
    route,
    segment.destinationPort,
    segment.sourcePort,
    iss,
    DEFAULT_MSS,
    acceptor.congestion,
  );
  tcb.opening = acceptor;
  tcb.timestampOffset = timestampOffset(tcb);
  transition(tcb, "Passive_open");
  const { hasTimestamps, timestamp, window } = segment;
  takeSyn(tcb, { ...kept, hasTimestamps, timestamp, window });
  tcb.sndNxt = tcb.sndMax = segment.ack;
  table.add(tcb);
  halfOpen.add(tcb);
  cookies.spend(segment, now);
  counters.synCookiesAccepted++;
  transition(tcb, "Send_synack", iss);
  return tcb;
}

/** How far beyond the old connection's last number a new one begins when its clock is behind. */
const SEQUENCE_GAP = 64_000;

/**
 * Begins an active open (RFC 9293 section 3.10.1). The SYN leaves with the next poll, by
 * {@link sendFirstSyn}.
 */
export function activeOpen(
  services: TcpServices,
  outcome: ConnectOutcome,
  route: Route,
  localPort: number,
  remotePort: number,
  congestion: CongestionName | undefined,
): Tcb {
  const { now, secrets, table, counters, options } = services;
  const iss = secrets.initialSequence(route.local, localPort, route.remote, remotePort, now);
  const tcb = new Tcb(services, route, localPort, remotePort, iss, DEFAULT_MSS, congestion);
  tcb.opening = outcome;
  tcb.timestampOffset = timestampOffset(tcb);
  tcb.rcvScale = scaleFor(options.receiveBuffer);
  table.add(tcb);
  counters.activeOpens++;
  services.touch(tcb);
  return tcb;
}

/** Sends the SYN of an active open. */
export function sendFirstSyn(tcb: Tcb, now: number): void {
  beginHandshake(tcb, now);
  sendSyn(tcb, false);
  transition(tcb, "Send_syn", tcb.iss);
}

/**
 * A segment in Syn_sent (RFC 9293 section 3.10.7.3).
 *
 * @returns Whether the connection is Established now and the rest of the segment counts.
 */
export function segmentInSynSent(tcb: Tcb, segment: Segment, now: number): boolean {
  const { flags, ack } = segment;
  const acknowledges = (flags & ACK) !== 0;
  if (acknowledges && !(seqGt(ack, tcb.iss) && seqLeq(ack, tcb.sndMax))) {
    if ((flags & RST) === 0) sendResetForAck(tcb, ack);
    tcb.services.counters.droppedBadAck++;
    return false;
  }
  if ((flags & RST) !== 0) {
    if (!acknowledges) {
      tcb.services.counters.droppedBadReset++;
      return false;
    }
    tcb.services.counters.resetsReceived++;
    transition(tcb, "Recv_rst");
    teardown(tcb, "refused");
    return false;
  }
  if ((flags & SYN) === 0) return false;

  takeSyn(tcb, segment);
  if (acknowledges) {
    takeEcnSyn(tcb, segment);
    establish(tcb, segment, "Recv_synack", now);
    tcb.ackNow = true;
    segment.seq = (segment.seq + 1) | 0; // What follows the SYN.
    return true;
  }
  // Simultaneous open (RFC 9293 section 3.5, figure 7).
  beginHandshake(tcb, now);
  sendSyn(tcb, true);
  transition(tcb, "Send_synack", tcb.iss);
  tcb.rearm();
  return false;
}

/**
 * The acknowledgment that completes a handshake: in Syn_rcvd, or the SYN-ACK in Syn_sent. The
 * connection is Established; whoever waits for it is told when the segment was processed whole.
 */
export function establish(
  tcb: Tcb,
  segment: Segment,
  event: "Recv_ack" | "Recv_synack",
  now: number,
): void {
  if (tcb.synSentAt >= 0) tcb.rto.measure(now - tcb.synSentAt);
  else if (tcb.retries > 0) tcb.rto.handshakeWasSlow();
  tcb.congestion.setSegmentSize(tcb.sndMss);
  tcb.congestion.start(tcb.retries > 0, tcb.rto.srtt, now);
  tcb.retries = 0;
  tcb.rto.backoffs = 0;
  tcb.sendTimer = "off";
  tcb.sendDeadline = Infinity;
  tcb.sndUna = segment.ack;
  tcb.sndSmall = segment.ack;
  tcb.sndWl1 = segment.seq;
  tcb.sndWl2 = segment.ack;
  if (event === "Recv_ack") updateSendWindow(tcb, segment);
  else tcb.sndWnd = tcb.maxSndWnd = segment.window; // A window in a SYN is not scaled.
  tcb.lastReceived = now;
  tcb.services.halfOpen.delete(tcb);
  tcb.services.counters.connectionsEstablished++;
  transition(tcb, event, segment.ack);
}

/**
 * A SYN in Syn_rcvd, without ACK and RST.
 *
 * @returns Whether it is one for a new connection in place of this one, which is gone: the peer
 *   has begun again with another number (RFC 9293 section 3.10.7.4: return to LISTEN).
 */
export function synInSynRcvd(tcb: Tcb, segment: Segment): boolean {
  if (segment.seq === tcb.irs) {
    // A SYN without the offer takes it back (RFC 3168 section 6.1.1).
    if ((segment.flags & (ECE | CWR)) === 0) tcb.ecn = undefined;
    sendSyn(tcb, true); // The peer has not seen our SYN-ACK.
    return false;
  }
  if (!tcb.services.halfOpen.has(tcb)) return false; // An active open has no LISTEN to return to.
  transition(tcb, "Timeout");
  teardown(tcb, "closed");
  return true;
}

function timestampOffset(tcb: Tcb): number {
  const { localAddress, localPort, remoteAddress, remotePort } = tcb;
  return tcb.services.secrets.timestampOffset(localAddress, localPort, remoteAddress, remotePort);
}

/** Sequence space and timer of our SYN. */
function beginHandshake(tcb: Tcb, now: number): void {
  tcb.sndNxt = (tcb.iss + 1) | 0;
  if (!seqGeq(tcb.sndMax, tcb.sndNxt)) {
    tcb.sndMax = tcb.sndNxt;
    tcb.synSentAt = now;
  } else tcb.synSentAt = -1; // Karn: the same SYN again.
  tcb.timeoutFrom = now;
  armSendTimer(tcb, now);
  tcb.rearm();
}

/** What counts of a SYN. */
type Syn =
  & Pick<Segment, "seq" | "mss" | "windowScale" | "sackPermitted">
  & Pick<Segment, "hasTimestamps" | "timestamp" | "window">;

/** Takes over what the peer's SYN says. */
function takeSyn(tcb: Tcb, segment: Syn): void {
  tcb.irs = segment.seq;
  tcb.rcvNxt = (segment.seq + 1) | 0;
  tcb.lastAckSent = tcb.rcvNxt; // by the SYN-ACK or the ACK that follows
  const { receiveBuffer, timestamps, sack } = tcb.services.options;
  tcb.rcvAdv = (tcb.rcvNxt + Math.min(receiveBuffer, 65_535)) | 0;
  tcb.scaling = segment.windowScale >= 0;
  tcb.sndScale = tcb.scaling ? segment.windowScale : 0;
  tcb.rcvScale = tcb.scaling ? scaleFor(receiveBuffer) : 0;
  tcb.sackPermitted = sack && segment.sackPermitted;
  tcb.timestamps = timestamps && segment.hasTimestamps;
  tcb.timestampRecent = tcb.timestamps ? segment.timestamp : 0;
  tcb.timestampRecentAt = tcb.services.now;
  // Options take their room from the payload (RFC 6691).
  const options = tcb.timestamps ? TIMESTAMPS_LENGTH : 0;
  const mss = Math.min(segment.mss || DEFAULT_MSS, tcb.localMss) - options;
  tcb.sndMss = Math.max(mss, SMALLEST_MSS);
  tcb.sndWnd = segment.window;
  tcb.maxSndWnd = segment.window;
  tcb.congestion.setSegmentSize(tcb.sndMss);
}

/** The smallest shift with which a window of this size fits the field (RFC 7323 section 2.2). */
function scaleFor(buffer: number): number {
  let scale = 0;
  while (scale < 14 && 65_535 << scale < buffer) scale++;
  return scale;
}
