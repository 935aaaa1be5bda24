import { PLAIN_TEXT, type QuickBody, type ResponseBody, takeBody } from "./response_body.ts";
import { DATE_LENGTH, dateBytes } from "./date.ts";
import type { Output } from "./output.ts";
import { statusLine } from "./status.ts";
import { DIGIT_0 } from "./syntax.ts";

/** What the handler's Response amounts to on the wire. */
export interface Reply {
  /** Status code, 200 to 599. */
  status: number;
  /** The header lines that are passed on, each with its CRLF. */
  fields: string;
  /** Whether a Date is among them. */
  dated: boolean;
  /** Whether the handler asked for `Connection: close`. */
  close: boolean;
  /** The handler's own Content-Length, if it is one. */
  contentLength: number | undefined;
  /** The body. */
  body: ResponseBody;
}

/**
 * Takes a Response apart. Fields that are the business of the connection (RFC 9110 section 7.6.1)
 * are not passed on, and no value can end its line: control characters become spaces.
 *
 * @throws {TypeError} If it cannot be sent, in the words of `Deno.serve`.
 */
export function replyOf(response: Response): Reply {
  if (response.type === "error") {
    throw new TypeError(
      "Return value from serve handler must not be an error response (like Response.error())",
    );
  }
  if (response.bodyUsed) {
    throw new TypeError(
      "The body of the Response returned from the serve handler has already been consumed",
    );
  }
  const { status } = response;
  if (status < 200) {
    throw new TypeError(`The status of the Response is ${status}, but must be a final one`);
  }
  const reply: Reply = {
    status,
    fields: "",
    dated: false,
    close: false,
    contentLength: undefined,
    body: null,
  };
  response.headers.forEach((value, name) => {
    switch (name) {
      case "connection":
        reply.close ||= /(?:^|,)[ \t]*close[ \t]*(?:,|$)/i.test(value);
        return;
      case "content-length": {
        const length = /^\d+$/.test(value) ? Number(value) : NaN;
        if (Number.isSafeInteger(length)) reply.contentLength = length;
        return;
      }
      case "keep-alive":
      case "proxy-connection":
      case "te":
      case "trailer":
      case "transfer-encoding":
      case "upgrade":
        return;
      case "date":
        reply.dated = true;
    }
    reply.fields += `${name}: ${value.replace(CONTROL, " ")}\r\n`;
  });
  reply.body = takeBody(response);
  return reply;
}

// deno-lint-ignore no-control-regex
const CONTROL = /[\x00-\x08\x0a-\x1f\x7f]/g;

/** Adds status line, fields and date of a response: all but what frames it. */
export function addHead(output: Output, reply: Reply): void {
  output.add(statusLine(reply.status));
  output.addLatin1(reply.fields);
  if (reply.dated) return;
  output.addLatin1("date: ");
  output.add(dateBytes());
  output.addLatin1("\r\n");
}

/**
 * Head of a response of status 200 with at most a content type, up to the number after
 * `content-length: `, to be copied in one go.
 */
class Template {
  readonly #bytes: Uint8Array;
  readonly #date: number;
  #second: number;

  constructor(contentType: string | null) {
    const type = contentType === null ? "" : `content-type: ${contentType}\r\n`;
    const before = `HTTP/1.1 200 OK\r\n${type}date: `;
    this.#bytes = encoder.encode(`${before}${" ".repeat(DATE_LENGTH)}\r\ncontent-length: `);
    this.#date = before.length;
    this.#second = NaN;
  }

  /** The bytes, with the date of now. */
  bytes(): Uint8Array {
    const now = Date.now();
    if (now < this.#second || now >= this.#second + 1000 || Number.isNaN(this.#second)) {
      this.#second = now - now % 1000;
      this.#bytes.set(dateBytes(now), this.#date);
    }
    return this.#bytes;
  }
}

const encoder = new TextEncoder();
const JSON_TYPE = "application/json";
const plainText = new Template(PLAIN_TEXT);
const json = new Template(JSON_TYPE);
const untyped = new Template(null);

/** Adds the head of a response of status 200 with a body in memory, up to the content length. */
export function addQuickHead(output: Output, { contentType }: QuickBody): void {
  const template = contentType === PLAIN_TEXT
    ? plainText
    : contentType === JSON_TYPE
    ? json
    : contentType === null
    ? untyped
    : new Template(contentType.replace(CONTROL, " "));
  output.add(template.bytes());
}

/** Most characters of a string that are encoded one by one, which is faster for a few. */
const FEW = 48;

/** Longest string, in characters, that {@link addText} takes. */
export const MOST_TEXT = 32_768;

/**
 * Adds a content length, the rest of the head, and the text. A text that is all ASCII, as most
 * are, is as long in bytes as in characters: that is written first, and mended if it is not so.
 *
 * @param rest What follows the number, up to the end of the head. ASCII.
 * @param text At most {@link MOST_TEXT} characters.
 * @param send Whether the text is sent; `false` in the response to HEAD.
 */
export function addText(output: Output, rest: string, text: string, send: boolean): void {
  const { length } = text;
  const buffer = output.reserve(MOST_DIGITS + rest.length + length * 3);
  const start = output.length;
  addNumber(output, length);
  output.addLatin1(rest);
  const head = output.length;
  let end = head;
  if (length <= FEW) {
    let code = 0;
    for (let i = 0; i < length; i++) {
      code |= buffer[end++] = text.charCodeAt(i);
      if (code > 0x7f) break;
    }
    if (code > 0x7f) end = head + encoder.encodeInto(text, buffer.subarray(head)).written;
  } else {
    end = head + encoder.encodeInto(text, buffer.subarray(head)).written;
  }
  if (end - head === length) {
    output.length = send ? end : head;
    return;
  }
  const size = end - head;
  const shift = digits(size) - digits(length);
  if (send && shift > 0) buffer.copyWithin(head + shift, head, end);
  output.length = start;
  addNumber(output, size);
  output.addLatin1(rest);
  if (send) output.length += size;
}

/** Digits of the longest content length: that of 2^53 - 1. */
const MOST_DIGITS = 16;

function digits(value: number): number {
  let count = 1;
  for (let power = 10; value >= power; power *= 10) count++;
  return count;
}

/** Adds a number from 0 to 2^53 - 1 in decimal. */
export function addNumber(output: Output, value: number): void {
  const buffer = output.reserve(MOST_DIGITS);
  output.length += digits(value);
  let rest = value;
  let at = output.length;
  do {
    const tens = Math.floor(rest / 10);
    buffer[--at] = DIGIT_0 + rest - tens * 10;
    rest = tens;
  } while (rest > 0);
}
