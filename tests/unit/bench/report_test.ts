import { assertEquals, assertMatch } from "@std/assert";
import { costs, type Measurement, median, summarize, tables } from "../../bench/report.ts";
import type { Figures, Scenario } from "../../bench/scenarios.ts";

const SCENARIO: Scenario = {
  name: "echo",
  shown: [{ figure: "p50", unit: "µs", better: "less" }],
  work: "request",
  load: () => Promise.resolve({}),
};

function measured(server: string, p50: number, more: Figures = {}): Measurement {
  const cost = { "server CPU": 1, "both ends CPU": 2, "client load": 0.5, MB: 3 };
  return { scenario: "echo", server, round: 1, figures: { p50, ...cost, ...more } };
}

Deno.test("median: the middle one, or the mean of the two in the middle", () => {
  assertEquals(median([5, 1, 3]), 3);
  assertEquals(median([4, 1, 3, 2]), 2.5);
  assertEquals(median([]), NaN);
});

Deno.test("costs: microseconds of a request or seconds of a GB, with the client and without", () => {
  const figures = { count: 50_000, bytes: 4e9, "client CPU": 1 };
  assertEquals(costs(SCENARIO, figures, 2, 7e6), {
    "server CPU": 40,
    "both ends CPU": 60,
    MB: 7,
  });
  assertEquals(costs({ ...SCENARIO, work: "GB" }, figures, 2, 7e6), {
    "server CPU": 0.5,
    "both ends CPU": 0.75,
    MB: 7,
  });
});

Deno.test("summarize: medians, spread, and ratios to each reference", () => {
  const [seen] = summarize([SCENARIO], [
    measured("ours", 10),
    measured("ours", 30),
    measured("ours", 20),
    measured("kernel", 40),
    measured("ceiling", 10),
  ], ["kernel", "ceiling"]);
  const [line] = seen!.lines;
  assertEquals(line!.servers.ours, { median: 20, spread: 0.5 });
  assertEquals(line!.ratios, { "ours/kernel": 0.5, "ours/ceiling": 2, "kernel/ceiling": 4 });
});

Deno.test("summarize: without the references there are no ratios", () => {
  const [seen] = summarize([SCENARIO], [measured("ours", 10)], ["kernel", "ceiling"]);
  assertEquals(seen!.lines[0]!.ratios, {});
});

Deno.test("summarize: the memory after all of it is that of the last round", () => {
  const sections = summarize([SCENARIO], [
    measured("ours", 10, { MB: 50 }),
    measured("ours", 10, { MB: 70 }),
    measured("ours", 10, { MB: 60 }),
    measured("ours", 10, { MB: 90 }),
  ], []);
  const [each, last] = sections.at(-1)!.lines;
  assertEquals(each!.servers.ours!.median, 65);
  assertEquals(last!.servers.ours!.median, 90);
});

Deno.test("tables: one row a figure, and it says where less is better", () => {
  const sections = summarize(
    [SCENARIO],
    [measured("ours", 10), measured("kernel", 40)],
    ["kernel", "ceiling"],
  );
  const [title, empty, head, row] = tables(sections, ["ours", "kernel"]).split("\n");
  assertMatch(title!, /client sees/);
  assertEquals(empty, "");
  assertMatch(head!, /scenario +unit +ours +kernel +ours\/kernel$/);
  assertMatch(row!, /echo +µs ↓ +10\.0 ±0% +40\.0 ±0% +0\.25$/);
});
