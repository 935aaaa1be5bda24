// The tasks of deno.json that are tools: what they do with a command line that makes no sense.
import { assertEquals, assertStringIncludes } from "@std/assert";

const ROOT = new URL("../../../", import.meta.url);
const { tasks } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));

/** Runs a task of `deno.json`. */
async function run(task: string, line: string) {
  const [deno, ...words] = tasks[task].command.split(" ");
  assertEquals(deno, "deno");
  const args = [words[0], "--no-check", ...words.slice(1), ...line.split(" ")];
  const output = await new Deno.Command(Deno.execPath(), { args, cwd: ROOT }).output();
  const decoder = new TextDecoder();
  return {
    code: output.code,
    stdout: decoder.decode(output.stdout),
    stderr: decoder.decode(output.stderr),
  };
}

const TOOLS = ["test", "test:tap", "bench", "wire", "flood", "micro", "simulate", "fuzz", "leak"]
  .concat("breaks", "scale");

for (const task of TOOLS) {
  Deno.test(`deno task ${task}: a flag that it does not know ends it with status 2, --help with 0`, async () => {
    const wrong = await run(task, "--nonsense");
    assertEquals([wrong.code, wrong.stdout], [2, ""]);
    assertStringIncludes(wrong.stderr, 'unknown flag "--nonsense"');
    assertStringIncludes(wrong.stderr, `Usage: deno task ${task.replace(":tap", "")}`);
    const help = await run(task, "--help");
    assertEquals([help.code, help.stderr], [0, ""]);
    assertStringIncludes(help.stdout, "--help");
  });
}

Deno.test("a tool that would do nothing says so instead", async () => {
  for (
    const [task, line, message] of [
      ["simulate", "--seeds=0", '--seeds: expected a whole number from 1 on, found "0"'],
      ["simulate", "--jobs=0", '--jobs: expected a whole number from 1 to 256, found "0"'],
      ["fuzz", "--frames=abc", '--frames: expected a whole number from 1 on, found "abc"'],
      [
        "leak",
        "--connections=abc",
        '--connections: expected a whole number from 1 on, found "abc"',
      ],
      ["breaks", "--only=nonsense", 'no fault has "nonsense" in its name'],
      ["scale", "--only=nonsense", '--only: expected one of echo, http, found "nonsense"'],
      [
        "wire",
        "goodput --only nonsense",
        '--only: expected a part of one of these, found "nonsense"',
      ],
      ["wire", "godput", 'expected goodput or fairness, found "godput"'],
    ] as const
  ) {
    const { code, stderr } = await run(task, line);
    assertEquals(code, 2, `${task} ${line}`);
    assertStringIncludes(stderr, message);
  }
});
