import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { internetChecksum } from "../../../runtime/testing/packet.ts";
import { fold, foldPartial, sum } from "../../../stack/wire/checksum.ts";

Deno.test("the example of RFC 1071 section 3 sums to ddf2", () => {
  const bytes = Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7);
  assertEquals(fold(sum(bytes, 0, 8, 0)), ~0xddf2 & 0xffff);
  assertEquals(foldPartial(sum(bytes, 0, 8, 0)), 0xddf2);
});

Deno.test("any bytes at any alignment sum to what a plain loop says", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 0, maxLength: 600, size: "max" }),
      fc.nat(7),
      fc.nat(7),
      fc.nat(7),
      fc.nat(0x3ffff),
      (bytes, before, offset, behind, initial) => {
        const buffer = new Uint8Array(before + offset + bytes.length + behind).fill(0xa5);
        const view = buffer.subarray(before);
        view.set(bytes, offset);
        assertEquals(
          fold(sum(view, offset, bytes.length, initial)),
          internetChecksum(bytes, initial),
        );
      },
    ),
    { numRuns: 1000 },
  );
});

Deno.test("64 KiB of the largest words do not overflow, wherever they begin", () => {
  const bytes = new Uint8Array(65535 + 8).fill(0xff);
  for (let offset = 0; offset < 8; offset++) {
    for (const length of [65535, 65534, 65533]) {
      assertEquals(
        fold(sum(bytes, offset, length, 0x3ffff)),
        internetChecksum(bytes.subarray(offset, offset + length), 0x3ffff),
        `${length} bytes at ${offset}`,
      );
    }
  }
});

Deno.test("pieces of even length sum to the same as the whole", () => {
  fc.assert(fc.property(
    fc.uint8Array({ minLength: 200, maxLength: 400, size: "max" }),
    fc.nat(100),
    (bytes, half) => {
      const cut = half * 2;
      const first = sum(bytes, 0, cut, 7);
      assertEquals(
        fold(sum(bytes, cut, bytes.length - cut, first)),
        fold(sum(bytes, 0, bytes.length, 7)),
      );
    },
  ));
});

Deno.test("buffers that take turns are not mistaken for one another", () => {
  const buffers = [1, 2, 3].map((value) => new Uint8Array(256).fill(value));
  for (let round = 0; round < 3; round++) {
    for (const buffer of buffers) {
      assertEquals(fold(sum(buffer, 1, 201, 0)), internetChecksum(buffer.subarray(1, 202)));
    }
  }
});

Deno.test("the sum sees what was written since it last looked", () => {
  const bytes = new Uint8Array(256);
  assertEquals(fold(sum(bytes, 0, 256, 0)), 0xffff);
  bytes[100] = 0x12;
  assertEquals(fold(sum(bytes, 0, 256, 0)), ~0x1200 & 0xffff);
});

Deno.test("a packet with its right checksum in place folds to zero", () => {
  fc.assert(fc.property(fc.uint8Array({ minLength: 20, maxLength: 200, size: "max" }), (bytes) => {
    bytes.set([0, 0], 10);
    const checksum = fold(sum(bytes, 0, bytes.length, 0));
    bytes.set([checksum >>> 8, checksum], 10);
    assertEquals(fold(sum(bytes, 0, bytes.length, 0)), 0);
  }));
});
