/**
 * Breaks the stack on purpose, in a copy, and tells how many seeds the simulation needs to find it.
 *
 * ```sh
 * deno task breaks --seeds 2000
 * ```
 *
 * @module
 */
import { print, readCommandLine, text, usageError, whole } from "../support/command_line.ts";
import { type Break, BREAKS } from "./breaks.ts";

const HELP = `Usage: deno task breaks [options]

  --seeds N    Seeds until a fault counts as missed (default 2000)
  --only TEXT  Only the faults whose name contains TEXT
  --help       Shows this

Exit status 1 if any was missed.
`;

const root = new URL("../../", import.meta.url);

async function copy(from: URL, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copy(new URL(`${name}/`, from), `${to}/${name}`);
    else await Deno.copyFile(new URL(name, from), `${to}/${name}`);
  }
}

/** Breaks the copy in a directory, and gives back what undoes it. */
async function apply({ file, search, replacement, name }: Break, directory: string) {
  const path = `${directory}/${file}`;
  const text = await Deno.readTextFile(path);
  if (text.split(search).length !== 2) {
    throw new Error(`"${name}": its text is in ${file} ${text.split(search).length - 1} times`);
  }
  await Deno.writeTextFile(path, text.replace(search, () => replacement));
  return () => Deno.writeTextFile(path, text);
}

/** Runs the simulation of the copy until it finds something. */
async function look(directory: string, seeds: number): Promise<{ seed: number; fault: string }> {
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-check",
      "--allow-read",
      `${directory}/tests/simulation/until_bad.ts`,
      String(seeds),
    ],
    stderr: "piped",
  }).output();
  const text = new TextDecoder().decode(stdout).trim();
  if (text === "") throw new Error(new TextDecoder().decode(stderr));
  return JSON.parse(text);
}

const { values: { seeds, only = "" } } = readCommandLine(HELP, {
  seeds: whole(1, 2000),
  only: text("a part of the name of a fault"),
});
const chosen = BREAKS.filter(({ name }) => name.includes(only));
if (chosen.length === 0) usageError(`no fault has ${JSON.stringify(only)} in its name`, HELP);
const directory = await Deno.makeTempDir({ prefix: "taproom-breaks-" });
let missed = 0;
try {
  for (const part of ["stack", "runtime", "tests/simulation"]) {
    await copy(new URL(`${part}/`, root), `${directory}/${part}`);
  }
  await Deno.copyFile(new URL("deno.json", root), `${directory}/deno.json`);
  await Deno.copyFile(new URL("deno.lock", root), `${directory}/deno.lock`);
  for (const each of chosen) {
    const undo = await apply(each, directory);
    const { seed, fault } = await look(directory, seeds);
    await undo();
    if (seed === 0) missed++;
    print(
      seed === 0
        ? `MISSED in ${seeds} seeds: ${each.name}\n`
        : `seed ${String(seed).padStart(4)}: ${each.name}\n           ${fault.slice(0, 160)}\n`,
    );
  }
} finally {
  await Deno.remove(directory, { recursive: true });
}
print(missed === 0 ? "each was found\n" : `${missed} were missed\n`);
Deno.exit(missed === 0 ? 0 : 1);
