import {
  type ArpMessage,
  type EthernetHeader,
  type IcmpMessage,
  internetChecksum,
  type Ipv4Header,
  pseudoHeaderSum,
  TCP_FLAG_BITS,
  type TcpOption,
  type TcpSegment,
  type UdpDatagram,
} from "./packet.ts";

/** Fields that are worked out when they are absent, and taken as they are when given: for bad ones. */
export interface Ipv4Lies {
  /** Version field; 4 is the truth. */
  version?: number;
  /** Header length in 32-bit words. */
  headerWords?: number;
  /** Total length in bytes. */
  totalLength?: number;
  /** Header checksum. */
  checksum?: number;
}

/** Fields that are worked out when they are absent, and taken as they are when given: for bad ones. */
export interface TcpLies {
  /** Header length in 32-bit words. */
  dataOffset?: number;
  /** Checksum; `"bad"` is any wrong one. */
  checksum?: number | "bad";
}

/** What {@link encodePacket} makes a frame from. What is absent has an ordinary value. */
export interface PacketInit {
  /** Addresses of the frame; the type follows from the content when absent. */
  ethernet: { destination: string; source: string; type?: number };
  /** ARP. */
  arp?: ArpMessage;
  /** IPv4, and what it is to lie about. */
  ip?: Pick<Ipv4Header, "source" | "destination"> & Partial<Ipv4Header> & Ipv4Lies;
  /** TCP, and what it is to lie about. */
  tcp?: Pick<TcpSegment, "sourcePort" | "destinationPort"> & Partial<TcpSegment> & TcpLies;
  /** UDP. */
  udp?: UdpDatagram & { checksum?: number };
  /** ICMP. */
  icmp?: IcmpMessage & { checksum?: number };
  /** Payload of IP (or of Ethernet) when it is none of the above. */
  payload?: Uint8Array;
  /** Bytes behind the packet, which are not part of it: link padding. */
  trailer?: Uint8Array;
}

/** Builds a frame, with right lengths and checksums unless it is told to lie. */
export function encodePacket(packet: PacketInit): Uint8Array {
  let payload = packet.payload ?? new Uint8Array(0);
  let type = 0x88b5;
  if (packet.arp) {
    payload = encodeArp(packet.arp);
    type = 0x0806;
  } else if (packet.ip) {
    payload = encodeIpv4(packet.ip, packet);
    type = 0x0800;
  }
  const header = encodeEthernet({ type, ...packet.ethernet });
  return concat(header, payload, packet.trailer ?? new Uint8Array(0));
}

function encodeEthernet(header: EthernetHeader): Uint8Array {
  return concat(macBytes(header.destination), macBytes(header.source), word16(header.type));
}

function encodeArp(arp: ArpMessage): Uint8Array {
  return concat(
    word16(1),
    word16(0x0800),
    new Uint8Array([6, 4]),
    word16(arp.operation),
    macBytes(arp.senderMac),
    ipBytes(arp.senderIp),
    macBytes(arp.targetMac),
    ipBytes(arp.targetIp),
  );
}

function encodeIpv4(ip: NonNullable<PacketInit["ip"]>, packet: PacketInit): Uint8Array {
  let protocol = ip.protocol ?? 255;
  let payload = packet.payload ?? new Uint8Array(0);
  if (packet.tcp) {
    protocol = ip.protocol ?? 6;
    payload = encodeTcp(packet.tcp, ip.source, ip.destination);
  } else if (packet.udp) {
    protocol = ip.protocol ?? 17;
    payload = encodeUdp(packet.udp, ip.source, ip.destination);
  } else if (packet.icmp) {
    protocol = ip.protocol ?? 1;
    payload = encodeIcmp(packet.icmp);
  }
  const options = ip.options ?? new Uint8Array(0);
  const header = new Uint8Array(20 + options.length);
  const view = new DataView(header.buffer);
  view.setUint8(0, (ip.version ?? 4) * 16 + (ip.headerWords ?? header.length / 4));
  view.setUint8(1, ip.tos ?? 0);
  view.setUint16(2, ip.totalLength ?? header.length + payload.length);
  view.setUint16(4, ip.id ?? 0);
  view.setUint16(
    6,
    (ip.df ?? true ? 0x4000 : 0) + (ip.mf ? 0x2000 : 0) + (ip.fragmentOffset ?? 0) / 8,
  );
  view.setUint8(8, ip.ttl ?? 64);
  view.setUint8(9, protocol);
  header.set(ipBytes(ip.source), 12);
  header.set(ipBytes(ip.destination), 16);
  header.set(options, 20);
  view.setUint16(10, ip.checksum ?? internetChecksum(header));
  return concat(header, payload);
}

