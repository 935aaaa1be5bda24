import { type Fault, FAULTS } from "./fault.ts";
import {
  CODING,
  type Coding,
  contentLength,
  listHas,
  NO_LENGTH,
  transferCoding,
} from "./framing.ts";
import type { Limits } from "./limits.ts";
import {
  COLON,
  CR,
  DIGIT_0,
  equalsIgnoreCase,
  HTAB,
  isDigit,
  latin1,
  LF,
  SP,
  TARGET,
  TOKEN,
  VALUE,
} from "./syntax.ts";
import { checkTarget, isHost } from "./target.ts";

/** The head is not complete yet: call again with more bytes. */
export const INCOMPLETE = 0;
/** The head is complete and without fault. */
export const COMPLETE = 1;
/** The head is wrong: see {@link RequestParser.fault}. */
export const FAULTY = 2;

/** Longest method taken, in bytes; the longest registered one has 17. */
const MAX_METHOD = 64;

/** `HTTP/d.d` (RFC 9112 section 2.3), with 0 where a digit must stand. */
const VERSION = [0x48, 0x54, 0x54, 0x50, 0x2f, 0, 0x2e, 0];
/** Where in it the digits are. */
const MAJOR = 5;
const MINOR = 7;

/** `GET ` and `POST`, as numbers: the methods that most requests have. */
const GET = 0x47455420;
const POST = 0x504f5354;

/**
 * Reads the head of one request after another (RFC 9112 sections 2 to 6) from a buffer that fills
 * up: request line, header section, and what these say about the body and the connection.
 *
 * It goes forward line by line and keeps its place, so each byte is looked at once or twice
 * however small the pieces are in which a client sends them. It keeps offsets, not strings; they
 * count from the start of the head, so the head may be moved in memory.
 */
export class RequestParser {
  /** What is wrong, after {@link FAULTY}. */
  fault: Fault = FAULTS.method;
  /** Method, as sent. */
  method = "";
  /** 1 for HTTP/1.1 and what claims to be later, 0 for HTTP/1.0. */
  minorVersion = 1;
  /** Offset of the request-target. */
  targetStart = 0;
  /** Offset after the request-target. */
  targetEnd = 0;
  /** Offset of the first header line. */
  fieldsStart = 0;
  /** Length of the head in bytes, with the empty line that ends it. */
  length = 0;
  /** Offset of the value of Host. */
  hostStart = 0;
  /** Offset after the value of Host; equal to the start if it is missing or empty. */
  hostEnd = 0;
  /** Content-Length in bytes, or {@link NO_LENGTH}. */
  contentLength: number = NO_LENGTH;
  /** The body is chunked. */
  chunked = false;
  /** The client waits for `100 Continue` before it sends the body. */
  expectsContinue = false;
  /** The client means to send more requests on the connection (RFC 9112 section 9.3). */
  persistent = true;

  readonly #limits: Limits;
  /** Offset of the line to read next; 0 is the request line. */
  #line = 0;
  /** Offset up to which that line has been searched in vain for its end. */
  #searched = 0;
  #fieldCount = 0;
  #hostCount = 0;
  #coding: Coding = CODING.none;
  #close = false;
  #keepAlive = false;
  /** The gravest fault of meaning so far; told once the whole head is known to be well-formed. */
  #objection: Fault | undefined = undefined;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** Makes ready for the head of the next request. */
  reset(): void {
    this.#line = 0;
    this.#searched = 0;
    this.#fieldCount = 0;
    this.#hostCount = 0;
    this.#coding = CODING.none;
    this.#close = false;
    this.#keepAlive = false;
    this.#objection = undefined;
    this.hostStart = 0;
    this.hostEnd = 0;
    this.contentLength = NO_LENGTH;
    this.expectsContinue = false;
  }

  /** Whether part of a head has been taken in: the method, at least. */
  get begun(): boolean {
    return this.#line > 0 || this.#searched > 0;
  }

  /**
   * Reads on.
   *
   * @param bytes The buffer.
   * @param start Where the head starts in it.
   * @param end Where the received bytes end.
   * @returns {@link INCOMPLETE}, {@link COMPLETE} or {@link FAULTY}.
   */
  parse(bytes: Uint8Array, start: number, end: number): number {
    if (this.#searched > this.#line) {
      const lf = bytes.indexOf(LF, start + this.#searched);
      if (lf === -1 || lf >= end) return this.#wait(start, end);
    }
    if (this.#line === 0) {
      const result = this.#requestLine(bytes, start, end);
      if (result !== COMPLETE) return result === INCOMPLETE ? this.#wait(start, end) : FAULTY;
    }
    const result = this.#fields(bytes, start, end);
    if (result !== COMPLETE) return result === INCOMPLETE ? this.#wait(start, end) : FAULTY;
    return this.#judge(bytes, start);
  }

  #fail(fault: Fault): typeof FAULTY {
    this.fault = fault;
    return FAULTY;
  }

