import { read16 } from "../../stack/wire/bytes.ts";
import { HEADER_LENGTH, TYPE, TYPE_IPV4 } from "../../stack/wire/ethernet.ts";
import type { Frame } from "../../stack/wire/frame.ts";
import {
  CONGESTION_EXPERIENCED,
  ECN,
  emitChecksum,
  HEADER_LENGTH as IPV4_HEADER_LENGTH,
  SERVICE,
} from "../../stack/wire/ipv4.ts";

/**
 * Marks an IPv4 packet as a congested router does, if its sender reacts to that (RFC 3168
 * section 5).
 *
 * @param frame Pointed at a marked copy.
 * @returns `false` if the packet cannot be marked, and the frame is as it was.
 */
export function markCongestion(frame: Frame): boolean {
  const { bytes, offset, length } = frame;
  if (length < HEADER_LENGTH + IPV4_HEADER_LENGTH) return false;
  if (read16(bytes, offset + TYPE) !== TYPE_IPV4) return false;
  if ((bytes[offset + HEADER_LENGTH + SERVICE]! & ECN) === 0) return false;
  const copy = bytes.slice(offset, offset + length);
  copy[HEADER_LENGTH + SERVICE]! |= CONGESTION_EXPERIENCED;
  emitChecksum(copy, HEADER_LENGTH);
  frame.bytes = copy;
  frame.offset = 0;
  return true;
}
