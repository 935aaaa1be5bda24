// Every state by every segment: the answer and the next state as the RFCs have them, see oracle.ts.
import { assertEquals } from "@std/assert";
import { type Cell, cellsOf, nameOf, STATES } from "./cell.ts";
import { drive } from "./drive.ts";
import { expected } from "./oracle.ts";

/** What is different in a cell, in words; `undefined` if nothing is. */
function difference(cell: Cell): string | undefined {
  const { trace, ...found } = drive(cell);
  const wanted = expected(cell);
  const text = ({ replies, next, readable }: typeof wanted) =>
    `${replies.join(" | ") || "silence"} -> ${next}, ${readable} readable`;
  if (text(wanted) === text(found)) return undefined;
  return `${nameOf(cell)}\n  expected ${text(wanted)}\n  found    ${text(found)}\n${trace}`;
}

for (const state of STATES) {
  Deno.test(`state table: every segment in ${state}`, () => {
    const differences = [...cellsOf(state)].map(difference).filter((each) => each !== undefined);
    assertEquals(
      differences.length,
      0,
      `${differences.length} cells differ; the first:\n${differences.slice(0, 3).join("\n\n")}`,
    );
  });
}
