import { assertEquals } from "@std/assert";
import { Reassembly } from "../../../stack/tcp/reassembly.ts";
import { SackReport } from "../../../stack/tcp/sack_report.ts";

function blocks(report: SackReport, ahead: Reassembly | undefined, limit = 4): [number, number][] {
  const count = report.collect(ahead, limit);
  return Array.from({ length: count }, (_, i) => [report.starts[i]!, report.ends[i]!]);
}

/** Segments of ten bytes that arrive ahead, each reported as it comes. */
function arrive(report: SackReport, ahead: Reassembly, ...starts: number[]): void {
  for (const start of starts) {
    ahead.add(start, start + 10);
    report.arrived(start);
    report.collect(ahead, 4);
  }
}

Deno.test("the latest range is first, and each is there once", () => {
  const report = new SackReport();
  const ahead = new Reassembly(64, 0);
  arrive(report, ahead, 100, 200, 300, 110, 310);
  assertEquals(blocks(report, ahead), [[300, 320], [100, 120], [200, 210]]);
});

Deno.test("no more blocks than fit, and those that do not are not forgotten", () => {
  const report = new SackReport();
  const ahead = new Reassembly(64, 0);
  arrive(report, ahead, 100, 200, 300);
  assertEquals(blocks(report, ahead, 2), [[300, 310], [200, 210]]);
  assertEquals(blocks(report, ahead, 3).length, 3);
});

Deno.test("what came twice is before all others, once", () => {
  const report = new SackReport();
  const ahead = new Reassembly(64, 0);
  arrive(report, ahead, 100, 200, 300);
  report.cameTwice(20, 30);
  assertEquals(report.hasDuplicate, true);
  assertEquals(blocks(report, ahead, 3), [[20, 30], [300, 310], [200, 210]]);
  assertEquals(report.hasDuplicate, false);
  assertEquals(blocks(report, ahead, 3)[0], [300, 310]);
});

Deno.test("what is in order now, or was dropped, is reported no more", () => {
  const report = new SackReport();
  const ahead = new Reassembly(64, 0);
  arrive(report, ahead, 100, 200);
  ahead.advance(100);
  assertEquals(blocks(report, ahead), [[200, 210]]);
  assertEquals(blocks(report, undefined), []);
  assertEquals(blocks(report, ahead), [], "nothing is known of a queue that was dropped");
});
