import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { Listener, ListenerContext } from "../../../runtime/listener.ts";
import {
  BUILT_INS,
  ListenerError,
  loadListener,
  resolveSpecifier,
} from "../../../runtime/modules.ts";

const BASE = new URL("file:///srv/app/taproom.jsonc");

/** A specifier of a module with this source. */
function source(text: string): string {
  return `data:text/javascript,${encodeURIComponent(text)}`;
}

function load(module: string, options?: Record<string, unknown>): Promise<Listener> {
  return loadListener(
    options === undefined ? { port: 80, module } : { port: 80, module, options },
    BASE,
  );
}

/** Why a module is refused, without the port and its name. */
async function refusal(module: string, options?: Record<string, unknown>): Promise<string> {
  const error = await assertRejects(() => load(module, options), ListenerError);
  const prefix = `port 80 (${module}): `;
  assert(error.message.startsWith(prefix), error.message);
  return error.message.slice(prefix.length);
}

for (
  const [specifier, url] of [
    ["./app.ts", "file:///srv/app/app.ts"],
    ["../app.ts", "file:///srv/app.ts"],
    ["/opt/app.ts", "file:///opt/app.ts"],
    ["file:///opt/app.ts", "file:///opt/app.ts"],
    ["https://example.com/app.ts", "https://example.com/app.ts"],
    ["npm:hono@4", "npm:hono@4"],
    ["jsr:@std/http", "jsr:@std/http"],
    ["C:\\apps\\app.ts", "file:///C:/apps/app.ts"],
  ] as const
) {
  Deno.test(`module ${specifier} is ${url} to a config in /srv/app`, () => {
    assertEquals(resolveSpecifier(specifier, BASE), url);
  });
}

Deno.test("a bare name resolves to nothing", () => {
  const error = assertThrows(() => resolveSpecifier("app.ts", BASE), TypeError);
  assertEquals(error.message, 'expected a path, such as "./app.ts", or a URL, found "app.ts"');
});

Deno.test("each built-in has a module, and each module of listeners/ is a built-in", async () => {
  const names = [];
  for await (const { name } of Deno.readDir(new URL("../../../listeners", import.meta.url))) {
    names.push(name.replace(/\.ts$/, ""));
  }
  assertEquals(names.sort(), [...BUILT_INS]);
  for (const name of BUILT_INS) assertEquals(typeof (await load(name)).flow, "function");
});

const CONTEXT = {
  port: 80,
  signal: new AbortController().signal,
} as ListenerContext;

Deno.test("a default export may be a listener", async () => {
  const module = source("export default { flow() { return 'mine'; } }");
  assertEquals(await (await load(module)).flow(undefined!, CONTEXT) as unknown, "mine");
});

Deno.test("a default export may make a listener of the options, at once or later", async () => {
  for (
    const made of ["{ flow: () => options.say }", "Promise.resolve({ flow: () => options.say })"]
  ) {
    const module = source(`export default (options) => (${made})`);
    const listener = await load(module, { say: "mine" });
    assertEquals(await listener.flow(undefined!, CONTEXT) as unknown, "mine");
  }
});

Deno.test("a factory gets an empty object when the config has no options", async () => {
  const module = source("export default (options) => ({ flow: () => JSON.stringify(options) })");
  assertEquals(await (await load(module)).flow(undefined!, CONTEXT) as unknown, "{}");
});

Deno.test("a factory cannot change the config", async () => {
  const options = { deep: { list: [1] } };
  const module = source("export default (o) => { o.deep.list.push(2); return { flow() {} }; }");
  await load(module, options);
  assertEquals(options, { deep: { list: [1] } });
});

Deno.test("a fetch module is served, be it an object, a function with fetch, or made", async () => {
  const told = `
    start({ port }) { globalThis.told.push("start " + port); },
    onListen({ hostname, port }) { globalThis.told.push("listen " + hostname + ":" + port); },
    stop() { globalThis.told.push("stop"); },
  `;
  const events: string[] = [];
  Object.assign(globalThis, { told: events });
  for (
    const text of [
      `export default { fetch() {}, ${told} }`,
      `export default Object.assign(() => {}, { fetch() {}, ${told} })`,
      `export default () => ({ fetch() {}, ${told} })`,
    ]
  ) {
    const listener = await load(source(text));
    await listener.start!(CONTEXT);
    await listener.stop!(CONTEXT);
    assertEquals(events.splice(0), ["start 80", "listen 0.0.0.0:80", "stop"]);
  }
});

