import { type Fault, FAULTS } from "./fault.ts";
import { COMMA, DIGIT_0, equalsIgnoreCase, HTAB, isDigit, SEMICOLON, SP, TOKEN } from "./syntax.ts";

/**
 * The field values that decide where a message ends and whether the connection persists
 * (RFC 9112 sections 6.1, 6.2 and 9.3): read from bytes, strictly, because two readings of one
 * length are how requests are smuggled.
 */

function isBlank(byte: number | undefined): boolean {
  return byte === SP || byte === HTAB;
}

/** The value has not been seen. */
export const NO_LENGTH = -1;

/**
 * Takes one Content-Length value into account. RFC 9112 section 6.3 lets a list, or repeated
 * fields, of one and the same number stand for that number.
 *
 * @param known The length so far, {@link NO_LENGTH} before the first.
 * @returns The length in bytes (`Infinity` beyond 2^53 - 1), or what is wrong.
 */
export function contentLength(
  bytes: Uint8Array,
  start: number,
  end: number,
  known: number,
): number | Fault {
  let length = known;
  let at = start;
  for (;;) {
    while (at < end && isBlank(bytes[at])) at++;
    const digits = at;
    let value = 0;
    for (; at < end && isDigit(bytes[at]!); at++) value = value * 10 + (bytes[at]! - DIGIT_0);
    if (at === digits) return FAULTS.contentLength;
    if (!Number.isSafeInteger(value)) value = Infinity;
    if (length !== NO_LENGTH && length !== value) return FAULTS.contentLengthsDiffer;
    length = value;
    while (at < end && isBlank(bytes[at])) at++;
    if (at === end) return length;
    if (bytes[at] !== COMMA) return FAULTS.contentLength;
    at++;
  }
}

/** What the Transfer-Encoding fields so far amount to. */
export const CODING = {
  /** There was none. */
  none: 0,
  /** `chunked`, and nothing else: the body can be read. */
  chunked: 1,
  /** A coding that is not implemented came last. */
  unknown: 2,
  /** Codings that are not implemented, and then `chunked`. */
  unknownChunked: 3,
} as const;
/** One of the values of {@link CODING}. */
export type Coding = typeof CODING[keyof typeof CODING];

/**
 * Takes one Transfer-Encoding value into account.
 *
 * @param known What the fields before it amount to.
 * @returns What all amount to, or what is wrong.
 */
export function transferCoding(
  bytes: Uint8Array,
  start: number,
  end: number,
  known: Coding,
): Coding | Fault {
  let coding: Coding = known;
  let at = start;
  for (;;) {
    while (at < end && isBlank(bytes[at])) at++;
    const name = at;
    while (at < end && TOKEN[bytes[at]!] === 1) at++;
    if (at === name) return FAULTS.transferEncoding;
    if (coding === CODING.chunked || coding === CODING.unknownChunked) {
      return FAULTS.chunkedNotLast;
    }
    const chunked = equalsIgnoreCase(bytes, name, at, "chunked");
    while (at < end && isBlank(bytes[at])) at++;
    if (at < end && bytes[at] === SEMICOLON) {
      // chunked has no parameters. Those of other codings may hide anything in quotes, so
      // nothing after them is looked at: the request is refused in any case.
      return chunked ? FAULTS.transferEncoding : CODING.unknown;
    }
    if (!chunked) coding = CODING.unknown;
    else coding = coding === CODING.none ? CODING.chunked : CODING.unknownChunked;
    if (at === end) return coding;
    if (bytes[at] !== COMMA) return FAULTS.transferEncoding;
    at++;
  }
}

/** Whether the comma-separated list `bytes[start..end)` has `option` (ASCII, small letters). */
export function listHas(bytes: Uint8Array, start: number, end: number, option: string): boolean {
  let at = start;
  while (at < end) {
    while (at < end && (isBlank(bytes[at]) || bytes[at] === COMMA)) at++;
    const first = at;
    while (at < end && bytes[at] !== COMMA) at++;
    let last = at;
    while (last > first && isBlank(bytes[last - 1])) last--;
    if (equalsIgnoreCase(bytes, first, last, option)) return true;
  }
  return false;
}
