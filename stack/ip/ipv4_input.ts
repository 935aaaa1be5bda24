import type { Ipv4Counters } from "../counters.ts";
import { read16, read32 } from "../wire/bytes.ts";
import { HEADER_LENGTH as ETHERNET_HEADER_LENGTH } from "../wire/ethernet.ts";
import type { Frame } from "../wire/frame.ts";
import * as ipv4 from "../wire/ipv4.ts";
import { fillIpv4 } from "./ipv4_packet.ts";
import { isHostAddress, type LocalAddresses } from "./local_addresses.ts";
import { IpPacket } from "./packet.ts";
import { Reassembly } from "./reassembly.ts";

/** How a frame came here: addressed to us, to everybody, or never on the link at all. */
export type Arrival = "unicast" | "broadcast" | "loopback";

const FAULT_COUNTERS = {
  badVersion: "droppedBadVersion",
  badLength: "droppedBadLength",
  badChecksum: "droppedBadChecksum",
  badOptions: "droppedBadOptions",
  sourceRoute: "droppedSourceRoute",
} as const;

/** Takes in IPv4 packets: checks them and puts fragments together (RFC 791, RFC 1122 section 3). */
export class Ipv4Input {
  readonly #local: LocalAddresses;
  readonly #counters: Ipv4Counters;
  readonly #reassembly: Reassembly;
  readonly #packet = new IpPacket();

  /**
   * @param local Our addresses.
   * @param counters What is counted.
   * @param timeExceeded Gets the first fragment of each datagram that was not completed in time.
   */
  constructor(
    local: LocalAddresses,
    counters: Ipv4Counters,
    timeExceeded: (packet: IpPacket, now: number) => void,
  ) {
    this.#local = local;
    this.#counters = counters;
    const first = new IpPacket();
    this.#reassembly = new Reassembly(counters, (bytes, now) => {
      this.#point(first, bytes, 0, bytes.length);
      timeExceeded(first, now);
    });
  }

  /**
   * Takes in one packet. One with a TTL of 0 is as good as any here: that is for routers to mind
   * (RFC 1122 section 3.2.1.7).
   *
   * @param frame The frame that holds it.
   * @param arrival How the frame came here.
   * @returns The packet for the protocol above, valid until the next call; `undefined` if it was
   *   dropped, or kept as a fragment.
   */
  receive(frame: Frame, arrival: Arrival, now: number): IpPacket | undefined {
    const counters = this.#counters;
    counters.packetsReceived++;
    const { bytes } = frame;
    const at = frame.offset + ETHERNET_HEADER_LENGTH;
    const length = frame.length - ETHERNET_HEADER_LENGTH;
    const fault = ipv4.fault(bytes, at, length);
    if (fault !== undefined) {
      counters[FAULT_COUNTERS[fault]]++;
      return undefined;
    }
    if (!this.#isAddressed(bytes, at, arrival)) return undefined;
    if (ipv4.headerLength(bytes, at) > ipv4.HEADER_LENGTH) {
      const options = ipv4.options(bytes, at);
      if (options !== "none") {
        counters[FAULT_COUNTERS[options]]++;
        return undefined;
      }
    }
    const packet = this.#packet;
    if (
      (read16(bytes, at + ipv4.FRAGMENT) & (ipv4.MORE_FRAGMENTS | ipv4.FRAGMENT_OFFSET)) !== 0
    ) {
      const whole = this.#reassembly.add(bytes, at, now);
      if (whole === undefined) return undefined;
      this.#point(packet, whole, 0, whole.length);
    } else {
      this.#point(packet, bytes, at, length);
      packet.checksumVerified = frame.checksum !== "complete" || arrival === "loopback";
      packet.segmentSize = frame.segmentSize;
    }
    counters.packetsDelivered++;
    return packet;
  }

  /** Gives up the datagrams whose fragments did not come in time. */
  poll(now: number): void {
    this.#reassembly.poll(now);
  }

  /** When {@link poll} has something to do; `Infinity` if never. */
  nextDeadline(): number {
    return this.#reassembly.nextDeadline();
  }

  /** Whether source and destination are such that the packet is for us; counts it if not. */
  #isAddressed(bytes: Uint8Array, at: number, arrival: Arrival): boolean {
    const counters = this.#counters;
    const local = this.#local;
    const source = read32(bytes, at + ipv4.SOURCE);
    if (
      !isHostAddress(source) || local.isBroadcast(source) ||
      arrival !== "loopback" && local.isOwn(source)
    ) {
      counters.droppedBadSource++;
      return false;
    }
    const destination = read32(bytes, at + ipv4.DESTINATION);
    if (local.isOwn(destination)) {
      // RFC 1122 section 3.3.6: a packet for one host has no business in a frame to all.
      if (arrival !== "broadcast") return true;
      counters.droppedLinkBroadcast++;
      return false;
    }
    if (local.isBroadcast(destination)) return true;
    counters.droppedNotForUs++;
    return false;
  }

  #point(packet: IpPacket, bytes: Uint8Array, at: number, length: number): void {
    fillIpv4(packet, bytes, at, length);
    packet.toGroup = this.#local.isBroadcast(read32(bytes, at + ipv4.DESTINATION));
  }
}
