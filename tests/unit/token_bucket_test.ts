import { assertEquals } from "@std/assert";
import { TokenBucket } from "../../stack/token_bucket.ts";

function taken(bucket: TokenBucket, now: number, tries = 1000): number {
  let count = 0;
  for (let i = 0; i < tries; i++) if (bucket.take(now)) count++;
  return count;
}

Deno.test("a burst is taken at once, and then no more", () => {
  const bucket = new TokenBucket(5, 10);
  assertEquals([taken(bucket, 0), taken(bucket, 0)], [5, 0]);
});

Deno.test("what was taken comes back at the rate, fractions of it included", () => {
  const bucket = new TokenBucket(5, 10);
  taken(bucket, 0);
  assertEquals([taken(bucket, 99.9), taken(bucket, 100), taken(bucket, 400)], [0, 1, 3]);
  let count = 0;
  for (let now = 400; now < 10_400; now += 0.7) if (bucket.take(now)) count++;
  assertEquals(count, 99);
});

Deno.test("no more than a burst is saved up, however long it takes", () => {
  const bucket = new TokenBucket(5, 10);
  taken(bucket, 0);
  assertEquals(taken(bucket, 1e12), 5);
});

Deno.test("a clock that begins anywhere does no harm", () => {
  assertEquals(taken(new TokenBucket(5, 10), 1e12), 5);
  assertEquals(taken(new TokenBucket(5, 10), -1e12), 5);
});