  /** All of the bytes have been seen and the line has no end yet: too long already? */
  #wait(start: number, end: number): number {
    this.#searched = end - start;
    if (this.#line === 0) {
      if (this.#searched > this.#limits.maxRequestLine + 1) {
        return this.#fail(FAULTS.requestLineTooLong);
      }
    } else if (this.#searched - this.fieldsStart > this.#limits.maxHeaderBytes) {
      return this.#fail(FAULTS.fieldsTooLarge);
    }
    return INCOMPLETE;
  }

  /** `method SP request-target SP HTTP-version CRLF` (RFC 9112 section 3). */
  #requestLine(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    const word = end - start >= 8
      ? bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 | bytes[at + 3]!
      : 0;
    if (word === GET) {
      this.method = "GET";
      at += 3;
    } else if (word === POST && bytes[at + 4] === SP) {
      this.method = "POST";
      at += 4;
    } else {
      const limit = Math.min(end, start + MAX_METHOD + 1);
      while (at < limit && TOKEN[bytes[at]!] === 1) at++;
      if (at - start > MAX_METHOD) return this.#fail(FAULTS.methodTooLong);
      if (at === end) return INCOMPLETE;
      if (bytes[at] !== SP || at === start) return this.#fail(FAULTS.method);
      this.method = latin1(bytes, start, at);
    }
    const target = ++at;
    while (at < end && TARGET[bytes[at]!] === 1) at++;
    if (at + VERSION.length + 1 - start > this.#limits.maxRequestLine) {
      return this.#fail(FAULTS.requestLineTooLong);
    }
    if (at === end) return INCOMPLETE;
    if (bytes[at] !== SP || at === target) return this.#fail(FAULTS.target);
    this.targetStart = target - start;
    this.targetEnd = at - start;
    const version = ++at;
    for (; at < end && at < version + VERSION.length; at++) {
      const expected = VERSION[at - version]!;
      if (expected === 0 ? !isDigit(bytes[at]!) : bytes[at] !== expected) {
        return this.#fail(FAULTS.version);
      }
    }
    if (end - version < VERSION.length + 1) return INCOMPLETE;
    if (bytes[at] !== CR) return this.#fail(bytes[at] === LF ? FAULTS.bareLf : FAULTS.version);
    if (bytes[version + MAJOR] !== DIGIT_0 + 1) return this.#fail(FAULTS.versionUnsupported);
    if (end - version < VERSION.length + 2) return INCOMPLETE;
    if (bytes[at + 1] !== LF) return this.#fail(FAULTS.bareCr);
    this.minorVersion = bytes[version + MINOR] === DIGIT_0 ? 0 : 1;
    this.#line = this.fieldsStart = at + 2 - start;
    return COMPLETE;
  }

  /** `*( field-line CRLF ) CRLF` (RFC 9112 sections 2.1 and 5). */
  #fields(bytes: Uint8Array, start: number, end: number): number {
    for (;;) {
      const line = start + this.#line;
      if (line >= end) return INCOMPLETE;
      if (bytes[line] === CR) {
        if (line + 1 >= end) return INCOMPLETE;
        if (bytes[line + 1] !== LF) return this.#fail(FAULTS.bareCr);
        this.length = this.#line + 2;
        return COMPLETE;
      }
      let at = line;
      while (at < end && TOKEN[bytes[at]!] === 1) at++;
      if (at >= end) return INCOMPLETE;
      if (bytes[at] !== COLON || at === line) return this.#fail(nameFault(bytes[at]!, at === line));
      const nameEnd = at++;
      while (at < end && (bytes[at] === SP || bytes[at] === HTAB)) at++;
      const value = at;
      while (at < end && VALUE[bytes[at]!] === 1) at++;
      if (at >= end) return INCOMPLETE;
      if (bytes[at] !== CR) {
        return this.#fail(bytes[at] === LF ? FAULTS.bareLf : FAULTS.fieldValue);
      }
      if (at + 1 >= end) return INCOMPLETE;
      if (bytes[at + 1] !== LF) return this.#fail(FAULTS.bareCr);
      this.#line = at + 2 - start;
      if (this.#line - this.fieldsStart > this.#limits.maxHeaderBytes) {
        return this.#fail(FAULTS.fieldsTooLarge);
      }
      if (++this.#fieldCount > this.#limits.maxHeaders) return this.#fail(FAULTS.tooManyFields);
      while (at > value && (bytes[at - 1] === SP || bytes[at - 1] === HTAB)) at--;
      this.#field(bytes, start, line, nameEnd, value, at);
    }
  }

  /** Takes in the fields that HTTP/1.1 itself lives by; the length of the name tells most apart. */
  #field(
    bytes: Uint8Array,
    start: number,
    name: number,
    nameEnd: number,
    value: number,
    valueEnd: number,
  ): void {
    switch (nameEnd - name) {
      case 4:
        if (!equalsIgnoreCase(bytes, name, nameEnd, "host")) return;
        if (++this.#hostCount > 1) return this.#object(FAULTS.hostRepeated);
        if (value < valueEnd && !isHost(bytes, value, valueEnd)) return this.#object(FAULTS.host);
        this.hostStart = value - start;
        this.hostEnd = valueEnd - start;
        return;
      case 6:
        if (!equalsIgnoreCase(bytes, name, nameEnd, "expect")) return;
        // RFC 9110 section 10.1.1: a 100-continue of HTTP/1.0 is ignored.
        if (this.minorVersion === 0) return;
        if (equalsIgnoreCase(bytes, value, valueEnd, "100-continue")) this.expectsContinue = true;
        else this.#object(FAULTS.expectation);
        return;
      case 10:
        if (!equalsIgnoreCase(bytes, name, nameEnd, "connection")) return;
        if (listHas(bytes, value, valueEnd, "close")) this.#close = true;
        if (listHas(bytes, value, valueEnd, "keep-alive")) this.#keepAlive = true;
        return;
      case 14: {
        if (!equalsIgnoreCase(bytes, name, nameEnd, "content-length")) return;
        const length = contentLength(bytes, value, valueEnd, this.contentLength);
        if (typeof length === "number") this.contentLength = length;
        else this.#object(length);
        return;
      }
      case 17: {
        if (!equalsIgnoreCase(bytes, name, nameEnd, "transfer-encoding")) return;
        const coding = transferCoding(bytes, value, valueEnd, this.#coding);
        if (typeof coding === "number") this.#coding = coding;
        else this.#object(coding);
        return;
      }
    }
  }

  /** Notes a fault of meaning: the first one, but what is malformed goes before all others. */
  #object(fault: Fault): void {
    const known = this.#objection;
    if (known === undefined || (fault.status === 400 && known.status !== 400)) {
      this.#objection = fault;
    }
  }

  /** The whole head is known: do its parts agree, and can the request be served? */
  #judge(bytes: Uint8Array, start: number): number {
    const version10 = this.minorVersion === 0;
    if (this.#hostCount === 0 && !version10) this.#object(FAULTS.hostMissing);
    if (this.#coding !== CODING.none) {
      if (this.contentLength !== NO_LENGTH) this.#object(FAULTS.bothLengths);
      if (version10) this.#object(FAULTS.transferEncodingIn10);
      if (this.#coding !== CODING.chunked) this.#object(FAULTS.transferCoding);
    }
    if (this.method === "CONNECT") {
      this.#object(FAULTS.connect);
    } else {
      const wrong = checkTarget(
        bytes,
        start + this.targetStart,
        start + this.targetEnd,
        this.method,
      );
      if (wrong !== undefined) this.#object(wrong);
    }
    if (this.contentLength !== NO_LENGTH) {
      if (this.contentLength > this.#limits.maxBody || this.contentLength === Infinity) {
        this.#object(FAULTS.bodyTooLarge);
      }
    } else if (version10 && needsLength(this.method)) {
      this.#object(FAULTS.lengthRequired);
    }
    if (this.#objection !== undefined) return this.#fail(this.#objection);
    this.chunked = this.#coding === CODING.chunked;
    this.persistent = !this.#close && (!version10 || this.#keepAlive);
    return COMPLETE;
  }
}

/** RFC 1945 section 8.3: in HTTP/1.0 only Content-Length tells where a request's body ends. */
function needsLength(method: string): boolean {
  return method === "POST" || method === "PUT" || method === "PATCH";
}

/** Why a header line does not begin with a field name and a colon. */
function nameFault(byte: number, first: boolean): Fault {
  if (byte === SP || byte === HTAB) return first ? FAULTS.lineFolding : FAULTS.spaceBeforeColon;
  return byte === LF ? FAULTS.bareLf : FAULTS.fieldName;
}
