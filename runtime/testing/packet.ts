/**
 * Frames as plain objects, for tests. Nothing here is shared with the codecs of the stack: it is a
 * second reading of the RFCs on purpose, so that one mistake cannot hide in both.
 */

/** The flags of a TCP segment, in the order in which they are written. */
export const TCP_FLAGS = ["SYN", "FIN", "RST", "PSH", "URG", "ECE", "CWR", "ACK"] as const;

/** One flag of a TCP segment (RFC 9293 section 3.1, RFC 3168). */
export type TcpFlag = typeof TCP_FLAGS[number];

/** Bit of each flag in the 14th byte of the TCP header. */
export const TCP_FLAG_BITS: Readonly<Record<TcpFlag, number>> = {
  FIN: 0x01,
  SYN: 0x02,
  RST: 0x04,
  PSH: 0x08,
  ACK: 0x10,
  URG: 0x20,
  ECE: 0x40,
  CWR: 0x80,
};

/** One option of a TCP header. */
export type TcpOption =
  | { readonly kind: "nop" }
  | { readonly kind: "mss"; readonly size: number }
  | { readonly kind: "ws"; readonly shift: number }
  | { readonly kind: "sackok" }
  | { readonly kind: "sack"; readonly blocks: readonly (readonly [number, number])[] }
  | { readonly kind: "ts"; readonly value: number; readonly echo: number }
  /** Bytes as they are: unknown kinds, and malformed options of any kind. */
  | { readonly kind: "raw"; readonly bytes: Uint8Array };

/** Ethernet II header. Addresses are written `02:00:00:00:00:01`. */
export interface EthernetHeader {
  /** Who the frame is for. */
  destination: string;
  /** Who sent it. */
  source: string;
  /** EtherType: 0x0800 IPv4, 0x0806 ARP. */
  type: number;
}

/** An ARP message (RFC 826) for IPv4 over Ethernet. */
export interface ArpMessage {
  /** 1 request, 2 reply. */
  operation: number;
  /** Link address of the sender. */
  senderMac: string;
  /** Internet address of the sender, dotted. */
  senderIp: string;
  /** Link address of the target. */
  targetMac: string;
  /** Internet address of the target, dotted. */
  targetIp: string;
}

/** An IPv4 header (RFC 791). */
export interface Ipv4Header {
  /** Source address, dotted. */
  source: string;
  /** Destination address, dotted. */
  destination: string;
  /** Protocol of the payload: 1 ICMP, 6 TCP, 17 UDP. */
  protocol: number;
  /** Time to live, 0 to 255. */
  ttl: number;
  /** Identification, 0 to 65535. */
  id: number;
  /** Type of service byte (DSCP and ECN). */
  tos: number;
  /** Don't fragment. */
  df: boolean;
  /** More fragments. */
  mf: boolean;
  /** Fragment offset in bytes. */
  fragmentOffset: number;
  /** Options as they are, a multiple of four bytes. */
  options: Uint8Array;
}

/** A TCP segment (RFC 9293 section 3.1). */
export interface TcpSegment {
  /** Port of the sender. */
  sourcePort: number;
  /** Port of the receiver. */
  destinationPort: number;
  /** Sequence number, unsigned 32-bit. */
  seq: number;
  /** Acknowledgement number, unsigned 32-bit, whether or not ACK is set. */
  ack: number;
  /** The flags that are set, in the order of {@link TCP_FLAGS}. */
  flags: TcpFlag[];
  /** The window field, unscaled. */
  window: number;
  /** The urgent pointer. */
  urgent: number;
  /** The options; the padding behind them is left out. */
  options: TcpOption[];
  /** The payload. */
  payload: Uint8Array;
}

/** A UDP datagram (RFC 768). */
export interface UdpDatagram {
  /** Port of the sender. */
  sourcePort: number;
  /** Port of the receiver. */
  destinationPort: number;
  /** The payload. */
  payload: Uint8Array;
}

/** An ICMP message (RFC 792). */
export interface IcmpMessage {
  /** Type: 0 echo reply, 3 unreachable, 8 echo request, 11 time exceeded. */
  type: number;
  /** Code within the type. */
  code: number;
  /** The four bytes behind the checksum: identifier and sequence, or unused, or next-hop MTU. */
  rest: number;
  /** What follows: echo data, or the packet that caused the error. */
  payload: Uint8Array;
}

/** A frame taken apart. The parts that it does not have are absent. */
export interface Packet {
  /** The Ethernet header. */
  ethernet: EthernetHeader;
  /** The ARP message. */
  arp?: ArpMessage;
  /** The IPv4 header. */
  ip?: Ipv4Header;
  /** The TCP segment. */
  tcp?: TcpSegment;
  /** The UDP datagram. */
  udp?: UdpDatagram;
  /** The ICMP message. */
  icmp?: IcmpMessage;
  /** Everything that is wrong with the frame, one sentence each; empty for a good one. */
  faults: string[];
}

/**
 * The Internet checksum (RFC 1071) of bytes, with a starting sum.
 *
 * @returns The 16-bit complement; 0 over bytes that contain their own correct checksum.
 */
export function internetChecksum(bytes: Uint8Array, start = 0): number {
  let sum = start;
  for (let i = 0; i < bytes.length; i++) sum += i % 2 === 0 ? bytes[i]! * 256 : bytes[i]!;
  while (sum > 0xffff) sum = (sum % 0x10000) + Math.floor(sum / 0x10000);
  return 0xffff - sum;
}

/** The sum of the pseudo-header (RFC 9293 section 3.1), not folded. */
export function pseudoHeaderSum(
  source: string,
  destination: string,
  protocol: number,
  length: number,
): number {
  const [a, b, c, d] = source.split(".").map(Number) as [number, number, number, number];
  const [e, f, g, h] = destination.split(".").map(Number) as [number, number, number, number];
  return (a + c + e + g) * 256 + b + d + f + h + protocol + length;
}

/** The payload bytes a segment takes in sequence space: its data, SYN and FIN. */
export function segmentLength(segment: TcpSegment): number {
  return segment.payload.length + (segment.flags.includes("SYN") ? 1 : 0) +
    (segment.flags.includes("FIN") ? 1 : 0);
}