function encodeTcp(
  tcp: NonNullable<PacketInit["tcp"]>,
  source: string,
  destination: string,
): Uint8Array {
  const options = encodeTcpOptions(tcp.options ?? []);
  const payload = tcp.payload ?? new Uint8Array(0);
  const segment = new Uint8Array(20 + options.length + payload.length);
  const view = new DataView(segment.buffer);
  view.setUint16(0, tcp.sourcePort);
  view.setUint16(2, tcp.destinationPort);
  view.setUint32(4, tcp.seq ?? 0);
  view.setUint32(8, tcp.ack ?? 0);
  view.setUint8(12, (tcp.dataOffset ?? (20 + options.length) / 4) * 16);
  let flags = 0;
  for (const flag of tcp.flags ?? []) flags |= TCP_FLAG_BITS[flag];
  view.setUint8(13, flags);
  view.setUint16(14, tcp.window ?? 65535);
  view.setUint16(18, tcp.urgent ?? 0);
  segment.set(options, 20);
  segment.set(payload, 20 + options.length);
  const right = internetChecksum(segment, pseudoHeaderSum(source, destination, 6, segment.length));
  view.setUint16(16, tcp.checksum === "bad" ? right ^ 0x5555 : tcp.checksum ?? right);
  return segment;
}

function encodeTcpOptions(options: readonly TcpOption[]): Uint8Array {
  const parts = options.map((option) => {
    switch (option.kind) {
      case "nop":
        return new Uint8Array([1]);
      case "mss":
        return concat(new Uint8Array([2, 4]), word16(option.size));
      case "ws":
        return new Uint8Array([3, 3, option.shift]);
      case "sackok":
        return new Uint8Array([4, 2]);
      case "sack":
        return concat(
          new Uint8Array([5, 2 + 8 * option.blocks.length]),
          ...option.blocks.flatMap(([left, right]) => [word32(left), word32(right)]),
        );
      case "ts":
        return concat(new Uint8Array([8, 10]), word32(option.value), word32(option.echo));
      case "raw":
        return option.bytes;
    }
  });
  const bytes = concat(...parts);
  return concat(bytes, new Uint8Array((4 - bytes.length % 4) % 4));
}

function encodeUdp(
  udp: NonNullable<PacketInit["udp"]>,
  source: string,
  destination: string,
): Uint8Array {
  const length = 8 + udp.payload.length;
  const bytes = concat(
    word16(udp.sourcePort),
    word16(udp.destinationPort),
    word16(length),
    word16(0),
    udp.payload,
  );
  const right = internetChecksum(bytes, pseudoHeaderSum(source, destination, 17, length)) || 0xffff;
  bytes.set(word16(udp.checksum ?? right), 6);
  return bytes;
}

function encodeIcmp(icmp: NonNullable<PacketInit["icmp"]>): Uint8Array {
  const bytes = concat(
    new Uint8Array([icmp.type, icmp.code, 0, 0]),
    word32(icmp.rest),
    icmp.payload,
  );
  bytes.set(word16(icmp.checksum ?? internetChecksum(bytes)), 2);
  return bytes;
}

function macBytes(text: string): Uint8Array {
  return Uint8Array.from(text.split(":"), (part) => parseInt(part, 16));
}

function ipBytes(text: string): Uint8Array {
  return Uint8Array.from(text.split("."), Number);
}

function word16(value: number): Uint8Array {
  return new Uint8Array([value >>> 8, value]);
}

function word32(value: number): Uint8Array {
  return new Uint8Array([value >>> 24, value >>> 16, value >>> 8, value]);
}

function concat(...parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
