import type { Frame } from "./wire/frame.ts";

/** What a link takes off the stack's hands. Where it does not, the stack does the work itself. */
export interface LinkCapabilities {
  /** Largest IP packet in bytes (the Ethernet payload): 576 to 65535. */
  readonly mtu: number;
  /** Largest frame that `transmit` takes, in bytes with the Ethernet header. */
  readonly maxFrame: number;
  /** Frames may leave with a `"partial"` transport checksum. */
  readonly transmitChecksum: boolean;
  /** TCP super-segments up to `maxFrame` may leave with a `segmentSize`. */
  readonly segmentation: boolean;
  /** The payload of a frame may lie in another buffer than its headers; `false` by default. */
  readonly gather?: boolean;
}

/** Where a stack's frames leave. Every device is a link; a test may give any function. */
export interface Link {
  /** What the link can do; fixed for its lifetime. */
  readonly capabilities: LinkCapabilities;
  /**
   * Takes one frame. The view is only lent: whoever keeps the bytes copies them before returning.
   *
   * @param frame The frame to send.
   * @param now The stack's time in milliseconds.
   * @returns `false` if the link has no room and the frame is lost.
   */
  transmit(frame: Frame, now: number): boolean;
}
