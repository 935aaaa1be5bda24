import { assertEquals, assertMatch } from "@std/assert";
import { type Measurement, median, summarize, table } from "../../bench/report.ts";
import type { Scenario } from "../../bench/scenarios.ts";

const SCENARIO: Scenario = {
  name: "echo",
  shown: [{ figure: "p50", unit: "µs", better: "less" }],
  load: () => Promise.resolve({}),
};

function measured(server: string, p50: number, cpu = 1, rss = 1e6): Measurement {
  return { scenario: "echo", server, round: 1, figures: { p50 }, cpu, rss };
}

Deno.test("median: the middle one, or the mean of the two in the middle", () => {
  assertEquals(median([5, 1, 3]), 3);
  assertEquals(median([4, 1, 3, 2]), 2.5);
  assertEquals(median([]), NaN);
});

Deno.test("summarize: medians, spread, most memory, and ratios to the reference", () => {
  const [line] = summarize([SCENARIO], [
    measured("ours", 10, 1, 5e6),
    measured("ours", 30, 3, 7e6),
    measured("ours", 20, 2, 6e6),
    measured("kernel", 40),
  ], "kernel");
  assertEquals(line!.servers.ours, { median: 20, spread: 0.5, cpu: 2, rss: 7e6 });
  assertEquals(line!.ratios, { ours: 0.5, kernel: 1 });
});

Deno.test("summarize: without the reference there are no ratios", () => {
  const [line] = summarize([SCENARIO], [measured("ours", 10)], "kernel");
  assertEquals(line!.ratios, {});
});

Deno.test("table: one row a figure, and it says where less is better", () => {
  const lines = summarize([SCENARIO], [measured("ours", 10), measured("kernel", 40)], "kernel");
  const [head, row, ...rest] = table(lines, ["ours", "kernel"], "kernel").split("\n");
  assertEquals(rest, []);
  assertMatch(head!, /scenario +unit +ours +kernel +ours\/kernel/);
  assertMatch(row!, /echo +µs +10\.0 ±0% +40\.0 ±0% +0\.25 \(less is better\)/);
});
