import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { seqAdd, seqDiff, seqGeq, seqGt, seqLeq, seqLt } from "../../../stack/tcp/sequence.ts";

const anySeq = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const step = fc.integer({ min: 1, max: 2 ** 31 - 1 });

Deno.test("a number comes after another when it was reached by counting up, wrapped or not", () => {
  fc.assert(fc.property(anySeq, step, (seq, count) => {
    const later = seqAdd(seq, count);
    assertEquals(
      [seqLt(seq, later), seqLeq(seq, later), seqGt(later, seq), seqGeq(later, seq)],
      [true, true, true, true],
    );
    assertEquals(
      [seqGt(seq, later), seqGeq(seq, later), seqLt(later, seq), seqLeq(later, seq)],
      [false, false, false, false],
    );
    assertEquals([seqDiff(later, seq), seqDiff(seq, later)], [count, -count]);
  }));
});

Deno.test("a number is neither before nor after itself", () => {
  fc.assert(fc.property(anySeq, (seq) => {
    assertEquals([seqLt(seq, seq), seqGt(seq, seq)], [false, false]);
    assertEquals([seqLeq(seq, seq), seqGeq(seq, seq), seqDiff(seq, seq)], [true, true, 0]);
  }));
});

Deno.test("the same 32 bits are the same number, signed or unsigned", () => {
  assertEquals(seqDiff(0xfffffff0, -16), 0);
  assertEquals(seqLt(0xffffffff, 0), true);
  assertEquals(seqLt(0x7fffffff, 0x80000000), true);
  assertEquals(seqAdd(0xfffffff0, 0x20), 0x10);
});

Deno.test("counting back undoes counting up", () => {
  fc.assert(fc.property(anySeq, fc.integer({ min: -(2 ** 31) + 1, max: 2 ** 31 - 1 }), (seq, n) => {
    assertEquals(seqAdd(seqAdd(seq, n), -n), seq);
  }));
});
