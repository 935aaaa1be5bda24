import { fuzzRound } from "./fuzz.ts";

Deno.test("fuzz: a few rounds of hostile frames: nothing is thrown, without bounds, or left", () => {
  for (let round = 1; round <= 15; round++) fuzzRound(1, round);
});
