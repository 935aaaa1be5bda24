import { parse } from "@std/jsonc";
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { type JsoncNode, locate, positionAt } from "../../../runtime/config/position.ts";

Deno.test("lines end with LF, CRLF and CR, and columns count from 1", () => {
  const text = "a\nbc\r\nd\re";
  assertEquals(
    ["a", "b", "c", "d", "e"].map((letter) => positionAt(text, text.indexOf(letter))),
    [
      { line: 1, column: 1 },
      { line: 2, column: 1 },
      { line: 2, column: 2 },
      { line: 3, column: 1 },
      { line: 4, column: 1 },
    ],
  );
  assertEquals(positionAt("", 0), { line: 1, column: 1 });
  assertEquals(positionAt("a\n", 2), { line: 2, column: 1 });
});

Deno.test("values and keys are found behind comments and within texts that look like structure", () => {
  const text = `// { "no": 1 }
  { /* "a": 0, */ "a,]}\\"": [ "//", 1.5e3, /* x */ {"b": null,}, ], "a\\u0062": true }`;
  const root = locate(text);
  assertEquals(text[root.offset], "{");
  const list = root.children.get('a,]}"')!;
  assertEquals(text[list.offset], "[");
  const starts = [...list.children.values()].map(({ offset }) => text.slice(offset, offset + 4));
  assertEquals(starts, ['"//"', "1.5e", '{"b"']);
  assertEquals(text.slice(root.children.get("ab")!.offset).slice(0, 4), "true");
  assertEquals(root.keys.get("ab")!.map((offset) => text.slice(offset, offset + 3)), ['"a\\']);
});

Deno.test("every place of a repeated key is kept, and the value of the last", () => {
  const text = '{"a": 1, "b": 2, "a": 3}';
  const { keys, children } = locate(text);
  assertEquals(keys.get("a"), [1, 17]);
  assertEquals(children.get("a")!.offset, 22);
});

Deno.test("the value parsed at each place found is the value of that place", () => {
  const json = fc.json({ maxDepth: 4 });
  fc.assert(fc.property(json, fc.constantFrom(undefined, 1, "\t"), (compact, indent) => {
    const value = JSON.parse(compact);
    const text = JSON.stringify(value, null, indent);
    (function visit(value: unknown, node: JsoncNode): void {
      assertEquals(valueAt(text, node.offset), value);
      assertEquals(node.children.size, isComposite(value) ? Object.keys(value).length : 0);
      if (!isComposite(value)) return;
      for (const [step, child] of node.children) visit(value[step], child);
    })(value, locate(text));
  }));
});

function isComposite(value: unknown): value is Record<string | number, unknown> {
  return typeof value === "object" && value !== null;
}

/** The value whose text begins at an offset: the longest that parses, up to a delimiter. */
function valueAt(text: string, offset: number): unknown {
  for (let end = offset + 1; end <= text.length; end++) {
    if (end < text.length && !/[\s,\]}]/.test(text[end]!)) continue;
    try {
      return parse(text.slice(offset, end));
    } catch {
      // Not the whole value yet.
    }
  }
}
