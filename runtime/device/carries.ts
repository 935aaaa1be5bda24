import type { LinkCapabilities } from "../../stack/link.ts";
import type { Frame } from "../../stack/wire/frame.ts";

/** Size of the Ethernet header in bytes: the shortest frame that any device carries. */
export const ETHERNET_HEADER_SIZE = 14;
/** Size of the largest IP packet in bytes: the payload of the longest super-segment. */
export const MAX_IP_PACKET = 65535;

/**
 * Whether a device carries a frame: it lies within its buffer, is neither too short nor too long,
 * and asks for no offload that the device lacks.
 *
 * @param capabilities What the device can do.
 * @param frame A frame that shall be transmitted.
 */
export function carries(capabilities: LinkCapabilities, frame: Frame): boolean {
  const { bytes, offset, length, apart, apartOffset, apartLength } = frame;
  const here = length - apartLength;
  return here >= ETHERNET_HEADER_SIZE && length <= capabilities.maxFrame &&
    offset >= 0 && offset + here <= bytes.length &&
    apartOffset >= 0 && apartOffset + apartLength <= apart.length &&
    (apartLength === 0 || capabilities.gather === true) &&
    (capabilities.transmitChecksum || frame.checksum !== "partial") &&
    (capabilities.segmentation || frame.segmentSize === 0);
}

/**
 * What a device can do behind one that looks at whole frames: all but frames in two pieces.
 *
 * @param capabilities What the device can do by itself.
 */
export function inOnePiece(capabilities: LinkCapabilities): LinkCapabilities {
  return capabilities.gather ? { ...capabilities, gather: false } : capabilities;
}
