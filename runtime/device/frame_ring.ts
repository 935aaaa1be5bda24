import type { ChecksumStatus, Frame } from "../../stack/wire/frame.ts";

// The ring is one buffer. Records follow one another and are never split: one that does not fit
// before the end starts again at 0, and the rest of the buffer is marked as skipped.
//
//   0                 head                            tail            capacity
//   +-----------------+--------+--------+--------+----+----------------+
//   |      free       | record | record | record |    |      free      |
//   +-----------------+--------+--------+--------+----+----------------+
//
//   0        tail              head                            capacity
//   +--------+-----------------+--------+--------+-------------+
//   | record |      free       | record | record |   skipped   |
//   +--------+-----------------+--------+--------+-------------+
//
// A record: four 32-bit words, then the frame, filled up to a multiple of 8 bytes.
//
//   +--------+-----------------+---------------------------+--------------------------+-------+
//   | length | checksum status | checksumStart << 16       | segmentSize << 16        | frame |
//   |        |                 |         | checksumOffset  |          | headerLength  |       |
//   +--------+-----------------+---------------------------+--------------------------+-------+

const RECORD_HEADER_SIZE = 16;
const SKIPPED = -1;

const STATUSES: readonly ChecksumStatus[] = ["complete", "partial", "verified"];

/** Below this length a loop copies faster than a view is made. */
const SMALL_COPY = 64;

/**
 * A queue of copied frames in a buffer of fixed size. Nothing is allocated per frame; the buffer
 * is allocated with the first one.
 */
export class FrameRing {
  readonly #capacity: number;
  #bytes = new Uint8Array(0);
  #words = new Int32Array(0);
  #head = 0;
  #tail = 0;
  /** Bytes from head to tail, skipped ones included: tells a full ring from an empty one. */
  #used = 0;
  /** Size of the record at the head that was taken, and whose frame is still shown. */
  #shown = 0;

  /** @param capacity Size of the buffer in bytes. */
  constructor(capacity: number) {
    this.#capacity = capacity & ~7;
  }

  /** Whether there is no frame to take. */
  get isEmpty(): boolean {
    return this.#used === this.#shown;
  }

  /**
   * Appends a copy of a frame.
   *
   * @returns `false` if there is no room for it.
   */
  push(frame: Frame): boolean {
    const { length } = frame;
    const at = this.#place(recordSize(length));
    if (at < 0) return false;
    const words = this.#words;
    const word = at >> 2;
    words[word] = length;
    words[word + 1] = STATUSES.indexOf(frame.checksum);
    words[word + 2] = frame.checksumStart << 16 | frame.checksumOffset;
    words[word + 3] = frame.segmentSize << 16 | frame.headerLength;
    copy(frame, this.#bytes, at + RECORD_HEADER_SIZE);
    return true;
  }

  /**
   * Takes the oldest frame.
   *
   * @param frame Pointed at it; the bytes stay until the next call.
   * @returns `false` if there is none.
   */
  shift(frame: Frame): boolean {
    this.#release(this.#shown);
    this.#shown = 0;
    if (this.#used === 0) return false;
    const words = this.#words;
    if (words[this.#head >> 2] === SKIPPED) this.#release(this.#capacity - this.#head);
    const word = this.#head >> 2;
    const length = words[word]!;
    frame.bytes = this.#bytes;
    frame.offset = this.#head + RECORD_HEADER_SIZE;
    frame.length = length;
    frame.checksum = STATUSES[words[word + 1]!]!;
    frame.checksumStart = words[word + 2]! >>> 16;
    frame.checksumOffset = words[word + 2]! & 0xffff;
    frame.segmentSize = words[word + 3]! >>> 16;
    frame.headerLength = words[word + 3]! & 0xffff;
    this.#shown = recordSize(length);
    return true;
  }

  /** Forgets every frame and gives the buffer back; what a frame still shows stays as it is. */
  clear(): void {
    this.#bytes = new Uint8Array(0);
    this.#words = new Int32Array(0);
    this.#head =
      this.#tail =
      this.#used =
      this.#shown =
        0;
  }

  /** Where a record of a size goes, taken off the free part; negative if there is no room. */
  #place(size: number): number {
    const capacity = this.#capacity;
    if (this.#bytes.length === 0) {
      this.#bytes = new Uint8Array(capacity);
      this.#words = new Int32Array(this.#bytes.buffer);
    }
    if (this.#used === 0) this.#head = this.#tail = 0;
    const wrapped = this.#tail < this.#head || (this.#tail === this.#head && this.#used > 0);
    let at = this.#tail;
    if (size > (wrapped ? this.#head : capacity) - at) {
      if (wrapped || size > this.#head) return -1;
      if (at < capacity) this.#words[at >> 2] = SKIPPED;
      this.#used += capacity - at;
      at = 0;
    }
    this.#tail = at + size;
    this.#used += size;
    return at;
  }

  #release(size: number): void {
    this.#head += size;
    if (this.#head === this.#capacity) this.#head = 0;
    this.#used -= size;
  }
}

/** Bytes of the ring that a frame of a length takes. */
export function recordSize(length: number): number {
  return RECORD_HEADER_SIZE + ((length + 7) & ~7);
}

/** Copies a frame's bytes to a place in another buffer. */
function copy(frame: Frame, to: Uint8Array, at: number): void {
  const { bytes, offset, length } = frame;
  if (length > SMALL_COPY) {
    to.set(bytes.subarray(offset, offset + length), at);
  } else {
    for (let i = 0; i < length; i++) to[at + i] = bytes[offset + i]!;
  }
}
