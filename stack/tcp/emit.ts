import type { IpPacket } from "../ip/packet.ts";
import { type IpOutput, type Route, TRANSPORT_OFFSET } from "../ip/output.ts";
import { fold, foldPartial, sum } from "../wire/checksum.ts";
import { ECN_CAPABLE } from "../wire/ipv4.ts";
import { PROTOCOL_TCP } from "../wire/protocol.ts";
import {
  ACK,
  CHECKSUM,
  FIN,
  MAX_SACK_BLOCKS,
  RST,
  type Segment,
  SYN,
  TCP_HEADER_LENGTH,
  writeSackBlocks,
  writeSegment,
  writeSynOptions,
  writeTimestamps,
} from "../wire/tcp.ts";
import { receiveLimit } from "./buffer_limits.ts";
import type { ByteRing } from "./byte_ring.ts";
import { ecnFlags, ecnSynFlags } from "./congestion_marks.ts";
import { seqDiff } from "./sequence.ts";
import { isSynchronized } from "./state.ts";
import type { Tcb, TcpServices } from "./tcb.ts";
import type { TimeWait } from "./time_wait.ts";

/** The largest value of the window field. */
const MAX_WINDOW_FIELD = 65_535;
/** From this many bytes on a payload is sent from where it lies; below it a copy is cheaper. */
const GATHER_FROM = 4096;
/** Time between two answers to segments outside the window that carry nothing, in milliseconds. */
export const OUT_OF_WINDOW_ACK_INTERVAL = 100;

/**
 * Sends one segment of a connection, with the acknowledgment and the window of this moment.
 *
 * @param tcb The connection.
 * @param seq Its sequence number.
 * @param flags Control bits; ACK is added.
 * @param at Position in the send buffer of the first payload byte.
 * @param length Payload bytes.
 * @param size Payload of one segment: where there is more, the link splits it.
 * @returns Whether the link took it.
 */
export function sendSegment(
  tcb: Tcb,
  seq: number,
  flags: number,
  at: number,
  length: number,
  size: number = length,
): boolean {
  const { ip } = tcb.services;
  const headerLength = writeOptions(tcb, length === 0);
  if (length > 0) attachPayload(ip, tcb.sendRing!, at, length, headerLength);
  const window = advertisedWindow(tcb);
  tcb.unacknowledged = 0;
  tcb.ackNow = false;
  tcb.ackDeadline = Infinity;
  tcb.lastAckSent = tcb.rcvNxt;
  let mark = 0;
  if (tcb.ecn !== undefined) {
    const isNewData = length > 0 && seq === tcb.sndMax;
    flags |= ecnFlags(tcb.ecn, seq, isNewData);
    // Neither acknowledgments nor what is sent again may be marked (RFC 3168 section 6.1.4, 6.1.5).
    if (isNewData) mark = ECN_CAPABLE;
  }
  if (length > size) {
    ip.frame.segmentSize = size;
    ip.frame.headerLength = headerLength;
  }
  const mayFragment = tcb.pathMtu !== undefined && tcb.pathMtu.mayFragment && size <= tcb.sndMss;
  return emit(tcb, seq, tcb.rcvNxt, flags | ACK, window, headerLength, length, mark, mayFragment);
}

/** Has the payload follow the header in the transmit frame, copied or from where it lies. */
function attachPayload(
  ip: IpOutput,
  ring: ByteRing,
  at: number,
  length: number,
  headerLength: number,
): void {
  const from = ip.gather && length >= GATHER_FROM ? ring.locate(at, length) : -1;
  if (from >= 0) ip.frame.setApart(ring.memory, from, length);
  else ring.peek(at, ip.frame.bytes, TRANSPORT_OFFSET + headerLength, length);
}

/**
 * Options of the segments after the handshake.
 *
 * @param withSack Report what lies ahead: acknowledgments do, whereas data would lose room by it,
 *   and every segment that comes ahead of its turn causes an acknowledgment anyway.
 * @returns Length of the header with them.
 */
function writeOptions(tcb: Tcb, withSack: boolean): number {
  const { bytes } = tcb.services.ip.frame;
  let at = TRANSPORT_OFFSET + TCP_HEADER_LENGTH;
  if (tcb.timestamps) {
    at = writeTimestamps(bytes, at, timestampOf(tcb), tcb.timestampRecent);
  }
  if (withSack && tcb.sackReport !== undefined) {
    const { starts, ends } = tcb.sackReport;
    const count = tcb.sackReport.collect(tcb.ahead, tcb.timestamps ? 3 : MAX_SACK_BLOCKS);
    if (count > 0) at = writeSackBlocks(bytes, at, starts, ends, count);
  }
  return at - TRANSPORT_OFFSET;
}

