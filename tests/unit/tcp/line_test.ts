import { assertEquals } from "@std/assert";
import { Line, type Lined } from "../../../stack/tcp/line.ts";

class Item implements Lined {
  line: object | undefined = undefined;
  behind: Lined | undefined = undefined;
  before: Lined | undefined = undefined;
  constructor(readonly name: string) {}
}

function lineOf(names: string): [Line<Item>, Map<string, Item>] {
  const line = new Line<Item>();
  const items = new Map([...names].map((name) => [name, new Item(name)]));
  for (const item of items.values()) line.add(item);
  return [line, items];
}

const inOrder = (line: Line<Item>) => [...line].map(({ name }) => name).join("");

Deno.test("things stand in the order in which they came, and any may leave", () => {
  for (const [leaving, left] of [["a", "bcd"], ["b", "acd"], ["d", "abc"], ["abcd", ""]] as const) {
    const [line, items] = lineOf("abcd");
    for (const name of leaving) line.delete(items.get(name)!);
    assertEquals([inOrder(line), line.size], [left, left.length]);
    assertEquals(line.first?.name ?? "", left.slice(0, 1));
    for (const [name, item] of items) assertEquals(line.has(item), left.includes(name));
    for (const name of leaving) line.add(items.get(name)!);
    assertEquals(inOrder(line), left + leaving);
  }
});

Deno.test("who stands in another line, or in none, cannot leave this one", () => {
  const [line, items] = lineOf("ab");
  const [other, others] = lineOf("cd");
  line.delete(others.get("c")!);
  line.delete(new Item("e"));
  line.delete(items.get("a")!);
  line.delete(items.get("a")!);
  assertEquals([inOrder(line), line.size, inOrder(other), other.size], ["b", 1, "cd", 2]);
});

Deno.test("who was last given may leave while all are gone through", () => {
  const [line] = lineOf("abc");
  for (const item of line) line.delete(item);
  assertEquals([line.size, line.first], [0, undefined]);
});
