import { assert, assertEquals, AssertionError, assertRejects } from "@std/assert";
import { assertWithin } from "../../support/within.ts";

Deno.test("what is quick is measured once", async () => {
  let runs = 0;
  await assertWithin(50, () => Promise.resolve(++runs));
  assertEquals(runs, 1);
});

Deno.test("what is slow each time fails, and says how slow it was", async () => {
  let runs = 0;
  const slow = () => (runs++, Promise.resolve(60));
  await assertRejects(() => assertWithin(50, slow), AssertionError, "found 60, 60, 60");
  assert(runs >= 3);
});

Deno.test("what is wrong fails, however often the machine stands still", async () => {
  const wrong = () => Promise.reject(new Error("wrong"));
  await assertRejects(() => assertWithin(50, wrong), Error, "wrong");
  let runs = 0;
  await assertRejects(
    () =>
      assertWithin(50, async () => {
        runs++;
        const until = performance.now() + 40; // Nothing else runs meanwhile.
        while (performance.now() < until);
        await new Promise((resolve) => setTimeout(resolve, 10));
        throw new Error("wrong");
      }),
    Error,
    "wrong",
  );
  assertEquals(runs, 12);
});
