import {
  type ArpMessage,
  type IcmpMessage,
  internetChecksum,
  type Ipv4Header,
  type Packet,
  pseudoHeaderSum,
  TCP_FLAG_BITS,
  TCP_FLAGS,
  type TcpOption,
  type TcpSegment,
  type UdpDatagram,
} from "./packet.ts";

/** How {@link decodePacket} reads a frame. */
export interface DecodeOptions {
  /**
   * What the transport checksum field is to hold: the whole checksum, or with checksum offload the
   * sum of the pseudo-header only.
   */
  checksum?: "complete" | "partial";
}

/**
 * Takes a frame apart and checks everything in it: lengths, versions, checksums, options.
 * Never throws; what is wrong stands in {@link Packet.faults}. The bytes are copied.
 */
export function decodePacket(bytes: Uint8Array, options: DecodeOptions = {}): Packet {
  const faults: string[] = [];
  const packet: Packet = {
    ethernet: {
      destination: macText(bytes.subarray(0, 6)),
      source: macText(bytes.subarray(6, 12)),
      type: bytes.length >= 14 ? bytes[12]! * 256 + bytes[13]! : 0,
    },
    faults,
  };
  if (bytes.length < 14) {
    faults.push(`the frame has ${bytes.length} bytes, fewer than an Ethernet header`);
    return packet;
  }
  const body = bytes.slice(14);
  if (packet.ethernet.type === 0x0806) packet.arp = decodeArp(body, faults);
  if (packet.ethernet.type === 0x0800) decodeIpv4(body, packet, options.checksum ?? "complete");
  return packet;
}

function decodeArp(bytes: Uint8Array, faults: string[]): ArpMessage | undefined {
  if (bytes.length < 28) {
    faults.push(`the ARP message has ${bytes.length} bytes, fewer than 28`);
    return undefined;
  }
  const view = viewOf(bytes);
  const fixed = [view.getUint16(0), view.getUint16(2), view.getUint8(4), view.getUint8(5)];
  if (fixed.join() !== "1,2048,6,4") faults.push(`ARP is for other networks: ${fixed.join()}`);
  return {
    operation: view.getUint16(6),
    senderMac: macText(bytes.subarray(8, 14)),
    senderIp: ipText(bytes.subarray(14, 18)),
    targetMac: macText(bytes.subarray(18, 24)),
    targetIp: ipText(bytes.subarray(24, 28)),
  };
}

function decodeIpv4(bytes: Uint8Array, packet: Packet, checksum: "complete" | "partial"): void {
  const faults = packet.faults;
  if (bytes.length < 20) {
    faults.push(`the IPv4 packet has ${bytes.length} bytes, fewer than its header`);
    return;
  }
  const view = viewOf(bytes);
  const headerLength = (bytes[0]! % 16) * 4;
  const totalLength = view.getUint16(2);
  if (bytes[0]! >> 4 !== 4) faults.push(`IP version ${bytes[0]! >> 4} in an IPv4 frame`);
  if (headerLength < 20 || headerLength > totalLength || totalLength > bytes.length) {
    faults.push(
      `IPv4 lengths: header ${headerLength}, total ${totalLength}, in the frame ${bytes.length}`,
    );
    return;
  }
  const header = bytes.subarray(0, headerLength);
  if (internetChecksum(header) !== 0) faults.push("the IPv4 header checksum is wrong");
  const ip: Ipv4Header = packet.ip = {
    source: ipText(bytes.subarray(12, 16)),
    destination: ipText(bytes.subarray(16, 20)),
    protocol: bytes[9]!,
    ttl: bytes[8]!,
    id: view.getUint16(4),
    tos: bytes[1]!,
    df: (view.getUint16(6) & 0x4000) !== 0,
    mf: (view.getUint16(6) & 0x2000) !== 0,
    fragmentOffset: (view.getUint16(6) & 0x1fff) * 8,
    options: header.slice(20),
  };
  if (ip.ttl === 0) faults.push("time to live is 0");
  if ((view.getUint16(6) & 0x8000) !== 0) faults.push("the reserved bit of IPv4 is set");
  if (ip.mf || ip.fragmentOffset > 0) return;

  const payload = bytes.slice(headerLength, totalLength);
  const sum = pseudoHeaderSum(ip.source, ip.destination, ip.protocol, payload.length);
  if (ip.protocol === 6) packet.tcp = decodeTcp(payload, sum, checksum, faults);
  if (ip.protocol === 17) packet.udp = decodeUdp(payload, sum, checksum, faults);
  if (ip.protocol === 1) packet.icmp = decodeIcmp(payload, faults);
}