/** TSval: the stack's clock in milliseconds, moved by what only this connection knows. */
export function timestampOf(tcb: Tcb): number {
  return timestamp(tcb.services, tcb.timestampOffset);
}

function timestamp({ now }: TcpServices, offset: number): number {
  return (Math.floor(now) + offset) | 0;
}

/** Sends an acknowledgment without data: `<SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>`. */
export function sendAck(tcb: Tcb): void {
  sendSegment(tcb, acceptableNumber(tcb), 0, 0, 0);
}

/**
 * The number of a segment without data: SND.NXT, but not beyond the window of a peer that has taken
 * some of it back, and without the byte of a window probe, which he may not have had room for. He
 * would drop what it acknowledges with it (RFC 9293 section 3.10.7.4, first step).
 */
function acceptableNumber(tcb: Tcb): number {
  if (!isSynchronized(tcb.state)) return tcb.sndNxt;
  const beyond = seqDiff(tcb.sndNxt, (tcb.sndUna + tcb.sndWnd) | 0);
  // What he rounds down, he may still take (RFC 7323 section 2.4).
  return beyond < 1 << tcb.sndScale ? tcb.sndNxt : (tcb.sndNxt - beyond) | 0;
}

/** Sends the acknowledgment of what is left of a connection in TIME_WAIT. */
export function sendTimeWaitAck(services: TcpServices, memory: TimeWait): void {
  const { route, localPort, remotePort, sndNxt, rcvNxt } = memory;
  const { bytes } = services.ip.frame;
  let end = TRANSPORT_OFFSET + TCP_HEADER_LENGTH;
  if (memory.timestamps) {
    const now = timestamp(services, memory.timestampOffset);
    end = writeTimestamps(bytes, end, now, memory.timestampRecent);
  }
  const length = end - TRANSPORT_OFFSET;
  const window = Math.min(memory.rcvWnd >>> memory.rcvScale, MAX_WINDOW_FIELD);
  const at = TRANSPORT_OFFSET;
  writeSegment(bytes, at, localPort, remotePort, sndNxt, rcvNxt, ACK, window, length);
  transmit(services, route, length);
}

/** Sends a keepalive probe: an old sequence number without data makes the peer answer. */
export function emitProbe(tcb: Tcb): void {
  sendSegment(tcb, (tcb.sndUna - 1) | 0, 0, 0, 0);
}

/**
 * Answers a segment outside the window that carries nothing new. The answer may itself be outside
 * the peer's window, so only so many are given: two such ends would never stop.
 */
export function sendOutOfWindowAck(tcb: Tcb): void {
  const { now } = tcb.services;
  if (now - tcb.lastOutOfWindowAck < OUT_OF_WINDOW_ACK_INTERVAL) return;
  tcb.lastOutOfWindowAck = now;
  sendAck(tcb);
}

/** Sends an acknowledgment that answers something suspicious, within the limit of RFC 5961. */
export function sendChallengeAck(tcb: Tcb): void {
  const { challenges, counters, now } = tcb.services;
  switch (challenges.take(tcb, now)) {
    case "granted":
      counters.challengeAcksSent++;
      sendAck(tcb);
      break;
    case "limited":
      counters.challengeAcksLimited++;
      break;
    case "exhausted":
      counters.challengeAcksExhausted++;
      break;
  }
}

/** Sends our SYN, or our SYN-ACK: always with the same number and options. */
export function sendSyn(tcb: Tcb, withAck: boolean): void {
  const { ip, options } = tcb.services;
  // A SYN-ACK offers only what the SYN has offered (RFC 7323 section 2.2, RFC 2018 section 2).
  const length = writeSynOptions(ip.frame.bytes, TRANSPORT_OFFSET, {
    mss: tcb.localMss,
    windowScale: withAck && !tcb.scaling ? undefined : tcb.rcvScale,
    sackPermitted: withAck ? tcb.sackPermitted : options.sack,
    timestamp: (withAck ? tcb.timestamps : options.timestamps) ? timestampOf(tcb) : undefined,
    timestampEcho: tcb.timestampRecent,
  });
  const window = Math.min(options.receiveBuffer, MAX_WINDOW_FIELD); // never scaled in a SYN
  const flags = (withAck ? SYN | ACK : SYN) | ecnSynFlags(tcb, withAck);
  emit(tcb, tcb.iss, withAck ? tcb.rcvNxt : 0, flags, window, length, 0);
}

/** Sends a RST that the peer will find acceptable: `<SEQ=SND.NXT><ACK=RCV.NXT><CTL=RST,ACK>`. */
export function sendReset(tcb: Tcb): void {
  tcb.services.counters.resetsSent++;
  const ack = tcb.state === "Syn_sent" ? 0 : tcb.rcvNxt;
  const flags = tcb.state === "Syn_sent" ? RST : RST | ACK;
  emit(tcb, acceptableNumber(tcb), ack, flags, 0, writeOptions(tcb, false), 0);
}

