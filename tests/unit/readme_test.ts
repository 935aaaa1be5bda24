// What the README and the documentation of the API show is right: it compiles, loads, and runs.

import { assert, assertEquals } from "@std/assert";
import { HELP } from "../../runtime/cli/help.ts";
import { parseConfigText } from "../../runtime/config/load.ts";
import { BUILT_INS, loadListener } from "../../runtime/modules.ts";
import project from "../../deno.json" with { type: "json" };

const ROOT = new URL("../../", import.meta.url);
const README = await Deno.readTextFile(new URL("README.md", ROOT));

/** The fenced blocks of a language, as text. */
function blocks(language: string): string[] {
  return [...README.matchAll(/^```(.*)\n([^]*?)^```$/gm)]
    .filter(([, info]) => info === language)
    .map(([, , text]) => text!);
}

async function deno(...args: string[]): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  }).output();
  assert(success, new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr));
}

/** Does something with a file of this text. */
async function withFile<T>(text: string, use: (path: string) => Promise<T>): Promise<T> {
  const path = await Deno.makeTempFile({ suffix: "_test.ts" });
  try {
    await Deno.writeTextFile(path, text);
    return await use(path);
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("the examples of README and API compile", async () => {
  await deno("check", "--doc-only", "README.md", "mod.ts", "runtime/listener.ts");
});

Deno.test("each listener module of the README loads", async () => {
  const modules = blocks("ts").filter((text) => text.includes("export default"));
  assert(modules.length >= 4, `${modules.length} modules`);
  for (const text of modules) {
    const isFactory = text.includes("export default function");
    await withFile(text, async (path) => {
      const options = isFactory ? { options: { text: "Hello!" } } : {};
      const listener = await loadListener({ port: 80, module: path, ...options }, ROOT);
      assertEquals(typeof listener.flow, "function");
    });
  }
});

Deno.test("each test of the README passes", async () => {
  const tests = blocks("ts").filter((text) => text.includes("Deno.test"));
  assertEquals(tests.length, 1);
  for (const text of tests) {
    await withFile(
      text,
      (path) => deno("test", "--no-check", "--config", "deno.json", "--no-lock", path),
    );
  }
});

Deno.test("each config of the README is right", () => {
  const configs = blocks("jsonc").filter((text) => text.includes('"interfaces"'));
  assert(configs.length >= 2, `${configs.length} configs`);
  for (const text of configs) parseConfigText(text, "README.md");
});

Deno.test("the README names every flag, every task and every built-in", () => {
  for (const flag of HELP.match(/--[a-z-]+(?=[ ,])/g)!.filter((flag) => !/^--allow/.test(flag))) {
    assert(README.includes(`\`${flag}`), flag);
  }
  for (const name of BUILT_INS) assert(README.includes(`| \`${name}\``), name);
  for (const [, task] of README.matchAll(/deno task ([\w:]+)/g)) {
    assert(task! in project.tasks, task);
  }
});
