/**
 * How far the transport checksum (TCP or UDP) of a frame has been dealt with.
 *
 * - `"complete"`: the field holds the whole checksum; whoever receives the frame verifies it.
 * - `"partial"`: the field holds the sum of the pseudo-header only, and whoever puts the frame on a
 *   real wire completes it (virtio `NEEDS_CSUM`). A receiver has nothing to verify: the bytes never
 *   crossed a wire.
 * - `"verified"`: the device has verified it (virtio `DATA_VALID`).
 */
export type ChecksumStatus = "complete" | "partial" | "verified";

const NOWHERE = new Uint8Array(0);

/**
 * A view of one Ethernet frame: bytes, where the frame lies in them, and what the device and the
 * stack leave to each other.
 *
 * One `Frame` is made once and pointed at frame after frame, so nothing is allocated per packet.
 * What it shows is valid until its owner's next receive or transmit call: copy what must stay.
 */
export class Frame {
  /** The buffer that holds the frame, and other things before and behind it. */
  bytes: Uint8Array;
  /** Index in `bytes` of the first byte of the Ethernet header. */
  offset: number;
  /** Length of the frame in bytes, from the Ethernet header to the end of the payload, no FCS. */
  length: number;
  /** State of the transport checksum. */
  checksum: ChecksumStatus = "complete";
  /** With `"partial"`: where summing starts, in bytes from `offset` (the transport header). */
  checksumStart = 0;
  /** With `"partial"`: where the checksum field lies, in bytes from `checksumStart`. */
  checksumOffset = 0;
  /**
   * Payload bytes of each segment when the frame is a TCP super-segment that the device splits
   * (transmit) or has joined (receive); 0 for an ordinary frame.
   */
  segmentSize = 0;
  /** With `segmentSize`: length of the headers to repeat, Ethernet through TCP, in bytes. */
  headerLength = 0;
  /** Where the last `apartLength` bytes of the frame lie (transmit, where the link gathers). */
  apart: Uint8Array = NOWHERE;
  /** Index in `apart` of the first of them. */
  apartOffset = 0;
  /** How many of the frame's `length` bytes lie there; 0: all of them are in `bytes`. */
  apartLength = 0;

  /**
   * Makes a view of a frame, with no offload.
   *
   * @param bytes The buffer.
   * @param offset Index of the frame's first byte.
   * @param length Length of the frame in bytes.
   */
  constructor(bytes: Uint8Array = new Uint8Array(0), offset = 0, length: number = bytes.length) {
    this.bytes = bytes;
    this.offset = offset;
    this.length = length;
  }

  /** Points the view at another frame, with no offload. */
  set(bytes: Uint8Array, offset: number, length: number): void {
    this.bytes = bytes;
    this.offset = offset;
    this.length = length;
    this.clearOffload();
  }

  /** Marks the frame as an ordinary one: whole checksum, one segment, in one piece. */
  clearOffload(): void {
    this.checksum = "complete";
    this.checksumStart = 0;
    this.checksumOffset = 0;
    this.segmentSize = 0;
    this.headerLength = 0;
    this.apart = NOWHERE;
    this.apartOffset = 0;
    this.apartLength = 0;
  }

  /** Has the end of the frame lie in another buffer. */
  setApart(bytes: Uint8Array, offset: number, length: number): void {
    this.apart = bytes;
    this.apartOffset = offset;
    this.apartLength = length;
  }

  /** Takes over the offload metadata of another frame. */
  copyOffload(from: Frame): void {
    this.checksum = from.checksum;
    this.checksumStart = from.checksumStart;
    this.checksumOffset = from.checksumOffset;
    this.segmentSize = from.segmentSize;
    this.headerLength = from.headerLength;
  }

  /** A frame of its own, in one piece: the bytes copied, the offload metadata kept. */
  clone(): Frame {
    const { bytes, offset, length, apart, apartOffset, apartLength } = this;
    const here = length - apartLength;
    const copy = new Frame(new Uint8Array(length));
    copy.bytes.set(bytes.subarray(offset, offset + here));
    copy.bytes.set(apart.subarray(apartOffset, apartOffset + apartLength), here);
    copy.copyOffload(this);
    return copy;
  }

  /** The bytes of a frame in one piece, as a view without a copy. */
  view(): Uint8Array {
    return this.bytes.subarray(this.offset, this.offset + this.length);
  }
}
