import type { IcmpCounters } from "../counters.ts";
import { fillIpv4 } from "../ip/ipv4_packet.ts";
import type { Ipv4Output } from "../ip/ipv4_output.ts";
import type { LocalAddresses } from "../ip/local_addresses.ts";
import { TRANSPORT_OFFSET } from "../ip/output.ts";
import { IpPacket } from "../ip/packet.ts";
import { TokenBucket } from "../token_bucket.ts";
import { read16, read32, write32 } from "../wire/bytes.ts";
import { HEADER_LENGTH as ETHERNET_HEADER_LENGTH } from "../wire/ethernet.ts";
import type { Frame } from "../wire/frame.ts";
import * as icmp from "../wire/icmp.ts";
import * as ipv4 from "../wire/ipv4.ts";
import { PROTOCOL_ICMP, PROTOCOL_TCP } from "../wire/protocol.ts";
import { errorType, type IcmpErrorReceiver } from "./error.ts";
import { plateauBelow } from "./plateau.ts";

/** Errors sent at once. */
export const ERROR_BURST = 50;
/** Errors sent in a second, in the long run (RFC 1812 section 4.3.2.8 asks for a limit). */
export const ERRORS_PER_SECOND = 100;

/** Longest quote in an error we send: the whole packet stays within 576 bytes (RFC 1812). */
const MAX_QUOTE = 576 - ipv4.HEADER_LENGTH - icmp.HEADER_LENGTH;
/** Payload that an error must quote at least, in bytes (RFC 792). */
const MIN_QUOTED_PAYLOAD = 8;

/** ICMP for IPv4: answers echoes, sends errors and hands received ones to TCP (RFC 792, 1122). */
export class Icmp {
  readonly #output: Ipv4Output;
  readonly #local: LocalAddresses;
  readonly #tcp: IcmpErrorReceiver;
  readonly #counters: IcmpCounters;
  readonly #errorLimit = new TokenBucket(ERROR_BURST, ERRORS_PER_SECOND);
  readonly #quoted = new IpPacket();

  /**
   * @param output Sends.
   * @param local Our addresses.
   * @param tcp Told of errors about its packets.
   * @param counters What is counted.
   */
  constructor(
    output: Ipv4Output,
    local: LocalAddresses,
    tcp: IcmpErrorReceiver,
    counters: IcmpCounters,
  ) {
    this.#output = output;
    this.#local = local;
    this.#tcp = tcp;
    this.#counters = counters;
  }

  /** Takes in one message. */
  receive(packet: IpPacket, now: number): void {
    const counters = this.#counters;
    const { bytes, payloadOffset, payloadLength } = packet;
    counters.messagesReceived++;
    switch (icmp.fault(bytes, payloadOffset, payloadLength, packet.checksumVerified)) {
      case "badLength":
        counters.droppedBadLength++;
        return;
      case "badChecksum":
        counters.droppedBadChecksum++;
        return;
    }
    if (packet.toGroup) {
      counters.droppedGroup++;
      return;
    }
    const type = bytes[payloadOffset + icmp.TYPE]!;
    if (type === icmp.ECHO) this.#answer(packet);
    else this.#receiveError(packet, now);
  }

  /** Says that nobody is on the port that a packet was for. */
  portUnreachable(packet: IpPacket, now: number): void {
    this.#sendError(icmp.UNREACHABLE, icmp.CODE_PORT, packet, now);
  }

  /** Says that the protocol of a packet is not spoken here. */
  protocolUnreachable(packet: IpPacket, now: number): void {
    this.#sendError(icmp.UNREACHABLE, icmp.CODE_PROTOCOL, packet, now);
  }

  /** Says that the fragments of a datagram did not come in time. */
  timeExceeded(firstFragment: IpPacket, now: number): void {
    this.#sendError(icmp.TIME_EXCEEDED, icmp.CODE_REASSEMBLY, firstFragment, now);
  }

