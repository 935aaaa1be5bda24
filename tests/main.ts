// Runs the tests: those that need no machine of their own side by side, then those on a TAP one
// after the other (they measure times and CPU). Says at the end how many ran.
//
//   deno task test [--filter NAME]        everything
//   deno task test:tap [--full]           only the TAP tests; --full: 1 GB where it says so

import { print, readCommandLine, text, toggle } from "./support/command_line.ts";

const HELP = `Usage: deno task test [options], deno task test:tap [options]

  --filter NAME  Only tests whose name contains NAME, or matches /NAME/
  --tap          Only the tests on a TAP
  --full         Those move 1 GB where it says so
  --help         Shows this
`;

/** What one run of `deno test` did. */
interface Run {
  passed: number;
  failed: number;
  ignored: number;
  /** Reasons that ignored tests give in their names, each once. */
  reasons: Set<string>;
}

const SUMMARY = /\| (\d+) passed.*? \| (\d+) failed(?:.*? \| (\d+) ignored)?/;
const NOT_RUN = /\[not run: (.*)\] \.\.\. ignored/;
// deno-lint-ignore no-control-regex
const COLOURS = /\x1b\[[0-9;]*m/g;

async function denoTest(args: string[], env: Record<string, string> = {}): Promise<Run> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "--allow-all", ...args],
    env,
    stdin: "null",
    stdout: "piped",
  }).spawn();
  const run: Run = { passed: 0, failed: 0, ignored: 0, reasons: new Set() };
  let summary = false;
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of child.stdout) {
    Deno.stdout.writeSync(chunk);
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop()!;
    for (const line of lines.map((line) => line.replace(COLOURS, ""))) {
      const reason = line.match(NOT_RUN)?.[1];
      if (reason !== undefined) run.reasons.add(reason);
      const counts = /^(ok|FAILED) /.test(line) ? line.match(SUMMARY) : null;
      if (counts) {
        summary = true;
        run.passed = Number(counts[1]);
        run.failed = Number(counts[2]);
        run.ignored = Number(counts[3] ?? 0);
      }
    }
  }
  const { success } = await child.status;
  // A type error, or a filter that matches nothing: no test failed, and yet the run did.
  if (!success && run.failed === 0) run.failed = 1;
  if (success && !summary) run.failed = 1;
  return run;
}

const { values: args } = readCommandLine(HELP, {
  filter: text("the name of a test"),
  tap: toggle(),
  full: toggle(),
});
const filter = args.filter === undefined ? [] : [`--filter=${args.filter}`];

const runs: Run[] = [];
if (!args.tap) {
  runs.push(await denoTest(["--parallel", "--ignore=tests/tap", ...filter, "tests/"]));
}
const tap = await denoTest([...filter, "tests/tap/"], args.full ? { TAPROOM_FULL: "1" } : {});
runs.push(tap);

const total = (field: "passed" | "failed" | "ignored") =>
  runs.reduce((sum, run) => sum + run[field], 0);
const ran = tap.passed + tap.failed;
const because = [...tap.reasons].join("; ");
if (ran === 0) print(`TAP: no test ran: ${because || "none was selected"}\n`);
else if (tap.ignored === 0) print(`TAP: ${ran} tests ran\n`);
else print(`TAP: ${ran} tests ran, ${tap.ignored} could not: ${because}\n`);
print(`${total("passed")} passed, ${total("failed")} failed\n`);
Deno.exit(total("failed") > 0 || total("passed") === 0 ? 1 : 0);
