import { assertEquals } from "@std/assert";
import { missed } from "../../bench/flood/bars.ts";

const GOOD = { requests: [2, 100], before: 10, during: 9, growth: 100 };

Deno.test("a flood that nobody notices misses no bar", () => {
  assertEquals(missed(GOOD), []);
});

Deno.test("each bar that a flood misses is named, with what was expected and found", () => {
  assertEquals(missed({ ...GOOD, requests: [Infinity, 101, 2] }), [
    "curl: expected status 200 each time, found 1 of 3 without",
    "curl: expected 100 ms at most, found 1 of 3 over it",
  ]);
  assertEquals(missed({ ...GOOD, requests: [] }), [
    "curl: expected requests during the flood, found none",
  ]);
  assertEquals(missed({ ...GOOD, during: 8.9 }), [
    "transfer: expected at least 90 % of its rate, found 89 %",
  ]);
  assertEquals(missed({ ...GOOD, during: NaN }), [
    "transfer: expected at least 90 % of its rate, found NaN %",
  ]);
  assertEquals(missed({ ...GOOD, growth: 101 }), [
    "memory: expected 100 MB more at most, found 101 MB",
  ]);
});
