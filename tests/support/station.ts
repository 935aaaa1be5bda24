import { assertEquals } from "@std/assert";
import type { ArpMessage, IcmpMessage, Packet, UdpDatagram } from "../../runtime/testing/packet.ts";
import { decodePacket } from "../../runtime/testing/packet_decode.ts";
import { encodePacket, type PacketInit } from "../../runtime/testing/packet_encode.ts";
import { seededRandom } from "../../runtime/device/random.ts";
import type { LinkCapabilities } from "../../stack/link.ts";
import type { StackNotice } from "../../stack/notice.ts";
import { Stack } from "../../stack/stack.ts";
import type { StackOptions } from "../../stack/stack_options.ts";
import { Frame } from "../../stack/wire/frame.ts";

/** The stack's MAC address. */
export const MAC = "02:00:00:00:00:02";
/** Its Internet address. */
export const IP = "192.168.69.2";
/** The other station's MAC address. */
export const PEER_MAC = "02:00:00:00:00:01";
/** Its Internet address. */
export const PEER_IP = "192.168.69.1";
/** The MAC address of everybody. */
export const EVERYBODY = "ff:ff:ff:ff:ff:ff";

/** A packet that the test sends; ordinary addresses where none are given. */
export type StationInput = Omit<PacketInit, "ethernet" | "ip"> & {
  ethernet?: Partial<PacketInit["ethernet"]>;
  ip?: Partial<PacketInit["ip"]>;
};

/** A stack whose link ends in the test: below TCP, where there are no connections to script. */
export class Station {
  /** The stack under test. */
  readonly stack: Stack;
  /** What it sent since the last {@link take}, as frames of their own. */
  frames: Frame[] = [];
  /** What it thought worth a log line. */
  readonly notices: StackNotice[] = [];
  /** Set to `false`, the link refuses everything. */
  linkUp = true;
  /** How often it asked to be polled. */
  wakes = 0;
  /** Milliseconds since it was made. */
  now = 0;

  constructor(options: Partial<StackOptions> & { capabilities?: Partial<LinkCapabilities> } = {}) {
    const { capabilities, ...others } = options;
    const mtu = capabilities?.mtu ?? 1500;
    this.stack = new Stack({
      link: {
        capabilities: {
          mtu,
          maxFrame: mtu + 14,
          transmitChecksum: false,
          segmentation: false,
          ...capabilities,
        },
        transmit: (frame) => {
          if (this.linkUp) this.frames.push(frame.clone());
          return this.linkUp;
        },
      },
      mac: MAC,
      addresses: [`${IP}/24`],
      random: seededRandom(1),
      notice: (notice) => this.notices.push(notice),
      wake: () => this.wakes++,
      ...others,
    });
  }

  /** Gives the stack a frame. */
  deliver(input: StationInput | Uint8Array, offload: Partial<Frame> = {}): void {
    // With room on both sides, so that an index into the buffer is not one into the frame.
    const bytes = input instanceof Uint8Array ? input : this.encode(input);
    const buffer = new Uint8Array(bytes.length + 20).fill(0xa5);
    buffer.set(bytes, 7);
    const frame = new Frame(buffer, 7, bytes.length);
    this.stack.receive(Object.assign(frame, offload), this.now);
  }

  /** The frame that {@link deliver} makes of a packet. */
  encode({ ethernet, ip, ...others }: StationInput): Uint8Array {
    return encodePacket({
      ethernet: { destination: MAC, source: PEER_MAC, ...ethernet },
      ip: others.arp ? undefined : { source: PEER_IP, destination: IP, ...ip },
      ...others,
    });
  }

  /** Gives the stack an ARP packet, by default a request of the peer for the stack's address. */
  deliverArp(arp: Partial<ArpMessage> = {}, destination = EVERYBODY): void {
    this.deliver({
      ethernet: { destination, source: arp.senderMac ?? PEER_MAC },
      arp: {
        operation: 1,
        senderMac: PEER_MAC,
        senderIp: PEER_IP,
        targetMac: "00:00:00:00:00:00",
        targetIp: IP,
        ...arp,
      },
    });
  }

  /** Makes the peer's MAC address known to the stack. */
  introduce(senderIp = PEER_IP, senderMac = PEER_MAC): void {
    this.deliverArp({ senderIp, senderMac });
    assertEquals(this.takeArp().map((arp) => arp.operation), [2]);
  }

  /** What the stack sent since last time, taken apart; every one of them must be faultless. */
  take(): Packet[] {
    return this.takeFrames().map((frame) => {
      const packet = decodePacket(frame.view(), {
        checksum: frame.checksum === "partial" ? "partial" : "complete",
      });
      assertEquals(packet.faults, []);
      assertEquals(packet.ethernet.source, MAC);
      return packet;
    });
  }

  /** What the stack sent since last time, as frames. */
  takeFrames(): Frame[] {
    const frames = this.frames;
    this.frames = [];
    return frames;
  }

  /** What the stack sent since last time: nothing but ARP. */
  takeArp(): ArpMessage[] {
    return this.take().map((packet) => packet.arp!);
  }

  /** What the stack sent since last time: nothing but ICMP. */
  takeIcmp(): IcmpMessage[] {
    return this.take().map((packet) => packet.icmp!);
  }

  /** An echo request from the peer. */
  ping(payload: Uint8Array = new Uint8Array(56), ip: StationInput["ip"] = {}): StationInput {
    return { ip, icmp: { type: 8, code: 0, rest: 0x12340001, payload } };
  }

  /** A datagram from the peer to a port where nobody is. */
  datagram(overrides: Partial<UdpDatagram> = {}, ip: StationInput["ip"] = {}): StationInput {
    const udp = { sourcePort: 4000, destinationPort: 5000, payload: new Uint8Array(10) };
    return { ip, udp: { ...udp, ...overrides } };
  }

  /** Lets time pass; the stack is polled when its deadlines come. */
  advance(ms: number): void {
    const end = this.now + ms;
    for (let due = this.stack.nextDeadline(); due <= end; due = this.stack.nextDeadline()) {
      this.now = Math.max(this.now, due);
      this.stack.poll(this.now);
    }
    this.now = end;
  }
}
