// Where things lie in what a TAP gives and takes, and frames that are built once and sent often.

import { foldPartial, sum } from "../../../stack/wire/checksum.ts";
import * as ethernet from "../../../stack/wire/ethernet.ts";
import { Frame } from "../../../stack/wire/frame.ts";
import * as ipv4 from "../../../stack/wire/ipv4.ts";
import { PROTOCOL_TCP } from "../../../stack/wire/protocol.ts";
import * as tcp from "../../../stack/wire/tcp.ts";
import { write16 } from "../../../stack/wire/bytes.ts";
import {
  VIRTIO_NET_HEADER_SIZE,
  writeVirtioNetHeader,
} from "../../../runtime/device/linux/virtio_net.ts";

/** Index of the Ethernet header, behind the virtio-net header. */
export const ETHERNET = VIRTIO_NET_HEADER_SIZE;
/** Index of the IPv4 header; it never has options here. */
export const IP = ETHERNET + ethernet.HEADER_LENGTH;
/** Index of the TCP header. */
export const TCP = IP + ipv4.HEADER_LENGTH;
/** Index of the payload behind a TCP header without options. */
export const PAYLOAD = TCP + tcp.TCP_HEADER_LENGTH;

/** Largest payload of a segment on a link with an MTU of 1500. */
export const MSS = 1460;
/** The window that is always offered, 64 MiB with its scale. */
const WINDOW = 65535;
const WINDOW_SCALE = 10;

/** Our MAC address, the same as Taproom's. */
export const MAC: Uint8Array = Uint8Array.of(2, 0, 0, 0, 0, 2);
/** Our address and that of the clients, as 32 bits: 192.168.69.2 and 192.168.69.1. */
export const ADDRESS = 0xc0a84502 | 0;
export const CLIENT = 0xc0a84501 | 0;

const SYN_OPTIONS = {
  mss: MSS,
  windowScale: WINDOW_SCALE,
  sackPermitted: false,
  timestamp: undefined,
  timestampEcho: 0,
};
const SYN_OPTIONS_LENGTH = 8;

/**
 * Builds a frame from us to the clients. Ports, sequence numbers and the clients' MAC address are
 * left open: no checksum depends on them, since the kernel completes that of TCP and we give it the
 * sum of the pseudo-header only.
 *
 * @param flags TCP flags; with SYN the options are added.
 * @param payload What it carries.
 */
export function template(flags: number, payload = new Uint8Array(0)): Uint8Array<ArrayBuffer> {
  const options = (flags & tcp.SYN) !== 0 ? SYN_OPTIONS_LENGTH : 0;
  const bytes = new Uint8Array(PAYLOAD + options + payload.length);
  if (options > 0) tcp.writeSynOptions(bytes, TCP, SYN_OPTIONS);
  ethernet.emit(bytes, ETHERNET, new Uint8Array(6), MAC, ethernet.TYPE_IPV4);
  const headerLength = tcp.TCP_HEADER_LENGTH + options;
  tcp.writeSegment(bytes, TCP, 0, 0, 0, 0, flags, WINDOW, headerLength);
  bytes.set(payload, PAYLOAD + options);
  setLength(bytes, headerLength + payload.length);
  return bytes;
}

const frame = new Frame();

/**
 * Writes everything of a frame that depends on its length.
 *
 * @param length Length of the TCP segment in bytes, header included, even where the payload lies
 *   elsewhere. The kernel splits what is longer than {@link MSS}.
 */
export function setLength(bytes: Uint8Array, length: number): void {
  ipv4.emit(
    bytes,
    IP,
    ipv4.HEADER_LENGTH + length,
    0,
    ipv4.DONT_FRAGMENT,
    64,
    PROTOCOL_TCP,
    ADDRESS,
    CLIENT,
    0,
  );
  const pseudoHeader = sum(bytes, IP + ipv4.SOURCE, 8, PROTOCOL_TCP + length);
  write16(bytes, TCP + tcp.CHECKSUM, foldPartial(pseudoHeader));
  frame.set(bytes, ETHERNET, TCP + length - ETHERNET);
  frame.checksum = "partial";
  frame.checksumStart = TCP - ETHERNET;
  frame.checksumOffset = tcp.CHECKSUM;
  if (length > MSS + tcp.TCP_HEADER_LENGTH) {
    frame.segmentSize = MSS;
    frame.headerLength = PAYLOAD - ETHERNET;
  }
  writeVirtioNetHeader(frame, bytes, 0);
}
