/**
 * Breaks the stack on purpose, in a copy, and tells how many seeds the simulation needs to find it.
 *
 * ```sh
 * deno task breaks --seeds 2000
 * ```
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { type Break, BREAKS } from "./breaks.ts";

const print = (text: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
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

const options = parseArgs(Deno.args, { string: ["seeds", "only"], default: { seeds: "2000" } });
const directory = await Deno.makeTempDir({ prefix: "taproom-breaks-" });
let missed = 0;
try {
  for (const part of ["stack", "runtime", "tests/simulation"]) {
    await copy(new URL(`${part}/`, root), `${directory}/${part}`);
  }
  await Deno.copyFile(new URL("deno.json", root), `${directory}/deno.json`);
  await Deno.copyFile(new URL("deno.lock", root), `${directory}/deno.lock`);
  for (const each of BREAKS) {
    if (options.only !== undefined && !each.name.includes(String(options.only))) continue;
    const undo = await apply(each, directory);
    const { seed, fault } = await look(directory, Number(options.seeds));
    await undo();
    if (seed === 0) missed++;
    print(
      seed === 0
        ? `MISSED in ${options.seeds} seeds: ${each.name}`
        : `seed ${String(seed).padStart(4)}: ${each.name}\n           ${fault.slice(0, 160)}`,
    );
  }
} finally {
  await Deno.remove(directory, { recursive: true });
}
print(missed === 0 ? "each was found" : `${missed} were missed`);
Deno.exit(missed === 0 ? 0 : 1);
