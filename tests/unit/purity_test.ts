import { assertEquals, assertGreater } from "@std/assert";
import {
  circleIn,
  importsInto,
  importsOf,
  importsOutOf,
  impuritiesOf,
  readSources,
} from "../support/house.ts";

const ROOT = new URL("../../", import.meta.url);
const sources = await readSources(ROOT, ["mod.ts", "runtime", "stack", "listeners"]);

Deno.test("the house was found", () => {
  for (const room of ["runtime/", "stack/", "stack/wire/", "listeners/"]) {
    assertGreater([...sources.keys()].filter((path) => path.startsWith(room)).length, 5, room);
  }
});

Deno.test("imports run in no circles, of types included", () => {
  assertEquals(circleIn(sources), undefined);
});

Deno.test("stack/ imports nothing from outside itself, stack/wire/ nothing from outside wire", () => {
  assertEquals(importsOutOf("stack", sources), []);
  assertEquals(importsOutOf("stack/wire", sources), []);
});

Deno.test("runtime/ imports neither the listeners nor mod.ts", () => {
  assertEquals(importsInto("listeners", "runtime", sources), []);
  assertEquals(importsInto("mod.ts", "runtime", sources), []);
});

Deno.test("listeners/ import nothing of the house but mod.ts, as a third party's would", () => {
  assertEquals(importsInto("runtime", "listeners", sources), []);
  assertEquals(importsInto("stack", "listeners", sources), []);
});

Deno.test("stack/ touches no clock, timer, randomness, console, promise or Deno", () => {
  const stack = [...sources].filter(([path]) => path.startsWith("stack/"));
  assertEquals(stack.flatMap(([path, source]) => impuritiesOf(path, source)), []);
});

Deno.test("the checker sees every form of import", () => {
  const source = `
    import { a } from "./a.ts";
    import type { B } from "../b.ts";
    import c, { type D } from './c.ts';
    import * as e from "./e/e.ts";
    import "./f.ts";
    import {
      g,
      h,
    } from "./g.ts";
    export * from "./i.ts";
    export * as j from "./j.ts";
    export { k } from "./k.ts";
    export type { L } from "./l.ts";
    const m = await import("./m.ts");
    let n: typeof import("./n.ts");
    import { assert } from "@std/assert";
  `;
  assertEquals(importsOf("x/y/z.ts", source).sort(), [
    "@std/assert",
    "x/b.ts",
    "x/y/a.ts",
    "x/y/c.ts",
    "x/y/e/e.ts",
    "x/y/f.ts",
    "x/y/g.ts",
    "x/y/i.ts",
    "x/y/j.ts",
    "x/y/k.ts",
    "x/y/l.ts",
    "x/y/m.ts",
    "x/y/n.ts",
  ]);
});

Deno.test("the checker sees no imports in comments, and none in other code", () => {
  const source = `
    // import { a } from "./a.ts";
    /* import { b } from "./b.ts";
       import "./c.ts"; */
    /** \`import { d } from "./d.ts";\` */
    export const from = "./e.ts";
    export function f() { return "./f.ts"; }
    const url = "https://example.org/"; // a string with slashes hides nothing behind it
    import { real } from "./real.ts";
  `;
  assertEquals(importsOf("x.ts", source), ["real.ts"]);
});

Deno.test("the checker finds circles of two, of three, of types, and of one", () => {
  const circle = (files: Record<string, string>) => circleIn(new Map(Object.entries(files)));
  assertEquals(
    circle({ "a.ts": 'import "./b.ts";', "b.ts": 'import type { A } from "./a.ts";' }),
    ["a.ts", "b.ts", "a.ts"],
  );
  assertEquals(
    circle({
      "start.ts": 'import "./s/a.ts";',
      "s/a.ts": 'import "./b.ts";',
      "s/b.ts": 'export * from "../t/c.ts";',
      "t/c.ts": 'import { a } from "../s/a.ts";',
    }),
    ["s/a.ts", "s/b.ts", "t/c.ts", "s/a.ts"],
  );
  assertEquals(circle({ "a.ts": 'import "./a.ts";' }), ["a.ts", "a.ts"]);
  // Two ways to one place are no circle.
  assertEquals(
    circle({
      "a.ts": 'import "./b.ts"; import "./c.ts";',
      "b.ts": 'import "./d.ts";',
      "c.ts": 'import "./d.ts";',
      "d.ts": 'import "@std/assert";',
    }),
    undefined,
  );
});

Deno.test("the checker finds imports that leave a directory", () => {
  const files = new Map([
    ["stack/a.ts", 'import "./wire/b.ts"; import "../runtime/c.ts"; import "@std/assert";'],
    ["stack/wire/b.ts", 'import type { A } from "../a.ts"; import "./d.ts";'],
    ["stack_other/c.ts", 'import "../runtime/c.ts";'],
  ]);
  assertEquals(importsOutOf("stack", files), [
    "stack/a.ts -> runtime/c.ts",
    "stack/a.ts -> @std/assert",
  ]);
  assertEquals(importsOutOf("stack/wire", files), ["stack/wire/b.ts -> stack/a.ts"]);
  assertEquals(importsInto("runtime", "stack", files), ["stack/a.ts -> runtime/c.ts"]);
});

Deno.test("the checker finds each thing that is not pure, with its line", () => {
  const impure = [
    "Deno.exit()",
    "new Date()",
    "Date.now()",
    "Math.random()",
    "setTimeout(f, 1)",
    "setInterval(f, 1)",
    "clearTimeout(t)",
    "queueMicrotask(f)",
    "console.log(1)",
    "performance.now()",
    "crypto.getRandomValues(a)",
    "globalThis.x",
    "new Promise(f)",
    "async () => {}",
    "await x",
    'import("./x.ts")',
    "`${Date.now()}`",
  ];
  for (const code of impure) {
    const found = impuritiesOf("stack/x.ts", `/** Two\n lines. */\n\n  ${code};\n`);
    assertEquals(found.length, 1, code);
    assertEquals(found[0]!.startsWith("stack/x.ts:4: "), true, found[0]);
  }
});

Deno.test("the checker lets comments, strings and other names be", () => {
  const pure = `
    // Deno runs this; console, Date.now() and crypto are only talked of.
    /* await
       setTimeout */
    const text = "Deno and Date";
    const candidate = updateDate(performanceOf, consoleLike, awaiting);
    Math.floor(1);
  `;
  assertEquals(impuritiesOf("stack/x.ts", pure), []);
});
