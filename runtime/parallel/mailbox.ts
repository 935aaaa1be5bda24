import type { Frame } from "../../stack/wire/frame.ts";

// Words before the ring: who writes (its index + 1; 0: nobody), and how many bytes were ever put and
// taken, both modulo 2^32.
const LOCK = 0;
const PUT = 1;
const TAKEN = 2;
const HEADER_SIZE = 16;

// A record in the ring: three words, then the frame, then padding to a whole word.
//
//    0           4              8          12
//   +-----------+--------------+----------+--------
//   | length    | segment size | asked    | frame…
//   +-----------+--------------+----------+--------
//
// A record does not wrap: before one that would, a length of -1 says that the rest is left out.
const LENGTH = 0;
const SEGMENT_SIZE = 1;
const ASKED = 2;
const RECORD_HEADER = 12;
const SKIP = -1;

/** How often a writer looks whether another has done, before it gives up: about 0.1 ms. */
const PATIENCE = 10_000;

/** Room of a mailbox in bytes: for thirty of the largest frames, or thousands of small ones. */
export const MAILBOX_CAPACITY = 1 << 21;

/**
 * Frames from several threads to one: a ring in shared memory. A writer holds the lock while it
 * writes; the reader, of which there is one at a time, needs none.
 */
export class Mailbox {
  /** What other threads make the same mailbox of. */
  readonly memory: SharedArrayBuffer;
  readonly #state: Int32Array;
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #capacity: number;

  /** @param memory That of the mailbox, or the capacity of a new one in bytes, a power of two. */
  constructor(memory: SharedArrayBuffer | number = MAILBOX_CAPACITY) {
    this.memory = typeof memory === "number" ? new SharedArrayBuffer(HEADER_SIZE + memory) : memory;
    this.#capacity = this.memory.byteLength - HEADER_SIZE;
    this.#state = new Int32Array(this.memory, 0, HEADER_SIZE / 4);
    this.#words = new Int32Array(this.memory, HEADER_SIZE);
    this.#bytes = new Uint8Array(this.memory, HEADER_SIZE);
  }

  /**
   * Puts a frame in, given in two pieces.
   *
   * @param writer Index of the thread that does so.
   * @param head The first piece.
   * @param body The second piece.
   * @param segmentSize `Frame.segmentSize`.
   * @param asked Given to whoever takes it.
   * @returns `false` if there is no room, or others write for too long.
   */
  put(
    writer: number,
    head: Uint8Array,
    body: Uint8Array,
    segmentSize: number,
    asked: number,
  ): boolean {
    if (!this.#lock(writer)) return false;
    const length = head.length + body.length;
    const size = recordSize(length);
    const put = Atomics.load(this.#state, PUT);
    let at = put & this.#capacity - 1;
    const left = this.#capacity - at;
    const skipped = size > left ? left : 0;
    const used = (put - Atomics.load(this.#state, TAKEN)) >>> 0;
    const hasRoom = used + skipped + size <= this.#capacity;
    if (hasRoom) {
      if (skipped > 0) {
        this.#words[at / 4] = SKIP;
        at = 0;
      }
      this.#words[at / 4 + LENGTH] = length;
      this.#words[at / 4 + SEGMENT_SIZE] = segmentSize;
      this.#words[at / 4 + ASKED] = asked;
      this.#bytes.set(head, at + RECORD_HEADER);
      this.#bytes.set(body, at + RECORD_HEADER + head.length);
      Atomics.store(this.#state, PUT, (put + skipped + size) | 0);
    }
    Atomics.store(this.#state, LOCK, 0);
    return hasRoom;
  }

  /** Whether nothing is in it. */
  get isEmpty(): boolean {
    return Atomics.load(this.#state, PUT) === Atomics.load(this.#state, TAKEN);
  }

  /**
   * Takes the oldest frame out of a mailbox that is not empty.
   *
   * @param frame Pointed at it.
   * @param buffer Where the frame is copied to.
   * @returns The `asked` that it was put in with.
   */
  take(frame: Frame, buffer: Uint8Array): number {
    let taken = Atomics.load(this.#state, TAKEN);
    let at = taken & this.#capacity - 1;
    if (this.#words[at / 4] === SKIP) {
      taken += this.#capacity - at;
      at = 0;
    }
    const length = this.#words[at / 4 + LENGTH]!;
    const asked = this.#words[at / 4 + ASKED]!;
    buffer.set(this.#bytes.subarray(at + RECORD_HEADER, at + RECORD_HEADER + length));
    frame.set(buffer, 0, length);
    frame.segmentSize = this.#words[at / 4 + SEGMENT_SIZE]!;
    Atomics.store(this.#state, TAKEN, (taken + recordSize(length)) | 0);
    return asked;
  }

  /** A thread has died: if it was writing, it no longer is. */
  release(writer: number): void {
    Atomics.compareExchange(this.#state, LOCK, writer + 1, 0);
  }

  #lock(writer: number): boolean {
    for (let tries = 0; tries < PATIENCE; tries++) {
      if (Atomics.compareExchange(this.#state, LOCK, 0, writer + 1) === 0) return true;
    }
    return false;
  }
}

/** What a frame takes in the ring. */
function recordSize(length: number): number {
  return RECORD_HEADER + (length + 3 & ~3);
}
