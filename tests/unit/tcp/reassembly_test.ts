import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Reassembly } from "../../../stack/tcp/reassembly.ts";

function rangesOf(map: Reassembly): [number, number][] {
  return Array.from({ length: map.count }, (_, i) => [map.start(i), map.end(i)]);
}

function withRanges(...ranges: [number, number][]): Reassembly {
  const map = new Reassembly(64, 0);
  for (const [start, end] of ranges) assert(map.add(start, end));
  return map;
}

Deno.test("ranges are kept apart and in order", () => {
  assertEquals(rangesOf(withRanges([50, 60], [10, 20], [30, 40])), [[10, 20], [30, 40], [50, 60]]);
});

Deno.test("ranges that touch or overlap become one", () => {
  assertEquals(rangesOf(withRanges([10, 20], [20, 30])), [[10, 30]]);
  assertEquals(rangesOf(withRanges([20, 30], [10, 20])), [[10, 30]]);
  assertEquals(rangesOf(withRanges([10, 30], [15, 20])), [[10, 30]]);
  assertEquals(rangesOf(withRanges([10, 20], [30, 40], [50, 60], [15, 55])), [[10, 60]]);
  assertEquals(rangesOf(withRanges([10, 20], [30, 40], [50, 60], [5, 35])), [[5, 40], [50, 60]]);
});

Deno.test("one range too many is refused, but one that joins others never is", () => {
  const map = new Reassembly(2, 0);
  assert(map.add(10, 20));
  assert(map.add(30, 40));
  assertEquals(map.add(50, 60), false);
  assertEquals(rangesOf(map), [[10, 20], [30, 40]]);
  assert(map.add(40, 45));
  assert(map.add(18, 32));
  assertEquals(rangesOf(map), [[10, 45]]);
});

Deno.test("advancing takes off what is in order, and nothing behind a gap", () => {
  const map = withRanges([10, 20], [30, 40]);
  assertEquals(map.advance(9), 9);
  assertEquals(map.advance(10), 20);
  assertEquals(rangesOf(map), [[30, 40]]);
  assertEquals(map.advance(35), 40);
  assertEquals(map.count, 0);
  assertEquals(withRanges([10, 20]).advance(25), 25);
});

Deno.test("any segments in any order, wrap included: the ranges are exactly the bytes that came", () => {
  const piece = fc.tuple(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 1, max: 40 }));
  const base = fc.constantFrom(0, 0x7fffff80, -128, -(2 ** 31));
  fc.assert(fc.property(base, fc.array(piece, { maxLength: 60 }), (first, pieces) => {
    const map = new Reassembly(1000, 0);
    const model = new Set<number>();
    let next = 0;
    for (const [start, length] of pieces) {
      const end = start + length;
      if (end <= next) continue;
      assert(map.add((first + Math.max(start, next)) | 0, (first + end) | 0));
      for (let i = Math.max(start, next); i < end; i++) model.add(i);
      let expected = next;
      while (model.has(expected)) expected++;
      // The receiver advances only when a segment fills the gap.
      if (start <= next) {
        next = (map.advance((first + next) | 0) - first) | 0;
        assertEquals(next, expected);
      }
      const bytes = rangesOf(map).flatMap(([from, to]) =>
        Array.from({ length: (to - from) | 0 }, (_, i) => ((from - first) | 0) + i)
      );
      assertEquals(bytes, [...model].filter((i) => i >= next).sort((a, b) => a - b));
      assertEquals(map.bytes, bytes.length);
    }
  }));
});

Deno.test("50,000 one-byte ranges cost no more than their bound", () => {
  const map = new Reassembly(512, 0);
  let kept = 0;
  for (let i = 0; i < 50_000; i++) if (map.add(2 * i, 2 * i + 1)) kept++;
  assertEquals(map.count, kept);
  assert(kept >= 512 && kept <= 512 + 100_000 / 512, `${kept}`);
});

Deno.test("every second segment of a window of 8 MB is kept", () => {
  const map = new Reassembly(512, 0);
  for (let at = 0; at < 8 << 20; at += 2 * 1448) assert(map.add(at, at + 1448), `at ${at}`);
});
