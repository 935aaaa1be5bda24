import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import http from "node:http";
import { FAULTS } from "../../../runtime/http/fault.ts";
import { nodeOutcome, ourOutcome, type Outcome } from "./node_oracle.ts";

/**
 * The engine and node:http (llhttp) are given the same bytes, and must come to the same: accepted,
 * with the same method, target, fields and body; rejected; or waiting for more. Where they do not
 * it is on purpose, and stands here.
 */

/** Faults that node does not see: these requests it accepts, or waits for more of. */
const STRICTER: Record<string, string> = {
  [FAULTS.host.message]: "node does not look at the value of Host, of which we make a URL",
  [FAULTS.hostRepeated.message]: "RFC 9112 section 3.2 demands 400",
  [FAULTS.lengthRequired.message]: "RFC 1945 section 8.3; node takes the body for empty",
  [FAULTS.target.message]: "node takes a line without a version, as of HTTP/0.9, and a fragment",
  [FAULTS.targetForm.message]: "node passes any target on; we can make no URL of it",
  [FAULTS.version.message]: "node takes several spaces for one",
  [FAULTS.versionUnsupported.message]: "node serves HTTP/2.0 and HTTP/0.9 as if it were HTTP/1.1",
  [FAULTS.method.message]: "node takes CR or LF alone for an empty line before the request",
  [FAULTS.connect.message]: "node leaves CONNECT to the application",
};

/** Requests that node rejects or understands otherwise, and the engine accepts; each with the why. */
const LAXER: [string, string][] = [
  ["M-SEARCH2 / HTTP/1.1\r\nHost: a\r\n\r\n", "any token is a method, as for Deno.serve"],
  [
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    "RFC 9112 section 6.3: equal lengths are one",
  ],
  [
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nhello",
    "RFC 9112 section 6.3: equal lengths are one",
  ],
  [
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5 ;a\r\nhello\r\n0\r\n\r\n",
    "RFC 9112 section 7.1.1: white space before an extension must be parsed",
  ],
];

function same(node: Outcome, ours: Outcome): boolean {
  if (node.is === "rejected" && ours.is === "rejected") return true; // In words of their own.
  return JSON.stringify(node) === JSON.stringify(ours);
}

function explained(node: Outcome, ours: Outcome): boolean {
  // A method that node does not know it rejects at its first odd letter.
  if (node.is === "rejected" && node.reason === "HPE_INVALID_METHOD" && ours.is === "incomplete") {
    return true;
  }
  if (ours.is === "rejected") return ours.reason in STRICTER;
  return ours.is === "accepted" && !http.METHODS.includes(ours.request.method);
}

const HOST = "Host: a\r\n";
const CHUNKED = `POST /p HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n`;
const MESSAGES = [
  `GET /a?b HTTP/1.1\r\n${HOST}X: y\r\n\r\n`,
  `GET http://b/c HTTP/1.1\r\n${HOST}\r\n`,
  `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`,
  `POST /p HTTP/1.1\r\n${HOST}Content-Length: 5\r\n\r\nhello`,
  `${CHUNKED}5;a=b\r\nhello\r\n0\r\nT: x\r\n\r\n`,
  `PUT /p HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\nabc`,
  `HEAD / HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`,
];

const VALID = [
  ...MESSAGES,
  `\r\n\r\nGET / HTTP/1.1\r\n${HOST}\r\n`,
  `DELETE /a HTTP/1.1\r\n${HOST}X-Empty:\r\nX-Tab:\ta\tb\t\r\nX-High: \xe9\r\n\r\n`,
  `PATCH / HTTP/1.1\r\nhOsT: a:80\r\ncOnTeNt-LeNgTh: 0\r\n\r\n`,
  `GET /${"a".repeat(4_000)} HTTP/1.1\r\n${HOST}\r\n`,
  `GET / HTTP/1.1\r\n${HOST}X: ${"a".repeat(8_000)}\r\n\r\n`,
  `GET / HTTP/1.1\r\n${HOST}${"A: b\r\n".repeat(90)}\r\n`,
  `GET /!$&'()*+,;=:@%20~_-."<>[]^\`{|} HTTP/1.1\r\n${HOST}\r\n`,
  `POST /p HTTP/1.1\r\n${HOST}Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello`,
  `${CHUNKED}A\r\n0123456789\r\n1\r\na\r\n000\r\n\r\n`,
  `${CHUNKED}0\r\nA: b\r\nC: d\r\n\r\n`,
  `GET / HTTP/1.0\r\n\r\n`,
];