const KINDS = "a function flow(flow, context) or fetch(request)";

for (
  const [name, text, found] of [
    ["nothing", "export const flow = 1", "nothing"],
    ["a number", "export default 7", "7"],
    ["a list", "export default [1]", "a list"],
    ["null", "export default null", "null"],
    [
      "an object of other things",
      "export default { serve() {}, port: 1 }",
      "an object with serve, port",
    ],
    [
      "an object of many things",
      "export default { a: 1, b: 2, c: 3, d: 4, e: 5, f: 6 }",
      "an object with a, b, c, d, e, …",
    ],
    ["an object of nothing", "export default {}", "an object without members"],
    ["a flow that is no function", "export default { flow: true }", "an object with flow"],
  ] as const
) {
  Deno.test(`a module that exports ${name} is refused with what was found`, async () => {
    assertEquals(
      await refusal(source(text)),
      `expected a default export with ${KINDS}, or a function that makes one, found ${found}`,
    );
  });
}

Deno.test("a factory that makes something else is refused with what it made", async () => {
  assertEquals(
    await refusal(source("export default () => 'listener'")),
    `expected the default export to make an object with ${KINDS}, found "listener"`,
  );
  assertEquals(
    await refusal(source("export default async () => {}")),
    `expected the default export to make an object with ${KINDS}, found nothing`,
  );
});

Deno.test("options for a module that takes none are refused", async () => {
  const reason = "expected no options (the default export takes none: it is no function), found ";
  assertEquals(
    await refusal(source("export default { flow() {} }"), { verbose: true, size: 1 }),
    `${reason}an object with verbose, size`,
  );
  assertEquals(
    await refusal(source("export default { fetch() {} }"), { size: 1 }),
    `${reason}an object with size`,
  );
});

Deno.test("no options are what a module that takes none is given", async () => {
  const listener = await load(source("export default { flow() {} }"), {});
  assertEquals(typeof listener.flow, "function");
});

Deno.test("an unknown built-in is refused, and the nearest suggested", async () => {
  const expected = "expected a built-in (chargen, daytime, discard, echo, goodbye, http), a path, ";
  assertEquals(
    await refusal("ehco"),
    `${expected}such as "./ehco", or a URL, found "ehco" (did you mean "echo"?)`,
  );
  assertEquals(
    await refusal("app.ts"),
    `${expected}such as "./app.ts", or a URL, found "app.ts"`,
  );
});

for (
  const [thrown, shown] of [
    ["new Error('broken on purpose\\nsecond line')", "Error: broken on purpose"],
    ["new TypeError('x')", "TypeError: x"],
    ["'a text'", '"a text"'],
    ["undefined", "undefined"],
  ] as const
) {
  Deno.test(`a module that throws ${thrown} is named with the first line of it`, async () => {
    assertEquals(
      await refusal(source(`throw ${thrown}`)),
      `the module cannot be imported: ${shown}`,
    );
    assertEquals(
      await refusal(source(`export default () => { throw ${thrown} }`)),
      `the module refuses: ${shown}`,
    );
  });
}

Deno.test("what a module threw is kept as the cause, with its stack", async () => {
  const module = source("throw new RangeError('mine')");
  const error = await assertRejects(() => load(module), ListenerError);
  assert(error.cause instanceof RangeError);
  assertEquals(error.listener, { port: 80, module });
});

Deno.test("a module that is not there, or is no module, is told in one line with its place", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const base = new URL(`file://${directory}/taproom.jsonc`);
    const refused = async (module: string): Promise<string> => {
      const error = await assertRejects(
        () => loadListener({ port: 1, module }, base),
        ListenerError,
      );
      return error.message.replaceAll(directory, "");
    };
    assertEquals(
      await refused("./none.ts"),
      'port 1 (./none.ts): the module cannot be imported: Module not found "file:///none.ts".',
    );
    await Deno.writeTextFile(`${directory}/outer.ts`, 'import "./inner.ts";\n');
    assertEquals(
      await refused("./outer.ts"),
      'port 1 (./outer.ts): the module cannot be imported: Module not found "file:///inner.ts". ' +
        "at file:///outer.ts:1:8",
    );
    await Deno.writeTextFile(`${directory}/syntax.ts`, "export default {\n  flow( {},\n");
    const syntax = await refused("./syntax.ts");
    assertEquals(syntax.split("\n").length, 1);
    assert(/SyntaxError: .* at file:\/\/\/syntax\.ts:\d+:\d+$/.test(syntax), syntax);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
