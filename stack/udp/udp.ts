import type { UdpCounters } from "../counters.ts";
import type { Icmp } from "../icmp/icmp.ts";
import type { IpPacket } from "../ip/packet.ts";
import { read16 } from "../wire/bytes.ts";
import { sum } from "../wire/checksum.ts";
import * as udp from "../wire/udp.ts";

/**
 * Gets the datagrams to one port.
 *
 * @param packet The packet; valid during the call.
 * @param offset Index in `packet.bytes` of the first byte of data.
 * @param length Bytes of data.
 */
export type UdpReceiver = (packet: IpPacket, offset: number, length: number, now: number) => void;

/** Takes in UDP datagrams (RFC 768, RFC 1122 section 4.1) and hands them to whoever has the port. */
export class Udp {
  readonly #icmp: Icmp;
  readonly #counters: UdpCounters;
  readonly #receivers = new Map<number, UdpReceiver>();

  /**
   * @param icmp Says that nobody is there.
   * @param counters What is counted.
   */
  constructor(icmp: Icmp, counters: UdpCounters) {
    this.#icmp = icmp;
    this.#counters = counters;
  }

  /**
   * Has a port's datagrams handed over, those to broadcast addresses too.
   *
   * @param port 1 to 65535.
   * @returns `false` if the port is taken.
   */
  bind(port: number, receiver: UdpReceiver): boolean {
    if (this.#receivers.has(port)) return false;
    this.#receivers.set(port, receiver);
    return true;
  }

  /** Frees a port. */
  unbind(port: number): void {
    this.#receivers.delete(port);
  }

  /** Takes in one datagram. */
  receive(packet: IpPacket, now: number): void {
    const counters = this.#counters;
    const { bytes, payloadOffset } = packet;
    counters.datagramsReceived++;
    const addressSum = packet.checksumVerified
      ? undefined
      : sum(bytes, packet.sourceOffset, packet.version === 4 ? 8 : 32, 0);
    switch (udp.fault(bytes, payloadOffset, packet.payloadLength, addressSum)) {
      case "badLength":
        counters.droppedBadLength++;
        return;
      case "badChecksum":
        counters.droppedBadChecksum++;
        return;
    }
    const receiver = this.#receivers.get(read16(bytes, payloadOffset + udp.DESTINATION_PORT));
    if (receiver === undefined) {
      counters.droppedNoPort++;
      this.#icmp.portUnreachable(packet, now);
      return;
    }
    counters.datagramsDelivered++;
    const length = read16(bytes, payloadOffset + udp.LENGTH) - udp.HEADER_LENGTH;
    receiver(packet, payloadOffset + udp.HEADER_LENGTH, length, now);
  }
}
