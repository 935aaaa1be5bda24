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
  const { bytes, offset, length } = frame;
  return length >= ETHERNET_HEADER_SIZE && length <= capabilities.maxFrame &&
    offset >= 0 && offset + length <= bytes.length &&
    (capabilities.transmitChecksum || frame.checksum !== "partial") &&
    (capabilities.segmentation || frame.segmentSize === 0);
}
