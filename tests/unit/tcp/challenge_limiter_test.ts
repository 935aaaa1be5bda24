import { assertEquals } from "@std/assert";
import { ChallengeLimiter } from "../../../stack/tcp/challenge_limiter.ts";

Deno.test("so many challenge ACKs in a second are allowed and no more", () => {
  const limiter = new ChallengeLimiter(3);
  const allowed = (now: number) =>
    Array.from({ length: 10 }, () => limiter.allow(now)).filter(Boolean).length;
  assertEquals([allowed(0), allowed(500), allowed(999)], [3, 0, 0]);
  assertEquals([allowed(1000), allowed(1999.9)], [3, 0]);
  assertEquals(allowed(1_000_000), 3);
});
