// draft-ietf-ccwg-bbr section 5.5.10: bounds that losses have taught.
import { assertAlmostEquals, assertEquals } from "@std/assert";
import { BbrBounds, inflightAtLoss } from "../../../stack/tcp/bbr_bounds.ts";
import { DeliveryRate } from "../../../stack/tcp/delivery_rate.ts";

Deno.test("a round with losses lowers the short-term bounds to what was delivered, 0.7 at least", () => {
  const bounds = new BbrBounds();
  const delivery = Object.assign(new DeliveryRate(), {
    rate: 90,
    sampleDelivered: 900,
    priorDelivered: 0,
  });
  bounds.updateLatest(delivery);
  bounds.lower(100, 2000);
  assertEquals([bounds.bwShortterm, bounds.inflightShortterm], [90, 1400]);
  bounds.resetSignals();
  bounds.lower(100, 2000);
  assertAlmostEquals(bounds.bwShortterm, 63);
  assertAlmostEquals(bounds.inflightShortterm, 980);
  bounds.resetShortterm();
  assertEquals([bounds.bwShortterm, bounds.inflightShortterm], [Infinity, Infinity]);
});

Deno.test("losses in a row of bytes are one, and a new round begins to count anew", () => {
  const bounds = new BbrBounds();
  assertEquals(bounds.noteLoss(0, 10, 0), true);
  assertEquals(bounds.noteLoss(10, 20, 0), false);
  assertEquals(bounds.lossEvents, 1);
  bounds.noteLoss(30, 40, 0);
  assertEquals(bounds.lossEvents, 2);
  bounds.endRound();
  assertEquals(bounds.noteLoss(40, 50, 0), true);
  assertEquals(bounds.lossEvents, 1);
});

Deno.test("a seventh of the long-term bound, a segment at least, is left to others", () => {
  const bounds = new BbrBounds();
  assertEquals(bounds.inflightWithHeadroom(10), Infinity);
  bounds.inflightLongterm = 1000;
  assertEquals(bounds.inflightWithHeadroom(10), 850);
  assertEquals(bounds.inflightWithHeadroom(200), 800);
});

Deno.test("the threshold was passed where 2 % of what was in flight were lost, in the midst of a range", () => {
  // 100 in flight, the last 20 of them found lost at once, none before: (0.02 · 80) / 0.98 more.
  assertAlmostEquals(inflightAtLoss(100, 20, 20), 80 + 1.6 / 0.98);
  assertEquals(inflightAtLoss(100, 50, 20), 80, "passed before");
});
