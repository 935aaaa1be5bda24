import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { Pacer, sendQuantum } from "../../../stack/tcp/pacer.ts";

const MSS = 1000;

/** Sends whenever the pacer lets it, woken so much too late, and tells when each segment left. */
function run(rate: number, duration: number, late: number): number[] {
  const pacer = new Pacer();
  const times: number[] = [];
  for (let now = 0; now < duration; now = pacer.next + late) {
    while (pacer.ready(rate, MSS, now)) {
      pacer.sent(MSS, rate, now);
      times.push(now);
    }
  }
  return times;
}

Deno.test("a burst lasts a millisecond, has two segments at least and 64 KiB at most", () => {
  assertEquals(sendQuantum(12_500, MSS), 12_500); // 100 Mbit/s
  assertEquals(sendQuantum(1_000, MSS), 2 * MSS);
  assertEquals(sendQuantum(1_250_000, MSS), 65_536); // 10 Gbit/s
});

Deno.test("below 1.2 Mbit/s segments leave one by one", () => {
  assertEquals(sendQuantum(149, MSS), MSS);
  assertEquals(sendQuantum(150, MSS), 2 * MSS);
});

Deno.test("what leaves in a second is the rate, in bursts with pauses of a millisecond", () => {
  const times = run(12_000, 1000, 0);
  assertAlmostEquals(times.length * MSS / 1000, 12_000, 40);
  const bursts = new Set(times);
  assertAlmostEquals(bursts.size, 1000, 2);
  for (const at of bursts) assert(times.filter((time) => time === at).length <= 36);
});

Deno.test("timers that come late are made up for, so that the rate is held", () => {
  for (const late of [0.1, 0.7, 1.2, 1.9]) {
    const times = run(12_000, 1000, late);
    assertAlmostEquals(times.length * MSS / 1000, 12_000, 300, `${late} ms late`);
  }
});

Deno.test("a pause is made up for by no more than two milliseconds' worth", () => {
  const pacer = new Pacer();
  let count = 0;
  for (; pacer.ready(12_000, MSS, 500); count++) pacer.sent(MSS, 12_000, 500);
  assert(count >= 24 && count <= 36, `${count}`);
});

Deno.test("what the window has cut short of a burst may still leave, and is not given again", () => {
  const pacer = new Pacer();
  assert(pacer.ready(10_000, MSS, 100));
  for (let i = 0; i < 4; i++) pacer.sent(MSS, 10_000, 100);
  // The window opens again: the rest of the ten, and no eleventh.
  let more = 0;
  for (; pacer.ready(10_000, MSS, 100.1) && more < 50; more++) pacer.sent(MSS, 10_000, 100.1);
  assert(more + 4 <= 30, `${more}`);
  assert(!pacer.ready(10_000, MSS, pacer.next - 0.01));
  assert(pacer.ready(10_000, MSS, pacer.next));
});
