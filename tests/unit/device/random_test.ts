import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { seededRandom } from "../../../runtime/device/random.ts";

function take(seed: number, count: number): number[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, random);
}

Deno.test("the same seed gives the same numbers, today and always", () => {
  assertEquals(take(1, 1000), take(1, 1000));
  assertEquals(take(1, 3), [3359835970, 1182520828, 4267878529]);
});

Deno.test("seeds that differ in one bit give other numbers", () => {
  for (let bit = 0; bit < 32; bit++) assertNotEquals(take(0, 4), take(1 << bit, 4));
});

Deno.test("every bit is set half of the time, in numbers of 32 bits", () => {
  const numbers = take(42, 100_000);
  assert(numbers.every((number) => number === number >>> 0));
  for (let bit = 0; bit < 32; bit++) {
    const set = numbers.filter((number) => (number >>> bit & 1) === 1).length;
    assert(Math.abs(set - 50_000) < 1000, `bit ${bit}: ${set}`);
  }
});
