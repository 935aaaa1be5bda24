import { type Fault, FAULTS } from "./fault.ts";
import type { Limits } from "./limits.ts";
import { COLON, CR, HEX, HTAB, LF, SEMICOLON, SP, TOKEN, VALUE } from "./syntax.ts";

/**
 * The chunked transfer coding (RFC 9112 section 7.1), read:
 *
 *     chunked-body = *chunk last-chunk trailer-section CRLF
 *     chunk        = chunk-size [ chunk-ext ] CRLF chunk-data CRLF
 *     last-chunk   = 1*"0" [ chunk-ext ] CRLF
 *
 * A state per position in that grammar, so that the bytes may come in any pieces. Extensions are
 * skipped and trailers discarded, both checked and within limits.
 */
const enum State {
  SizeStart,
  Size,
  BeforeExtension,
  Extension,
  ExtensionSpace,
  SizeLf,
  Data,
  DataCr,
  DataLf,
  LineStart,
  FieldName,
  FieldValue,
  FieldLf,
  LastLf,
  Done,
  Faulty,
}

/** Most digits of a chunk size: what a number holds exactly, and some zeros before. */
const MAX_SIZE_DIGITS = 16;
/** Longest chunk extension of one chunk, in bytes, with what is before and after it. */
const MAX_EXTENSION = 4_096;

/** All that was offered has been taken in; there is no data in it (any more). */
export const WAIT = 0;
/** Data was found: see {@link ChunkedDecoder.dataStart}. */
export const DATA = 1;
/** The body has ended. */
export const END = 2;
/** The body is wrong: see {@link ChunkedDecoder.fault}. */
export const BROKEN = 3;

/** Decodes one chunked body. */
export class ChunkedDecoder {
  /** What is wrong, after {@link BROKEN}. */
  fault: Fault = FAULTS.chunkSize;
  /** Where the data starts, after {@link DATA}. */
  dataStart = 0;
  /** Where it ends. */
  dataEnd = 0;
  /** Where to go on from, in every case. */
  next = 0;

  readonly #limits: Limits;
  #state: State = State.SizeStart;
  /** Bytes of the chunk that are still to come; while its size is read: the size so far. */
  #size = 0;
  /** Digits of the size, then bytes of the extension or of the trailer section. */
  #count = 0;
  #trailers = 0;
  /** Bytes of data so far. */
  #total = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /**
   * Takes in bytes up to the end of the next piece of data.
   *
   * @param bytes The buffer.
   * @param start Where to go on: `next` of the last call.
   * @param end Where the received bytes end.
   * @returns {@link WAIT}, {@link DATA}, {@link END} or {@link BROKEN}.
   */
  decode(bytes: Uint8Array, start: number, end: number): number {
    if (this.#state === State.Done) return this.#stop(start, END);
    if (this.#state === State.Faulty) return this.#stop(start, BROKEN);
    for (let at = start; at < end; at++) {
      const byte = bytes[at]!;
      switch (this.#state) {
        case State.SizeStart:
        case State.Size:
          if (HEX[byte]! < 16) {
            this.#size = this.#size * 16 + HEX[byte]!;
            if (++this.#count > MAX_SIZE_DIGITS) return this.#fail(FAULTS.chunkSize, at);
            if (this.#size > this.#limits.maxBody - this.#total || this.#size > 2 ** 53) {
              return this.#fail(FAULTS.bodyTooLarge, at);
            }
            this.#state = State.Size;
            break;
          }
          if (this.#state === State.SizeStart) return this.#fail(FAULTS.chunkSize, at);
          this.#count = 0;
          if (byte === CR) this.#state = State.SizeLf;
          else if (byte === SEMICOLON) this.#state = State.Extension;
          else if (byte === SP || byte === HTAB) this.#state = State.BeforeExtension;
          else return this.#fail(byte === LF ? FAULTS.bareLf : FAULTS.chunkSize, at);
          break;
        case State.BeforeExtension:
          if (byte === SEMICOLON) this.#state = State.Extension;
          else if (byte !== SP && byte !== HTAB) return this.#fail(FAULTS.chunkExtension, at);
          if (++this.#count > MAX_EXTENSION) return this.#fail(FAULTS.chunkExtension, at);
          break;
        case State.Extension:
        case State.ExtensionSpace:
          if (byte === CR && this.#state === State.Extension) this.#state = State.SizeLf;
          else if (byte === SP || byte === HTAB) this.#state = State.ExtensionSpace;
          else if (VALUE[byte] === 1) this.#state = State.Extension;
          else return this.#fail(byte === LF ? FAULTS.bareLf : FAULTS.chunkExtension, at);
          if (++this.#count > MAX_EXTENSION) return this.#fail(FAULTS.chunkExtension, at);
          break;
        case State.SizeLf:
          if (byte !== LF) return this.#fail(FAULTS.bareCr, at);
          this.#total += this.#size;
          this.#count = 0;
          this.#state = this.#size === 0 ? State.LineStart : State.Data;
          break;
        case State.Data: {
          const length = Math.min(this.#size, end - at);
          this.#size -= length;
          if (this.#size === 0) this.#state = State.DataCr;
          this.dataStart = at;
          this.dataEnd = at + length;
          return this.#stop(at + length, DATA);
        }
        case State.DataCr:
          if (byte !== CR) return this.#fail(FAULTS.chunkEnd, at);
          this.#state = State.DataLf;
          break;
        case State.DataLf:
          if (byte !== LF) return this.#fail(FAULTS.chunkEnd, at);
          this.#state = State.SizeStart;
          break;
        default: {
          const fault = this.#trailer(byte);
          if (fault !== undefined) return this.#fail(fault, at);
          if (this.#isDone()) return this.#stop(at + 1, END);
        }
      }
    }
    return this.#stop(end, WAIT);
  }

  /** One byte of `trailer-section CRLF`, with the same strictness as the header section. */
  #trailer(byte: number): Fault | undefined {
    if (++this.#count > this.#limits.maxHeaderBytes + 2) return FAULTS.fieldsTooLarge;
    switch (this.#state) {
      case State.LineStart:
        if (byte === CR) this.#state = State.LastLf;
        else if (TOKEN[byte] !== 1) return byte === LF ? FAULTS.bareLf : FAULTS.fieldName;
        else if (++this.#trailers > this.#limits.maxHeaders) return FAULTS.tooManyFields;
        else this.#state = State.FieldName;
        return undefined;
      case State.FieldName:
        if (byte === COLON) this.#state = State.FieldValue;
        else if (TOKEN[byte] !== 1) return byte === LF ? FAULTS.bareLf : FAULTS.fieldName;
        return undefined;
      case State.FieldValue:
        if (byte === CR) this.#state = State.FieldLf;
        else if (VALUE[byte] !== 1) return byte === LF ? FAULTS.bareLf : FAULTS.fieldValue;
        return undefined;
      default:
        if (byte !== LF) return FAULTS.bareCr;
        this.#state = this.#state === State.FieldLf ? State.LineStart : State.Done;
        return undefined;
    }
  }

  #isDone(): boolean {
    return this.#state === State.Done;
  }

  #stop(next: number, result: number): number {
    this.next = next;
    return result;
  }

  #fail(fault: Fault, at: number): number {
    this.#state = State.Faulty;
    this.fault = fault;
    return this.#stop(at, BROKEN);
  }
}

/** What ends a chunked body: the last chunk and an empty trailer section. */
export const LAST_CHUNK = "0\r\n\r\n";

/** What begins a chunk of `size` bytes, 1 or more. */
export function chunkHead(size: number): string {
  return `${size.toString(16)}\r\n`;
}
