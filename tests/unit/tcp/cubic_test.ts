import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { Cubic } from "../../../stack/tcp/cubic.ts";

const MSS = 1000;

/** A window of `segments` in which a loss was found, and the recovery is over. */
function afterLoss(segments: number): Cubic {
  const cubic = new Cubic(MSS);
  cubic.setWindow(segments * MSS);
  cubic.lossDetected(segments * MSS, 0);
  cubic.setWindow(cubic.ssthresh);
  return cubic;
}

/** Acknowledges window after window, one each round trip, until `end`; returns the time. */
function run(cubic: Cubic, rtt: number, from: number, end: number): number {
  let now = from;
  for (; now < end; now += rtt) {
    const segments = Math.floor(cubic.cwnd / MSS);
    for (let i = 0; i < segments; i++) {
      cubic.acknowledged(MSS, true, rtt, now + rtt * i / segments);
    }
  }
  return now;
}

Deno.test("a loss leaves 0.7 of the window, a timeout one segment, and never less than two as threshold", () => {
  const cubic = new Cubic(MSS);
  cubic.setWindow(100 * MSS);
  cubic.lossDetected(100 * MSS, 0);
  assertEquals([cubic.cwnd, cubic.ssthresh], [100 * MSS, 70 * MSS]);
  cubic.timedOut(100 * MSS, 0);
  assertEquals([cubic.cwnd, cubic.ssthresh], [MSS, 70 * MSS]);
  cubic.lossDetected(MSS, 0);
  assertEquals(cubic.ssthresh, 2 * MSS);
});

Deno.test("K seconds after a loss the window is what it was, and beyond it later", () => {
  // K = cbrt(W_max (1 - beta) / C) with W in segments: 1000 · 0.3 / 0.4 is 750, its root 9.086 s.
  const cubic = afterLoss(1000);
  run(cubic, 100, 0, 4543);
  // Half way on the curve: W_max - C (K/2)^3.
  assertAlmostEquals(cubic.cwnd / MSS, 1000 - 0.4 * 4.543 ** 3, 10);
  run(cubic, 100, 4600, 9086);
  assertAlmostEquals(cubic.cwnd / MSS, 1000, 5);
  run(cubic, 100, 9100, 14_086);
  assertAlmostEquals(cubic.cwnd / MSS, 1000 + 0.4 * 5 ** 3, 10);
});

Deno.test("a second loss before the window is back leaves room for others (fast convergence)", () => {
  const cubic = afterLoss(1000);
  cubic.lossDetected(700 * MSS, 0);
  cubic.setWindow(cubic.ssthresh);
  assertAlmostEquals(cubic.cwnd / MSS, 490, 1e-6);
  // W_max is 700 · 0.85 = 595: K = cbrt(105 / 0.4) = 6.4 s.
  run(cubic, 100, 0, 6400);
  assertAlmostEquals(cubic.cwnd / MSS, 595, 5);
});

Deno.test("where it would be slower than Reno it is as Reno: 9/17 of a segment a round trip, then one", () => {
  const cubic = afterLoss(20);
  run(cubic, 1, 0, 9);
  assertAlmostEquals(cubic.cwnd / MSS, 14 + 9 * 9 / 17, 0.5);
  run(cubic, 1, 9, 20);
  const before = cubic.cwnd;
  run(cubic, 1, 20, 30);
  assertAlmostEquals((cubic.cwnd - before) / MSS, 10, 1);
});

Deno.test("after fast convergence Reno's growth is one segment only from the window before the loss on", () => {
  const cubic = afterLoss(30);
  cubic.lossDetected(21 * MSS, 0);
  cubic.setWindow(cubic.ssthresh);
  // From 14.7 to 17.85, which is W_max now, and on to 21 it takes 9/17 each.
  run(cubic, 1, 0, 10);
  assertAlmostEquals(cubic.cwnd / MSS, 14.7 + 10 * 9 / 17, 0.5);
});

Deno.test("no round trip makes the window grow by more than half", () => {
  const cubic = afterLoss(100);
  cubic.acknowledged(MSS, true, 100, 0);
  const before = cubic.cwnd;
  run(cubic, 100, 100_000, 100_100);
  assert(cubic.cwnd < 1.66 * before);
});

Deno.test("a window that is not used does not grow, and the curve stands still", () => {
  const cubic = afterLoss(1000);
  run(cubic, 100, 0, 1000);
  const { cwnd } = cubic;
  for (let now = 1000; now < 60_000; now += 100) cubic.acknowledged(MSS, false, 100, now);
  assertEquals(cubic.cwnd, cwnd);
  run(cubic, 100, 60_000, 60_200);
  assert(cubic.cwnd < 1.1 * cwnd);
});

Deno.test("after idleness slow start leads to the threshold, and time on the curve begins there", () => {
  const cubic = afterLoss(100);
  run(cubic, 100, 0, 1000);
  cubic.restart();
  assertEquals(cubic.cwnd, 10 * MSS);
  assertEquals(cubic.ssthresh, 70 * MSS);
  run(cubic, 100, 600_000, 600_300);
  assertAlmostEquals(cubic.cwnd / MSS, 70, 1);
  run(cubic, 100, 600_300, 600_500);
  assert(cubic.cwnd < 80 * MSS, `${cubic.cwnd}`);
});

Deno.test("HyStart++ is for the first slow start: a threshold that was found out ends the others", () => {
  const cubic = new Cubic(MSS);
  cubic.setWindow(100 * MSS);
  cubic.timedOut(100 * MSS, 0);
  let rtt = 20;
  for (; cubic.cwnd < cubic.ssthresh; rtt += 20) {
    const before = cubic.cwnd;
    run(cubic, rtt, 0, 1);
    assert(cubic.cwnd >= Math.min(2 * before, cubic.ssthresh));
  }
});

Deno.test("a needless reduction is taken back whole, also where the window was to come back to", () => {
  const cubic = afterLoss(1000);
  cubic.remember();
  cubic.timedOut(700 * MSS, 0);
  cubic.undo();
  assertAlmostEquals(cubic.cwnd / MSS, 700, 1e-6);
  assertAlmostEquals(cubic.ssthresh / MSS, 700, 1e-6);
  run(cubic, 100, 0, 9086);
  assertAlmostEquals(cubic.cwnd / MSS, 1000, 5);
});