function decodeTcp(
  bytes: Uint8Array,
  pseudo: number,
  checksum: "complete" | "partial",
  faults: string[],
): TcpSegment | undefined {
  const headerLength = bytes.length < 20 ? 0 : (bytes[12]! >> 4) * 4;
  if (headerLength < 20 || headerLength > bytes.length) {
    faults.push(`TCP lengths: header ${headerLength}, segment ${bytes.length}`);
    return undefined;
  }
  const view = viewOf(bytes);
  checkTransport("TCP", bytes, view.getUint16(16), pseudo, checksum, faults);
  if ((bytes[12]! & 0x0f) !== 0) faults.push("reserved bits of the TCP header are set");
  const flags = TCP_FLAGS.filter((flag) => (bytes[13]! & TCP_FLAG_BITS[flag]) !== 0);
  if (!flags.includes("ACK") && view.getUint32(8) !== 0) {
    faults.push("there is an acknowledgement number without the ACK flag");
  }
  return {
    sourcePort: view.getUint16(0),
    destinationPort: view.getUint16(2),
    seq: view.getUint32(4),
    ack: view.getUint32(8),
    flags,
    window: view.getUint16(14),
    urgent: view.getUint16(18),
    options: decodeTcpOptions(bytes.slice(20, headerLength), faults),
    payload: bytes.slice(headerLength),
  };
}

function decodeTcpOptions(bytes: Uint8Array, faults: string[]): TcpOption[] {
  const options: TcpOption[] = [];
  const view = viewOf(bytes);
  for (let at = 0; at < bytes.length;) {
    const kind = bytes[at]!;
    if (kind === 0) {
      if (bytes.subarray(at).some((byte) => byte !== 0)) {
        faults.push("bytes other than 0 behind the end of the TCP options");
      }
      break;
    }
    if (kind === 1) {
      options.push({ kind: "nop" });
      at++;
      continue;
    }
    const length = bytes[at + 1] ?? 0;
    if (length < 2 || at + length > bytes.length) {
      faults.push(`TCP option ${kind} has length ${length}`);
      break;
    }
    const expected = new Map([[2, 4], [3, 3], [4, 2], [8, 10]]).get(kind);
    const isOdd = kind === 5 ? length % 8 !== 2 : expected !== undefined && length !== expected;
    if (isOdd) {
      const instead = expected === undefined ? "" : `, not ${expected}`;
      faults.push(`TCP option ${kind} has length ${length}${instead}`);
      options.push({ kind: "raw", bytes: bytes.slice(at, at + length) });
    } else if (kind === 2) options.push({ kind: "mss", size: view.getUint16(at + 2) });
    else if (kind === 3) options.push({ kind: "ws", shift: bytes[at + 2]! });
    else if (kind === 4) options.push({ kind: "sackok" });
    else if (kind === 5) {
      const blocks: [number, number][] = [];
      for (let block = at + 2; block < at + length; block += 8) {
        blocks.push([view.getUint32(block), view.getUint32(block + 4)]);
      }
      options.push({ kind: "sack", blocks });
    } else if (kind === 8) {
      options.push({ kind: "ts", value: view.getUint32(at + 2), echo: view.getUint32(at + 6) });
    } else options.push({ kind: "raw", bytes: bytes.slice(at, at + length) });
    at += length;
  }
  return options;
}

function decodeUdp(
  bytes: Uint8Array,
  pseudo: number,
  checksum: "complete" | "partial",
  faults: string[],
): UdpDatagram | undefined {
  const view = viewOf(bytes);
  if (bytes.length < 8 || view.getUint16(4) !== bytes.length) {
    faults.push(
      `UDP length ${bytes.length < 8 ? "missing" : view.getUint16(4)} of ${bytes.length}`,
    );
    return undefined;
  }
  const field = view.getUint16(6);
  if (field !== 0) checkTransport("UDP", bytes, field, pseudo, checksum, faults);
  return {
    sourcePort: view.getUint16(0),
    destinationPort: view.getUint16(2),
    payload: bytes.slice(8),
  };
}

function decodeIcmp(bytes: Uint8Array, faults: string[]): IcmpMessage | undefined {
  if (bytes.length < 8) {
    faults.push(`the ICMP message has ${bytes.length} bytes, fewer than 8`);
    return undefined;
  }
  if (internetChecksum(bytes) !== 0) faults.push("the ICMP checksum is wrong");
  return {
    type: bytes[0]!,
    code: bytes[1]!,
    rest: viewOf(bytes).getUint32(4),
    payload: bytes.slice(8),
  };
}

function checkTransport(
  name: string,
  bytes: Uint8Array,
  field: number,
  pseudo: number,
  checksum: "complete" | "partial",
  faults: string[],
): void {
  if (checksum === "complete" && internetChecksum(bytes, pseudo) !== 0) {
    faults.push(`the ${name} checksum is wrong`);
  }
  if (checksum === "partial" && field !== 0xffff - internetChecksum(new Uint8Array(0), pseudo)) {
    faults.push(`the ${name} checksum field does not hold the sum of the pseudo-header`);
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

function macText(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(":");
}

function ipText(bytes: Uint8Array): string {
  return bytes.join(".");
}
