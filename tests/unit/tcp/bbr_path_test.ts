// draft-ietf-ccwg-bbr section 5.5: what BBR measures of a path.
import { assert, assertEquals } from "@std/assert";
import { BbrPath } from "../../../stack/tcp/bbr_path.ts";
import { DeliveryRate } from "../../../stack/tcp/delivery_rate.ts";

/** What an acknowledgment has yielded. */
function sample(fields: Partial<DeliveryRate>): DeliveryRate {
  return Object.assign(new DeliveryRate(), fields);
}

Deno.test("the bandwidth is the largest of this cycle and the one before", () => {
  const path = new BbrPath();
  path.updateBandwidth(sample({ rate: 100 }));
  path.updateBandwidth(sample({ rate: 80 }));
  assertEquals(path.maxBw, 100);
  path.nextCycle();
  path.updateBandwidth(sample({ rate: 90 }));
  assertEquals(path.maxBw, 100);
  path.nextCycle();
  assertEquals(path.maxBw, 90);
});

Deno.test("where the application sets the rate only a larger one counts", () => {
  const path = new BbrPath();
  path.updateBandwidth(sample({ rate: 100 }));
  path.nextCycle();
  path.updateBandwidth(sample({ rate: 10, isAppLimited: true }));
  path.nextCycle();
  assertEquals(path.maxBw, 100, "a cycle without a sample of its own forgets nothing");
  path.updateBandwidth(sample({ rate: 120, isAppLimited: true }));
  assertEquals(path.maxBw, 120);
});

Deno.test("a round trip is over when something arrives that was sent after it began", () => {
  const path = new BbrPath();
  path.startRound(sample({ delivered: 1000 }));
  path.updateRound(sample({ delivered: 1500, priorDelivered: 999 }));
  assertEquals([path.roundStart, path.rounds], [false, 0]);
  path.updateRound(sample({ delivered: 2500, priorDelivered: 1000 }));
  assertEquals([path.roundStart, path.rounds], [true, 1]);
  path.updateRound(sample({ delivered: 3000, priorDelivered: 2499 }));
  assertEquals([path.roundStart, path.rounds], [false, 1]);
});

Deno.test("the smallest round-trip time is believed for ten seconds, and looked for after five", () => {
  const path = new BbrPath();
  path.updateMinRtt(20, 0);
  path.updateMinRtt(30, 5_000);
  assertEquals([path.minRtt, path.probeRttExpired], [20, false]);
  path.updateMinRtt(30, 5_001);
  assertEquals([path.minRtt, path.probeRttExpired], [20, true]);
  path.updateMinRtt(31, 10_000);
  assertEquals(path.minRtt, 20);
  path.updateMinRtt(31, 10_001);
  assertEquals(path.minRtt, 30);
});

Deno.test("a smaller round-trip time puts the look for one off", () => {
  const path = new BbrPath();
  path.updateMinRtt(20, 0);
  path.updateMinRtt(19, 4_000);
  path.updateMinRtt(25, 9_000);
  assertEquals([path.minRtt, path.probeRttExpired], [19, false]);
});

Deno.test("acknowledgments in clumps count as far as the bandwidth does not explain them", () => {
  const path = new BbrPath();
  path.restartAggregation(0);
  // 100 bytes a millisecond: 500 at once, 4 ms after the start, then 1000 at 10 ms.
  path.updateAggregation(500, 100, 10_000, false, 4);
  const first = path.extraAcked;
  path.updateAggregation(1000, 100, 10_000, false, 10);
  assert(first >= 100 && path.extraAcked > first, `${first}, ${path.extraAcked}`);
  path.updateAggregation(50_000, 100, 10_000, false, 10);
  assertEquals(path.extraAcked, 10_000, "never more than the window");
});
