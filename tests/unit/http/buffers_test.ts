import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { giveBuffer, SMALLEST, takeBuffer } from "../../../runtime/http/buffers.ts";

Deno.test("a buffer has room for what was asked, and is used again once given back", () => {
  for (const length of [0, 1, SMALLEST, SMALLEST + 1, 5_000, 32_768, 131_072]) {
    const buffer = takeBuffer(length);
    assert(buffer.length >= length);
    giveBuffer(buffer);
    assertStrictEquals(takeBuffer(length), buffer);
    assert(takeBuffer(length) !== buffer);
  }
});

Deno.test("a buffer of a size of its own is not kept", () => {
  const buffer = takeBuffer(200_000);
  assertEquals(buffer.length, 200_000);
  giveBuffer(buffer);
  assert(takeBuffer(200_000) !== buffer);
});

Deno.test("no more than a megabyte of each size is kept", () => {
  const buffers = Array.from({ length: 100 }, () => takeBuffer(131_072));
  buffers.forEach(giveBuffer);
  const again = Array.from({ length: 100 }, () => takeBuffer(131_072));
  assertEquals(again.filter((buffer) => buffers.includes(buffer)).length, 8);
});