/** Answers a segment whose acknowledgment is wrong with `<SEQ=SEG.ACK><CTL=RST>`. */
export function sendResetForAck(tcb: Tcb, ack: number): void {
  tcb.services.counters.resetsSent++;
  emit(tcb, ack, 0, RST, 0, TCP_HEADER_LENGTH, 0);
}

/** Answers a segment that belongs to no connection (RFC 9293 section 3.10.7.1); not a RST. */
export function refuse(services: TcpServices, packet: IpPacket, segment: Segment): void {
  const route = services.ip.route(packet.source, packet.destination);
  if (route === undefined) return;
  const { sourcePort, destinationPort, flags } = segment;
  const bytes = services.ip.frame.bytes;
  if ((flags & ACK) !== 0) {
    writeHeader(bytes, destinationPort, sourcePort, segment.ack, 0, RST);
  } else {
    const length = segment.length + ((flags & SYN) !== 0 ? 1 : 0) + ((flags & FIN) !== 0 ? 1 : 0);
    writeHeader(bytes, destinationPort, sourcePort, 0, segment.seq + length, RST | ACK);
  }
  services.counters.resetsSent++;
  transmit(services, route, TCP_HEADER_LENGTH);
}

/**
 * The window field for the next segment, and the right edge that goes with it. The edge moves only
 * by a segment's worth or half the buffer (RFC 9293 section 3.8.6.2.2), and never back.
 */
function advertisedWindow(tcb: Tcb): number {
  const window = Math.max(receiveWindow(tcb), 0);
  // Rounded down, the peer may see the edge go back by less than a unit (RFC 7323 section 2.4), and
  // what was offered before is taken nevertheless. Rounded up, every segment would move it on.
  tcb.rcvAdv = (tcb.rcvNxt + window) | 0;
  return Math.min(window >>> tcb.rcvScale, MAX_WINDOW_FIELD);
}

/** The window that would be advertised now, in bytes; negative if the peer's FIN overran it. */
export function receiveWindow(tcb: Tcb): number {
  const limit = receiveLimit(tcb);
  const unit = 1 << tcb.rcvScale;
  const free = Math.min(limit - tcb.receiveQueued, MAX_WINDOW_FIELD << tcb.rcvScale) & -unit;
  const current = tcb.rcvWnd;
  const worth = Math.min(tcb.localMss, limit / 2);
  return free - current >= worth ? free : current;
}

function emit(
  tcb: Tcb,
  seq: number,
  ack: number,
  flags: number,
  window: number,
  headerLength: number,
  length: number,
  ecn = 0,
  mayFragment = false,
): boolean {
  const { services, route, localPort, remotePort } = tcb;
  const bytes = services.ip.frame.bytes;
  writeSegment(
    bytes,
    TRANSPORT_OFFSET,
    localPort,
    remotePort,
    seq,
    ack,
    flags,
    window,
    headerLength,
  );
  return transmit(services, route, headerLength + length, ecn, mayFragment);
}

function writeHeader(
  bytes: Uint8Array,
  from: number,
  to: number,
  seq: number,
  ack: number,
  flags: number,
): void {
  writeSegment(bytes, TRANSPORT_OFFSET, from, to, seq, ack, flags, 0, TCP_HEADER_LENGTH);
}

/**
 * Fills in the checksum, or as much of it as the link leaves to us, and sends.
 *
 * @param length Bytes of header and payload.
 */
function transmit(
  services: TcpServices,
  route: Route,
  length: number,
  ecn = 0,
  mayFragment = false,
): boolean {
  const ip: IpOutput = services.ip;
  const { frame } = ip;
  const bytes = frame.bytes;
  const pseudo = route.addressSum + PROTOCOL_TCP + length;
  let checksum: number;
  if (ip.transmitChecksum) {
    frame.checksum = "partial";
    frame.checksumOffset = CHECKSUM;
    checksum = foldPartial(pseudo);
  } else {
    checksum = fold(sum(bytes, TRANSPORT_OFFSET, length, pseudo));
  }
  bytes[TRANSPORT_OFFSET + CHECKSUM] = checksum >>> 8;
  bytes[TRANSPORT_OFFSET + CHECKSUM + 1] = checksum;
  services.counters.segmentsSent += frame.segmentSize === 0
    ? 1
    : Math.ceil((length - frame.headerLength) / frame.segmentSize);
  if (ip.send(route, PROTOCOL_TCP, length, ecn, mayFragment)) return true;
  services.counters.droppedLinkFull++;
  return false;
}
