import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { bytesOf, textOf, turn } from "../../support/duplex.ts";
import { parseResponses, serve } from "./support.ts";

const token = fc.stringMatching(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,20}$/);
/** A field value without white space around it. */
const value = fc.stringMatching(/^(?:[!-~\x80-\xff](?:[\t -~\x80-\xff]{0,30}[!-~\x80-\xff])?)?$/);
const target = fc.stringMatching(/^\/[!"$-~]{0,30}$/);
const binary = fc.uint8Array({ maxLength: 300 }).map(textOf);
/** Fields of which the engine makes something are not for the property to choose. */
const reserved = /^(?:host|connection|content-length|transfer-encoding|expect|cookie)$/i;
const fields = fc.array(fc.tuple(token.filter((name) => !reserved.test(name)), value), {
  maxLength: 8,
});

interface Sent {
  method: string;
  target: string;
  fields: [string, string][];
  body: string;
  text: string;
}

/** A request, and its text on the wire, with white space and chunks as they may come. */
const request: fc.Arbitrary<Sent> = fc.record({
  method: fc.oneof(
    fc.constantFrom("GET", "POST", "PUT", "DELETE"),
    token.filter((name) => name !== "CONNECT"),
  ),
  target,
  fields,
  body: binary,
  framing: fc.constantFrom("length", "chunked"),
  sizes: fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 5 }),
  extension: fc.constantFrom("", ";a", ' ; a="b"', "\t;x=1;y"),
  trailer: fc.constantFrom("", "Trailer: x\r\n"),
  blank: fc.constantFrom("", " ", "\t", " \t "),
}).map(({ method, target, fields, body, framing, sizes, extension, trailer, blank }) => {
  let text = `${method} ${target} HTTP/1.1\r\nHost:${blank}example.org${blank}\r\n`;
  for (const [name, value] of fields) text += `${name}:${blank}${value}${blank}\r\n`;
  if (framing === "length") text += `Content-Length: ${body.length}\r\n\r\n${body}`;
  else {
    text += "Transfer-Encoding: chunked\r\n\r\n";
    for (let at = 0, i = 0; at < body.length; i++) {
      const chunk = body.slice(at, at + sizes[i % sizes.length]!);
      text += `${chunk.length.toString(16)}${extension}\r\n${chunk}\r\n`;
      at += chunk.length;
    }
    text += `0${extension}\r\n${trailer}\r\n`;
  }
  const hidden = method === "GET" || method === "HEAD";
  return { method, target, fields, body: hidden ? "" : body, text };
});

/** Cuts a text at random places. */
function cut(text: string, places: number[]): string[] {
  const at = [...new Set(places.map((place) => Math.floor(place * text.length)))].sort((a, b) =>
    a - b
  );
  return [0, ...at].map((start, i) => text.slice(start, at[i] ?? text.length));
}

const places = fc.array(fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), {
  maxLength: 12,
});

Deno.test("requests are understood as they were meant, however they are cut into pieces", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(request, { minLength: 1, maxLength: 4 }),
      places,
      fc.boolean(),
      async (requests, places, waiting) => {
        const seen: Omit<Sent, "text">[] = [];
        const { client, done } = serve(async (request) => {
          const { method, url, headers } = request;
          if (waiting) await turn();
          seen.push({
            method,
            target: url.slice("http://example.org".length),
            fields: [...headers].filter(([name]) => !reserved.test(name)),
            body: textOf(await request.bytes()),
          });
          return new Response(`${seen.length}`);
        });
        for (const piece of cut(requests.map(({ text }) => text).join(""), places)) {
          client.send(piece);
          if (piece.length % 2 === 0) await turn();
        }
        client.end();
        await done;
        assertEquals(
          seen,
          requests.map(({ method, target, fields, body }) => ({
            method,
            target,
            fields: [...new Headers(fields)],
            body,
          })),
        );
        const heads = requests.flatMap(({ method }, i) => method === "HEAD" ? [i] : []);
        const bodies = parseResponses(client.text, heads).map(({ body }) => body);
        assertEquals(bodies, requests.map(({ method }, i) => method === "HEAD" ? "" : `${i + 1}`));
      },
    ),
    { numRuns: 200 },
  );
});

Deno.test("responses arrive as they were made, whatever they were made of", async () => {
  const body = fc.oneof(
    fc.record({
      kind: fc.constant("text" as const),
      text: fc.string({ unit: "binary", maxLength: 200 }),
    }),
    fc.record({ kind: fc.constant("bytes" as const), bytes: fc.uint8Array({ maxLength: 200 }) }),
    fc.record({
      kind: fc.constant("stream" as const),
      chunks: fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 6 }),
      promised: fc.boolean(),
      waiting: fc.boolean(),
    }),
    fc.record({ kind: fc.constant("none" as const) }),
  );
  const responses = fc.array(
    fc.record({ status: fc.constantFrom(200, 200, 201, 404, 500, 204, 304), fields, body }),
    { minLength: 1, maxLength: 4 },
  );
  const hop =
    /^(?:connection|keep-alive|proxy-connection|te|trailer|transfer-encoding|upgrade|content-length|date)$/i;
  await fc.assert(
    fc.asyncProperty(responses, async (responses) => {
      let next = 0;
      const expected: { status: number; body: string }[] = [];
      const { client, done } = serve(() => {
        const { status, fields, body } = responses[next++]!;
        const headers = new Headers(fields.filter(([name]) => !hop.test(name)));
        const bodiless = status === 204 || status === 304 || body.kind === "none";
        let content: string | Uint8Array<ArrayBuffer> | ReadableStream | null = null;
        let wire = "";
        if (!bodiless && body.kind === "text") {
          content = body.text;
          wire = textOf(new TextEncoder().encode(body.text));
        } else if (!bodiless && body.kind === "bytes") {
          content = body.bytes as Uint8Array<ArrayBuffer>;
          wire = textOf(body.bytes);
        } else if (!bodiless && body.kind === "stream") {
          wire = body.chunks.map(textOf).join("");
          if (body.promised) headers.set("content-length", `${wire.length}`);
          content = ReadableStream.from(async function* () {
            for (const chunk of body.chunks) {
              if (body.waiting) await turn();
              yield chunk;
            }
          }());
        }
        expected.push({ status, body: wire });
        return new Response(content, { status, headers });
      });
      client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(responses.length));
      client.end();
      await done;
      const found = parseResponses(client.text);
      assertEquals(found.map(({ status, body }) => ({ status, body })), expected);
      for (const [i, { fields }] of responses.entries()) {
        for (const [name, value] of new Headers(fields.filter(([name]) => !hop.test(name)))) {
          if (name !== "content-type" && name !== "set-cookie") {
            assertEquals(found[i]!.headers.get(name), value);
          }
        }
      }
    }),
    { numRuns: 200 },
  );
});

Deno.test("bytes become text and bytes again", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 10_000 }), (bytes) => {
    const back = bytesOf(textOf(bytes));
    assert(back.length === bytes.length && back.every((byte, i) => byte === bytes[i]));
  }));
});
