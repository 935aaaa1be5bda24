import { type Fault, FAULTS } from "./fault.ts";
import { COLON, equalsIgnoreCase, HEX, isDigit, latin1, REG_NAME, SLASH } from "./syntax.ts";

/**
 * The request-target (RFC 9112 section 3.2) and the host: which forms are accepted, and the URL
 * that they make together.
 */

const ASTERISK = 0x2a;
const QUESTION_MARK = 0x3f;
const OPENING_BRACKET = 0x5b;
const CLOSING_BRACKET = 0x5d;
const DOT = 0x2e;

const MAX_PORT = 65535;

/**
 * Whether `bytes[start..end)` is a host with an optional port (RFC 3986 section 3.2.2 and 3.2.3):
 * a name or IPv4 address, or an IPv6 address in brackets. No user, no percent-encoding, and no
 * name that URLs take for an IPv4 address and that is none (`1.2.3.4.5`).
 */
export function isHost(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  if (bytes[at] === OPENING_BRACKET) {
    at++;
    while (at < end && (HEX[bytes[at]!]! < 16 || bytes[at] === COLON || bytes[at] === DOT)) at++;
    if (at >= end || bytes[at] !== CLOSING_BRACKET || at === start + 1) return false;
    at++;
  } else {
    while (at < end && REG_NAME[bytes[at]!] === 1) at++;
    if (at === start || !isNameOrAddress(bytes, start, at)) return false;
  }
  if (at === end) return true;
  if (bytes[at] !== COLON) return false;
  let port = 0;
  for (at++; at < end; at++) {
    if (!isDigit(bytes[at]!)) return false;
    port = port * 10 + HEX[bytes[at]!]!;
    if (port > MAX_PORT) return false;
  }
  return true;
}

/**
 * Whether a host is a name, or else an IPv4 address: the URL standard takes for an address
 * whatever has a number for its last label.
 */
function isNameOrAddress(bytes: Uint8Array, start: number, end: number): boolean {
  let last = bytes[end - 1] === DOT ? end - 1 : end;
  while (last > start && bytes[last - 1] !== DOT) last--;
  if (!isDigit(bytes[last]!) || isDottedQuad(bytes, start, end)) return true;
  return URL.canParse(`http://${latin1(bytes, start, end)}`);
}

/** Whether this is an address as it is usually written, `192.168.69.2`. */
function isDottedQuad(bytes: Uint8Array, start: number, end: number): boolean {
  let dots = 0;
  let number = 0;
  let digits = 0;
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    if (isDigit(byte)) {
      if (digits > 0 && number === 0) return false; // Octal.
      number = number * 10 + HEX[byte]!;
      if (++digits > 3 || number > 255) return false;
    } else {
      if (byte !== DOT || digits === 0) return false;
      dots++;
      number = digits = 0;
    }
  }
  return dots === 3 && digits > 0;
}

/** Where the authority of an absolute-form target begins: after `http://` or `https://`; or -1. */
function authorityStart(bytes: Uint8Array, start: number, end: number): number {
  for (const scheme of ["http://", "https://"]) {
    const after = start + scheme.length;
    if (after < end && equalsIgnoreCase(bytes, start, after, scheme)) return after;
  }
  return -1;
}

/**
 * Judges a request-target: origin-form (`/path?query`), absolute-form (`http://host/path`), or
 * asterisk-form with OPTIONS.
 *
 * @returns The fault, `undefined` if there is none.
 */
export function checkTarget(
  bytes: Uint8Array,
  start: number,
  end: number,
  method: string,
): Fault | undefined {
  if (bytes[start] === SLASH) return undefined;
  if (bytes[start] === ASTERISK && end === start + 1) {
    return method === "OPTIONS" ? undefined : FAULTS.targetForm;
  }
  const authority = authorityStart(bytes, start, end);
  if (authority === -1) return FAULTS.targetForm;
  let at = authority;
  while (at < end && bytes[at] !== SLASH && bytes[at] !== QUESTION_MARK) at++;
  return isHost(bytes, authority, at) ? undefined : FAULTS.host;
}

/**
 * The URL of a request whose target passed {@link checkTarget}: the target itself in
 * absolute-form (RFC 9112 section 3.2.2: the Host field is then ignored), else `http://`, the
 * host and the target. As it was sent, not normalised, as `Deno.serve` gives it.
 *
 * @param host Host and port for the other forms.
 */
export function targetUrl(bytes: Uint8Array, start: number, end: number, host: string): string {
  const target = latin1(bytes, start, end);
  if (bytes[start] === SLASH) return `http://${host}${target}`;
  return bytes[start] === ASTERISK ? `http://${host}/*` : target;
}