  /**
   * Our own link found that a packet of ours cannot be delivered: its transport is told
   * (RFC 1122 section 2.4).
   *
   * @param frame The frame that holds the packet.
   */
  hostUnreachable(frame: Frame, now: number): void {
    const at = frame.offset + ETHERNET_HEADER_LENGTH;
    fillIpv4(this.#quoted, frame.bytes, at, frame.length - ETHERNET_HEADER_LENGTH);
    if (this.#quoted.protocol !== PROTOCOL_TCP) return;
    this.#tcp.neighborUnreachable(this.#quoted, now);
  }

  /** Sends the message back as it is, but for its type. */
  #answer(packet: IpPacket): void {
    const route = this.#output.route(packet.source, packet.destination);
    if (route === undefined) return;
    const { bytes, payloadOffset, payloadLength } = packet;
    const target = this.#output.frame.bytes;
    target.set(bytes.subarray(payloadOffset, payloadOffset + payloadLength), TRANSPORT_OFFSET);
    icmp.emit(target, TRANSPORT_OFFSET, icmp.ECHO_REPLY, 0, payloadLength);
    this.#counters.echoesAnswered++;
    this.#counters.messagesSent++;
    this.#output.send(route, PROTOCOL_ICMP, payloadLength, 0);
  }

  #receiveError(packet: IpPacket, now: number): void {
    const { bytes, payloadOffset } = packet;
    const code = bytes[payloadOffset + icmp.CODE]!;
    const type = errorType(bytes[payloadOffset + icmp.TYPE]!, code);
    if (type === undefined) {
      this.#counters.droppedUnknownType++;
      return;
    }
    const quoted = this.#quoted;
    if (!this.#quote(packet)) {
      this.#counters.droppedBadQuote++;
      return;
    }
    if (quoted.protocol !== PROTOCOL_TCP) {
      this.#counters.droppedUnknownType++;
      return;
    }
    this.#counters.errorsDelivered++;
    const mtu = type === "fragmentation-needed"
      ? read16(bytes, payloadOffset + icmp.NEXT_HOP_MTU) || plateauBelow(lengthOf(quoted))
      : 0;
    this.#tcp.icmpError(type, quoted, mtu, now, packet);
  }

  /**
   * Points `#quoted` at the packet that an error quotes; `false` if we cannot have sent it. Its
   * checksum says nothing: address translators on the way change the quote and not the checksum.
   */
  #quote(error: IpPacket): boolean {
    const { bytes } = error;
    const at = error.payloadOffset + icmp.HEADER_LENGTH;
    const length = error.payloadLength - icmp.HEADER_LENGTH;
    if (length < ipv4.HEADER_LENGTH || bytes[at]! >> 4 !== 4) return false;
    if (ipv4.headerLength(bytes, at) < ipv4.HEADER_LENGTH) return false;
    // Only the first fragment shows the ports.
    if ((read16(bytes, at + ipv4.FRAGMENT) & ipv4.FRAGMENT_OFFSET) !== 0) return false;
    if (!this.#local.isOwn(read32(bytes, at + ipv4.SOURCE))) return false;
    fillIpv4(this.#quoted, bytes, at, length);
    return this.#quoted.payloadLength >= MIN_QUOTED_PAYLOAD;
  }

  /**
   * Sends an error about a packet that was received whole, or about a first fragment; not about
   * what was sent to a group, and not about another error (RFC 1122 section 3.2.2).
   */
  #sendError(type: number, code: number, packet: IpPacket, now: number): void {
    if (packet.toGroup || isIcmpError(packet)) return;
    const route = this.#output.route(packet.source, packet.destination);
    if (route === undefined) return;
    if (!this.#errorLimit.take(now)) {
      this.#counters.errorsLimited++;
      return;
    }
    const { bytes, headerOffset, payloadOffset, payloadLength } = packet;
    const total = payloadOffset + payloadLength - headerOffset;
    const quote = Math.min(total, MAX_QUOTE);
    const target = this.#output.frame.bytes;
    write32(target, TRANSPORT_OFFSET + icmp.REST, 0);
    target.set(
      bytes.subarray(headerOffset, headerOffset + quote),
      TRANSPORT_OFFSET + icmp.HEADER_LENGTH,
    );
    const length = icmp.HEADER_LENGTH + quote;
    icmp.emit(target, TRANSPORT_OFFSET, type, code, length);
    this.#counters.errorsSent++;
    this.#counters.messagesSent++;
    this.#output.send(route, PROTOCOL_ICMP, length, 0);
  }
}

/** Length of the whole packet that an error quotes the beginning of, by its own header. */
function lengthOf({ bytes, headerOffset }: IpPacket): number {
  return read16(bytes, headerOffset + ipv4.TOTAL_LENGTH);
}

function isIcmpError(packet: IpPacket): boolean {
  return packet.protocol === PROTOCOL_ICMP &&
    (packet.payloadLength === 0 || icmp.isError(packet.bytes[packet.payloadOffset]!));
}
