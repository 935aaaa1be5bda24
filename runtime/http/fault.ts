/**
 * What can be wrong with a request, each with the status that RFC 9110 section 15 gives it. The
 * connection is always closed after a fault: where the next request would begin is not known, or
 * should not be trusted.
 */
export class Fault {
  /** Status code of the answer, 400 to 505. */
  readonly status: number;
  /** What is wrong, for the client and for logs: one sentence, without the client's own bytes. */
  readonly message: string;

  constructor(status: number, message: string) {
    this.status = status;
    this.message = message;
  }
}

const bad = (message: string) => new Fault(400, message);

/** Every fault that the engine can find, by what caused it. */
export const FAULTS = {
  // Request line (RFC 9112 section 3)
  method: bad("The request line must begin with a method, a token followed by one space."),
  methodTooLong: new Fault(501, "The method is longer than any that is implemented."),
  target: bad("The request-target must be visible ASCII without a fragment, and one space follow."),
  targetForm: bad("The request-target must be a path, an http URL, or * with OPTIONS."),
  version: bad("The request line must end with HTTP/1.1 and CRLF."),
  versionUnsupported: new Fault(505, "Only HTTP/1.1 and HTTP/1.0 are spoken here."),
  requestLineTooLong: new Fault(414, "The request line is too long."),
  connect: new Fault(501, "CONNECT is not implemented: this is not a proxy."),

  // Header section (RFC 9112 section 5)
  bareLf: bad("A line must end with CRLF, not with LF alone."),
  bareCr: bad("A CR must be followed by LF."),
  lineFolding: bad("A header line must not begin with white space (obs-fold)."),
  spaceBeforeColon: bad("No white space may stand between a field name and its colon."),
  fieldName: bad("A header line must begin with a field name, a token, and a colon."),
  fieldValue: bad("A field value must not contain control characters."),
  tooManyFields: new Fault(431, "There are too many header fields."),
  fieldsTooLarge: new Fault(431, "The header section is too large."),

  // Host (RFC 9112 section 3.2)
  hostMissing: bad("An HTTP/1.1 request must have a Host field."),
  hostRepeated: bad("There must be one Host field only."),
  host: bad("The host must be a name or an address, with an optional port."),

  // Framing (RFC 9112 section 6)
  contentLength: bad("Content-Length must be one decimal number."),
  contentLengthsDiffer: bad("There are different values of Content-Length."),
  bothLengths: bad("Content-Length and Transfer-Encoding exclude each other."),
  transferEncoding: bad("Transfer-Encoding must be a list of transfer codings."),
  chunkedNotLast: bad("The transfer coding chunked must be the last, and applied once."),
  transferCoding: new Fault(501, "Of the transfer codings only chunked is implemented."),
  transferEncodingIn10: bad("An HTTP/1.0 request must not have Transfer-Encoding."),
  lengthRequired: new Fault(411, "An HTTP/1.0 request of this method needs a Content-Length."),
  bodyTooLarge: new Fault(413, "The content is too large."),
  chunkSize: bad("A chunk must begin with its size in hexadecimal digits."),
  chunkExtension: bad("A chunk extension is malformed or too long."),
  chunkEnd: bad("The data of a chunk must be followed by CRLF."),
  truncated: bad("The connection ended in the middle of the request."),

  expectation: new Fault(417, "Of the expectations only 100-continue can be met."),
  headerTimeout: new Fault(408, "The request did not arrive in time."),
  bodyTimeout: new Fault(408, "The content of the request did not arrive in time."),
} as const satisfies Record<string, Fault>;
