import type { Frame } from "../../../stack/wire/frame.ts";

// struct virtio_net_hdr of <linux/virtio_net.h>, which IFF_VNET_HDR puts before each frame. It
// travels in the byte order of the machine: little-endian wherever this runs.
//
//    0        1          2         4          6            8
//   +--------+----------+---------+----------+------------+-------------+
//   | flags  | gso_type | hdr_len | gso_size | csum_start | csum_offset |
//   +--------+----------+---------+----------+------------+-------------+

const FLAGS = 0;
const GSO_TYPE = 1;
const HEADER_LENGTH = 2;
const GSO_SIZE = 4;
const CHECKSUM_START = 6;
const CHECKSUM_OFFSET = 8;

/** Size of the header in bytes. */
export const VIRTIO_NET_HEADER_SIZE = 10;

const NEEDS_CSUM = 1;
const DATA_VALID = 2;

const GSO_NONE = 0;
const GSO_TCPV4 = 1;
const GSO_TCPV6 = 4;

const ETHERTYPE = 12;
const TCP_DATA_OFFSET = 12;

/**
 * Reads the header and sets the offload metadata of the frame that follows it.
 *
 * @param bytes Where the header lies; it has room for {@link VIRTIO_NET_HEADER_SIZE} bytes.
 * @param offset Index of its first byte.
 * @param frame A frame that is already set, with no offload.
 */
export function readVirtioNetHeader(bytes: Uint8Array, offset: number, frame: Frame): void {
  const flags = bytes[offset + FLAGS]!;
  if ((flags & NEEDS_CSUM) !== 0) {
    frame.checksum = "partial";
    frame.checksumStart = read16(bytes, offset + CHECKSUM_START);
    frame.checksumOffset = read16(bytes, offset + CHECKSUM_OFFSET);
    if (bytes[offset + GSO_TYPE] !== GSO_NONE) {
      frame.segmentSize = read16(bytes, offset + GSO_SIZE);
      frame.headerLength = tcpHeadersLength(frame);
    }
  } else if ((flags & DATA_VALID) !== 0) {
    frame.checksum = "verified";
  }
}

/**
 * Writes the header that says what the device must do for a frame.
 *
 * @param frame The frame; a super-segment has a `"partial"` checksum.
 * @param bytes Where to write {@link VIRTIO_NET_HEADER_SIZE} bytes.
 * @param offset Index of the first.
 */
export function writeVirtioNetHeader(frame: Frame, bytes: Uint8Array, offset: number): void {
  const partial = frame.checksum === "partial";
  bytes[offset + FLAGS] = partial ? NEEDS_CSUM : 0;
  let gsoType = GSO_NONE;
  if (frame.segmentSize > 0) {
    // The high byte of the EtherType tells 0x0800 from 0x86dd.
    gsoType = frame.bytes[frame.offset + ETHERTYPE] === 0x08 ? GSO_TCPV4 : GSO_TCPV6;
  }
  bytes[offset + GSO_TYPE] = gsoType;
  write16(bytes, offset + HEADER_LENGTH, frame.headerLength);
  write16(bytes, offset + GSO_SIZE, frame.segmentSize);
  write16(bytes, offset + CHECKSUM_START, partial ? frame.checksumStart : 0);
  write16(bytes, offset + CHECKSUM_OFFSET, partial ? frame.checksumOffset : 0);
}

/**
 * Length of the headers, Ethernet through TCP. The kernel's own hdr_len is a hint: it covers as
 * much of the payload as happens to lie beside the headers.
 */
function tcpHeadersLength(frame: Frame): number {
  const tcp = frame.checksumStart;
  if (tcp + TCP_DATA_OFFSET >= frame.length) return frame.length;
  return tcp + (frame.bytes[frame.offset + tcp + TCP_DATA_OFFSET]! >> 4) * 4;
}

function read16(bytes: Uint8Array, offset: number): number {
  return bytes[offset]! | bytes[offset + 1]! << 8;
}

function write16(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value;
  bytes[offset + 1] = value >> 8;
}