const INVALID = [
  "garbage\r\n\r\n",
  `GET / HTTP/1.1\r\n\r\n`,
  `GET / HTTP/1.1\n${HOST}\r\n`,
  `GET / HTTP/1.1\r\nHost: a\n\r\n`,
  `GET / HTTP/1.1\r\n${HOST}A : b\r\n\r\n`,
  `GET / HTTP/1.1\r\n${HOST} A: b\r\n\r\n`,
  `GET / HTTP/1.1\r\n${HOST}A: b\r\n c\r\n\r\n`,
  `GET / HTTP/1.1\r\n${HOST}A: b\rC: d\r\n\r\n`,
  `GET / HTTP/1.1\r\n${HOST}A: b\0\r\n\r\n`,
  `GET / HTTP/1.1\r\n${HOST}A: b\x7f\r\n\r\n`,
  `GET / HTTP/1.1\r\n${HOST}A\r\n\r\n`,
  `GET / HTTP/1.1\r\n${HOST}: b\r\n\r\n`,
  `GET / HTP/1.1\r\n${HOST}\r\n`,
  `GET /\xe9 HTTP/1.1\r\n${HOST}\r\n`,
  `POST / HTTP/1.1\r\n${HOST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n`,
  `POST / HTTP/1.1\r\n${HOST}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`,
  `POST / HTTP/1.1\r\n${HOST}Content-Length: x\r\n\r\n`,
  `POST / HTTP/1.1\r\n${HOST}Content-Length: +5\r\n\r\n`,
  `POST / HTTP/1.1\r\n${HOST}Content-Length: 5 5\r\n\r\n`,
  `POST / HTTP/1.1\r\n${HOST}Content-Length: 99999999999999999999\r\n\r\n`,
  `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n`,
  `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: gzip\r\n\r\n`,
  `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`,
  `${CHUNKED}x\r\n`,
  `${CHUNKED} 5\r\nhello\r\n`,
  `${CHUNKED}5\nhello\r\n0\r\n\r\n`,
  `${CHUNKED}5\r\nhelloX\r\n`,
  `${CHUNKED}5\r\nhello\r\n0\r\nA : b\r\n\r\n`,
  `${CHUNKED}fffffffffffffffff\r\n`,
];

for (const [kind, messages] of [["accepted", VALID], ["rejected", INVALID]] as const) {
  Deno.test(`node:http and the engine agree on what is ${kind}`, async () => {
    for (const message of messages) {
      const [node, ours] = [await nodeOutcome(message), await ourOutcome(message)];
      assertEquals(ours.is, kind, message);
      assert(same(node, ours), `${message}\n${JSON.stringify(node)}\n${JSON.stringify(ours)}`);
    }
  });
}

Deno.test("node:http and the engine agree that less than a whole request is incomplete", async () => {
  for (const message of MESSAGES) {
    for (let at = 0; at < message.length; at += 3) {
      const [node, ours] = [
        await nodeOutcome(message.slice(0, at)),
        await ourOutcome(message.slice(0, at)),
      ];
      assertEquals([node.is, ours.is], ["incomplete", "incomplete"], message.slice(0, at));
    }
  }
});

Deno.test("where the engine accepts what node:http does not, it is on purpose", async () => {
  for (const [message, why] of LAXER) {
    const [node, ours] = [await nodeOutcome(message), await ourOutcome(message)];
    assertEquals([node.is, ours.is], ["rejected", "accepted"], `${message}: ${why}`);
  }
});

Deno.test("where the engine rejects what node:http does not, it is on purpose", async () => {
  const examples: [string, keyof typeof FAULTS][] = [
    ["GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "host"],
    ["GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "hostRepeated"],
    ["PUT / HTTP/1.0\r\n\r\n", "lengthRequired"],
    ["GET /\r\nHost: a\r\n\r\n", "target"],
    ["GET *a HTTP/1.1\r\nHost: a\r\n\r\n", "targetForm"],
    ["GET /  HTTP/1.1\r\nHost: a\r\n\r\n", "version"],
    ["GET / HTTP/2.0\r\nHost: a\r\n\r\n", "versionUnsupported"],
    ["\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "method"],
    ["CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", "connect"],
  ];
  assertEquals(
    examples.map(([, fault]) => FAULTS[fault].message).sort(),
    Object.keys(STRICTER).sort(),
  );
  for (const [message, fault] of examples) {
    assertEquals(await ourOutcome(message), { is: "rejected", reason: FAULTS[fault].message });
    assert((await nodeOutcome(message)).is !== "rejected" || fault === "targetForm", message);
  }
});

const FRAGMENTS = [
  ...'\r\n \t\0\x01\x7f\xe9:;,01A/#"[]@%',
  "\r\n",
  "\r\n\r\n",
  "Content-Length: 5\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Transfer-Encoding: gzip\r\n",
  "Host: b\r\n",
  "Connection: close\r\n",
  "Expect: 100-continue\r\n",
  "HTTP/1.1",
];

/** A request with a few places changed: something put in, taken out, or replaced. */
const mutated = fc.tuple(
  fc.constantFrom(...MESSAGES),
  fc.array(
    fc.record({
      place: fc.double({ min: 0, max: 1, noNaN: true }),
      drop: fc.integer({ min: 0, max: 2 }),
      put: fc.constantFrom("", ...FRAGMENTS),
    }),
    { minLength: 1, maxLength: 3 },
  ),
).map(([message, changes]) =>
  changes.reduce((text, { place, drop, put }) => {
    const at = Math.floor(place * text.length);
    return text.slice(0, at) + put + text.slice(at + drop);
  }, message)
);

Deno.test("node:http and the engine agree on requests with random changes", async () => {
  await fc.assert(
    fc.asyncProperty(mutated, async (message) => {
      const [node, ours] = [await nodeOutcome(message), await ourOutcome(message)];
      assert(
        same(node, ours) || explained(node, ours),
        `${JSON.stringify(message)}\nnode: ${JSON.stringify(node)}\nours: ${JSON.stringify(ours)}`,
      );
    }),
    { numRuns: 400 },
  );
});
