import { assertEquals } from "@std/assert";
import { HyStart } from "../../../stack/tcp/hystart.ts";

const MSS = 1000;

/** One round of ten segments with these times; what the window grew by with each. */
function round(hystart: HyStart, rtt: number): number[] {
  return Array.from({ length: 10 }, () => hystart.grow(MSS, rtt, 10 * MSS));
}

function total(growth: number[]): number {
  return growth.reduce((sum, one) => sum + one, 0);
}

Deno.test("slow start doubles the window while times stay as they are", () => {
  const hystart = new HyStart();
  for (let i = 0; i < 20; i++) assertEquals(total(round(hystart, 40)), 10 * MSS);
});

Deno.test("a rise of an eighth, at least 4 and at most 16 ms, slows it to a quarter after eight measurements", () => {
  for (const [base, enough] of [[8, 4], [80, 10], [400, 16]] as const) {
    const hystart = new HyStart();
    round(hystart, base);
    assertEquals(total(round(hystart, base + enough - 0.1)), 10 * MSS);
    const risen = new HyStart();
    round(risen, base);
    assertEquals(round(risen, base + enough), [
      ...Array(7).fill(MSS),
      ...Array(3).fill(MSS / 4),
    ]);
  }
});

Deno.test("five rounds later slow start is over", () => {
  const hystart = new HyStart();
  round(hystart, 80);
  round(hystart, 100);
  for (let i = 0; i < 4; i++) assertEquals(total(round(hystart, 100)), 10 * MSS / 4);
  assertEquals(hystart.grow(MSS, 100, 10 * MSS), 0);
});

Deno.test("if times fall below what they rose to, it was an accident and slow start goes on", () => {
  const hystart = new HyStart();
  round(hystart, 80);
  round(hystart, 100);
  assertEquals(round(hystart, 90), [...Array(7).fill(MSS / 4), ...Array(3).fill(MSS)]);
  for (let i = 0; i < 10; i++) assertEquals(total(round(hystart, 90)), 10 * MSS);
});
