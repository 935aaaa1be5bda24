import { assertEquals } from "@std/assert";
import {
  BROKEN,
  ChunkedDecoder,
  chunkHead,
  DATA,
  END,
  LAST_CHUNK,
} from "../../../runtime/http/chunked.ts";
import { FAULTS } from "../../../runtime/http/fault.ts";
import { DEFAULT_LIMITS, type Limits } from "../../../runtime/http/limits.ts";
import { bytesOf, textOf } from "../../support/duplex.ts";

type FaultName = keyof typeof FAULTS;

/** Decodes a body that comes in the given pieces. */
function decode(pieces: string[], limits: Partial<Limits> = {}) {
  const decoder = new ChunkedDecoder({ ...DEFAULT_LIMITS, ...limits });
  let data = "";
  let consumed = 0;
  for (const piece of pieces) {
    const bytes = bytesOf(piece);
    let at = 0;
    for (;;) {
      const found = decoder.decode(bytes, at, bytes.length);
      at = decoder.next;
      if (found === DATA) {
        data += textOf(bytes.subarray(decoder.dataStart, decoder.dataEnd));
        continue;
      }
      if (found === BROKEN) {
        return (Object.keys(FAULTS) as FaultName[]).find((name) => FAULTS[name] === decoder.fault)!;
      }
      if (found === END) {
        return { data, rest: piece.slice(at) + pieces.slice(consumed + 1).join("") };
      }
      break;
    }
    consumed++;
  }
  return "incomplete";
}

const BODY =
  `5;a="b"\r\nhello\r\n0A \t; x\r\n, big worl\r\n1\r\nd\r\n000\r\nTrailer: x\r\nOther:\r\n\r\n`;
const WHOLE = { data: "hello, big world", rest: "GET" };

Deno.test("chunks are put together; extensions and trailers are skipped; the rest is left", () => {
  assertEquals(decode([BODY + "GET"]), WHOLE);
});

Deno.test("a chunked body is the same wherever it is split", () => {
  for (let at = 0; at <= BODY.length; at++) {
    assertEquals(decode([BODY.slice(0, at), BODY.slice(at) + "GET"]), WHOLE, `split at ${at}`);
  }
  assertEquals(decode([...BODY, "GET"]), WHOLE);
});

Deno.test("every part of a chunked body but the whole is incomplete", () => {
  for (let at = 0; at < BODY.length; at++) assertEquals(decode([BODY.slice(0, at)]), "incomplete");
});

for (
  const [body, fault] of [
    ["\r\n", "chunkSize"],
    ["x\r\n", "chunkSize"],
    ["-1\r\n", "chunkSize"],
    ["+1\r\n", "chunkSize"],
    [" 1\r\n", "chunkSize"],
    ["0x1\r\n", "chunkSize"],
    ["1,\r\n", "chunkSize"],
    ["1\n", "bareLf"],
    ["1\rx", "bareCr"],
    ["1 \r\n", "chunkExtension"],
    ["1 x\r\n", "chunkExtension"],
    ["1;\0\r\n", "chunkExtension"],
    ["1;a \r\n", "chunkExtension"],
    ["1;\t\r\n", "chunkExtension"],
    ["1;a\n", "bareLf"],
    ["1;a\rb", "bareCr"],
    ["1\r\nab", "chunkEnd"],
    ["1\r\na\n", "chunkEnd"],
    ["1\r\na\rb", "chunkEnd"],
    ["1\r\na\r\n\r\n", "chunkSize"],
    ["0\r\n\n", "bareLf"],
    ["0\r\n\rx", "bareCr"],
    ["0\r\n: x\r\n", "fieldName"],
    ["0\r\nA\r\n", "fieldName"],
    ["0\r\nA : b\r\n", "fieldName"],
    ["0\r\n a: b\r\n", "fieldName"],
    ["0\r\nA: b\r\n c\r\n", "fieldName"],
    ["0\r\nA: b\0\r\n", "fieldValue"],
    ["0\r\nA: b\n", "bareLf"],
    ["0\r\nA: b\rc", "bareCr"],
    ["fffffffffffffffff\r\n", "bodyTooLarge"],
    ["00000000000000001\r\n", "chunkSize"],
  ] as [string, FaultName][]
) {
  Deno.test(`the chunked body ${JSON.stringify(body)} is refused: ${fault}`, () => {
    assertEquals(decode([body]), fault);
    assertEquals(decode([...body]), fault);
  });
}

Deno.test("a size is taken in either case of its digits", () => {
  const data = "x".repeat(0xab);
  assertEquals(decode([`Ab\r\n${data}\r\n0\r\n\r\n`]), { data, rest: "" });
});

Deno.test("the sum of the chunks is held to the limit on bodies, before the data comes", () => {
  assertEquals(decode(["3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"], { maxBody: 5 }), {
    data: "abcde",
    rest: "",
  });
  assertEquals(decode(["3\r\nabc\r\n3\r\n"], { maxBody: 5 }), "bodyTooLarge");
  assertEquals(decode(["6"], { maxBody: 5 }), "bodyTooLarge");
  assertEquals(decode(["ffffffffffffffff\r\n"], { maxBody: Infinity }), "bodyTooLarge");
});

Deno.test("extensions and trailers are held to limits", () => {
  assertEquals(decode([`1;${"a".repeat(4_095)}\r\n`]), "incomplete");
  assertEquals(decode([`1;${"a".repeat(4_097)}\r\n`]), "chunkExtension");
  assertEquals(decode([`1${" ".repeat(4_098)}`]), "chunkExtension");
  assertEquals(decode([`0\r\n${"a: b\r\n".repeat(100)}`]), "incomplete");
  assertEquals(decode([`0\r\n${"a: b\r\n".repeat(101)}`]), "tooManyFields");
  assertEquals(decode([`0\r\na: ${"b".repeat(32_768)}`]), "fieldsTooLarge");
});

Deno.test("after the end or a fault nothing more is taken", () => {
  const decoder = new ChunkedDecoder(DEFAULT_LIMITS);
  const bytes = bytesOf("0\r\n\r\n5\r\n");
  assertEquals(decoder.decode(bytes, 0, bytes.length), END);
  assertEquals(decoder.decode(bytes, 5, bytes.length), END);
  assertEquals(decoder.next, 5);
  const broken = new ChunkedDecoder(DEFAULT_LIMITS);
  assertEquals(broken.decode(bytesOf("x"), 0, 1), BROKEN);
  assertEquals(broken.decode(bytesOf("0"), 0, 1), BROKEN);
});

Deno.test("what is encoded can be decoded", () => {
  const chunks = ["a", "b".repeat(15), "c".repeat(16), "d".repeat(70_000)];
  const body = chunks.map((data) => `${chunkHead(data.length)}${data}\r\n`).join("") + LAST_CHUNK;
  assertEquals(decode([body]), { data: chunks.join(""), rest: "" });
});
