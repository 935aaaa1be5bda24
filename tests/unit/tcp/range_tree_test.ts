import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { RangeTree } from "../../../stack/tcp/range_tree.ts";
import { takeTransmission, type Transmission } from "../../../stack/tcp/transmission.ts";

const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant("add" as const), at: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("remove" as const), at: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("lose" as const), at: fc.nat() }) },
);

Deno.test("whatever is put in, taken out and lost, a tree finds what a row of ranges holds", () => {
  const base = fc.constantFrom(0, 0x7fff_f000, -4_000);
  fc.assert(
    fc.property(base, fc.array(step, { size: "max", maxLength: 200 }), (first, steps) => {
      const tree = new RangeTree();
      const row = [takeTransmission(first, (first + 8_192) | 0, 0)];
      tree.insert(row[0]!);
      for (const { do: what, at } of steps) {
        const i = at % row.length;
        const range = row[i]!;
        const length = (range.end - range.start) | 0;
        if (what === "lose") {
          range.lost = !range.lost;
          tree.refresh(range);
        } else if (what === "remove" && row.length > 1) {
          tree.remove(range);
          row.splice(i, 1);
          link(row);
        } else if (what === "add" && length > 1) {
          const middle = (range.start + (length >> 1)) | 0;
          const rest = takeTransmission(middle, range.end, 0);
          range.end = middle;
          row.splice(i + 1, 0, rest);
          link(row);
          tree.insert(rest);
        }
        for (const range of row) {
          assert(tree.find(range.start) === range);
          assert(tree.find((range.end - 1) | 0) === range);
        }
        assert(tree.firstWaiting === row.find(({ lost }) => lost));
        row.forEach(checkBranch);
      }
      tree.clear();
      assert(tree.find(first) === undefined && tree.firstWaiting === undefined);
    }),
    { numRuns: 200 },
  );
});

/** What is below a range is balanced, and its notes of it are right. */
function checkBranch(range: Transmission): void {
  const { left, right } = range;
  if (left !== undefined) assert(left.parent === range);
  if (right !== undefined) assert(right.parent === range);
  const heights = [left?.height ?? 0, right?.height ?? 0] as const;
  assert(Math.abs(heights[0] - heights[1]) <= 1, `${heights}`);
  assertEquals(range.height, 1 + Math.max(...heights));
  assertEquals(
    range.somethingWaits,
    range.lost || left?.somethingWaits === true || right?.somethingWaits === true,
  );
}

/** Has all know their neighbors. */
function link(row: readonly Transmission[]): void {
  row.forEach((range, i) => {
    range.previous = row[i - 1];
    range.next = row[i + 1];
  });
}
