import { assert, assertEquals } from "@std/assert";
import { ReceiveTuning } from "../../../stack/tcp/receive_tuning.ts";

const KIB = 1024;
const MOST = 16 << 20;

Deno.test("what is read in a round trip is doubled, and doubled again while it grows", () => {
  const tuning = new ReceiveTuning(64 * KIB, 0, 0);
  tuning.measure(50_000, 100, 1460, MOST, 100);
  assertEquals(tuning.limit, 4 * 50_000 + 16 * 1460);
  tuning.measure(150_000, 100, 1460, MOST, 200); // twice as much as in the round before
  assertEquals(tuning.limit, 4 * 100_000 + 16 * 1460);
  tuning.measure(260_000, 100, 1460, MOST, 300); // a tenth more
  assertEquals(tuning.limit, 4 * 100_000 + 16 * 1460);
});

Deno.test("a steady reader ends with twice what a round trip brings", () => {
  const tuning = new ReceiveTuning(64 * KIB, 0, 0);
  let read = 0;
  for (let round = 1; round <= 50; round++) {
    tuning.measure(read += 1_000_000, 100, 1460, MOST, round * 100);
  }
  assert(tuning.limit >= 2_000_000 && tuning.limit <= 4_100_000, `${tuning.limit}`);
});

Deno.test("nothing is concluded before a round trip has passed", () => {
  const tuning = new ReceiveTuning(64 * KIB, 0, 0);
  tuning.measure(1_000_000, 100, 1460, MOST, 99);
  assertEquals(tuning.limit, 64 * KIB);
});

Deno.test("a reader that pauses does not make the buffer grow", () => {
  const tuning = new ReceiveTuning(64 * KIB, 0, 0);
  let read = 0;
  // Every second it reads all that there is, over a path of 1 ms: 64 KiB are plenty.
  for (let second = 1; second <= 1000; second++) {
    tuning.measure(read += tuning.limit, 1, 1460, MOST, second * 1000);
  }
  assertEquals(tuning.limit, 64 * KIB);
});

Deno.test("the buffer never grows past its limit, and never shrinks", () => {
  const tuning = new ReceiveTuning(64 * KIB, 0, 0);
  tuning.measure(50_000_000, 100, 1460, MOST, 100);
  assertEquals(tuning.limit, MOST);
  tuning.measure(50_000_001, 100, 1460, MOST, 200);
  assertEquals(tuning.limit, MOST);
});
