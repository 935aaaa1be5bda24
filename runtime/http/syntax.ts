/**
 * The bytes of HTTP/1.1 syntax (RFC 9110 section 5.6, RFC 9112 section 2.2): which byte may stand
 * where, and how bytes become strings. Tables, so that the parser looks each byte up once.
 */

/** Horizontal tab. */
export const HTAB = 0x09;
/** Line feed. */
export const LF = 0x0a;
/** Carriage return. */
export const CR = 0x0d;
/** Space. */
export const SP = 0x20;
/** `,` */
export const COMMA = 0x2c;
/** `/` */
export const SLASH = 0x2f;
/** `0` */
export const DIGIT_0 = 0x30;
/** `:` */
export const COLON = 0x3a;
/** `;` */
export const SEMICOLON = 0x3b;

function table(allowed: (byte: number, character: string) => boolean): Uint8Array {
  const bytes = new Uint8Array(256);
  for (let byte = 0; byte < 256; byte++) {
    if (allowed(byte, String.fromCharCode(byte))) bytes[byte] = 1;
  }
  return bytes;
}

/** 1 for each byte of a token (`tchar`, RFC 9110 section 5.6.2): methods and field names. */
export const TOKEN: Uint8Array = table((_, c) => /[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(c));

/**
 * 1 for each byte of a request-target: every visible ASCII character. RFC 3986 has fewer; browsers
 * send some of the others (`|`, `^`, `"`). But no `#`: a fragment is never sent (RFC 9112
 * section 3.2).
 */
export const TARGET: Uint8Array = table((byte, c) => byte > SP && byte < 0x7f && c !== "#");

/** 1 for each byte of a field value (RFC 9110 section 5.5): HTAB, SP, visible ASCII, obs-text. */
export const VALUE: Uint8Array = table((byte) => byte === HTAB || (byte >= SP && byte !== 0x7f));

/**
 * 1 for each byte of a registered name or IPv4 address (RFC 3986 section 3.2.2), without
 * percent-encoding: no URL parser would give such a host back unchanged.
 */
export const REG_NAME: Uint8Array = table((_, c) => /[A-Za-z0-9\-._~!$&'()*+,;=]/.test(c));

/** Each byte, with `A` to `Z` made small. */
export const LOWER: Uint8Array = new Uint8Array(256).map((_, byte) =>
  byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte
);

/** Value of a hexadecimal digit, 255 for any other byte. */
export const HEX: Uint8Array = new Uint8Array(256).fill(255).map((none, byte) => {
  const digit = Number.parseInt(String.fromCharCode(byte), 16);
  return Number.isNaN(digit) ? none : digit;
});

/** Whether the byte is `0` to `9`. */
export function isDigit(byte: number): boolean {
  return byte >= DIGIT_0 && byte <= 0x39;
}

/** Whether `bytes[start..end)` is `lower` (ASCII, small letters) in any mixture of case. */
export function equalsIgnoreCase(
  bytes: Uint8Array,
  start: number,
  end: number,
  lower: string,
): boolean {
  if (end - start !== lower.length) return false;
  for (let i = 0; i < lower.length; i++) {
    if (LOWER[bytes[start + i]!] !== lower.charCodeAt(i)) return false;
  }
  return true;
}

const utf8 = new TextDecoder();
const fromCharCode = String.fromCharCode;

/** Length from which the decoder's fixed cost is less than that of joining characters. */
const LONG = 64;

/** `bytes[start..end)` as a string of one character per byte (isomorphic decode). */
export function latin1(bytes: Uint8Array, start: number, end: number): string {
  if (end - start > LONG) {
    let all = 0;
    for (let i = start; i < end; i++) all |= bytes[i]!;
    // ASCII is the same in UTF-8; the decoder called "latin1" is windows-1252, which is not.
    if (all < 0x80) return utf8.decode(bytes.subarray(start, end));
  }
  let text = "";
  let i = start;
  for (; i + 8 <= end; i += 8) {
    text += fromCharCode(
      bytes[i]!,
      bytes[i + 1]!,
      bytes[i + 2]!,
      bytes[i + 3]!,
      bytes[i + 4]!,
      bytes[i + 5]!,
      bytes[i + 6]!,
      bytes[i + 7]!,
    );
  }
  for (; i < end; i++) text += fromCharCode(bytes[i]!);
  return text;
}
