// Taproom on a TAP beside Deno.serve and Deno.listen on the kernel's TCP behind a veth pair, and
// beside what the TAP allows, each with its clients in network namespaces of their own. README.md
// beside this file explains it.

import { parseArgs } from "@std/cli/parse-args";

import { print, progress, usageError } from "./command_line.ts";
import { findTool, tapUnavailable } from "../support/tap.ts";
import { profiled, topFunctions } from "./profile.ts";
import { costs, type Measurement, summarize, tables } from "./report.ts";
import { Client, scenarios } from "./scenarios.ts";
import { type Server, SERVERS, usage } from "./servers.ts";

/** What the others are compared with: what a user would otherwise run, and what the TAP allows. */
const REFERENCES = ["kernel", "ceiling"];
const HELP = `Usage: deno task bench [options]

  --rounds N      Rounds, interleaved between the servers; the table shows medians (default 5)
  --seconds N     Seconds of load per round (default 3)
  --only NAME     Only this scenario; may be repeated
  --server NAME   Only this server; may be repeated
  --json FILE     Also writes every measurement to FILE
  --profile       Also writes a V8 CPU profile of each server to NAME.cpuprofile
  --help          Shows this
`;

function several(value: unknown, known: readonly string[], flag: string): readonly string[] {
  const names = value as string[];
  for (const name of names) {
    if (!known.includes(name)) {
      usageError(
        `${flag}: expected one of ${known.join(", ")}, found ${JSON.stringify(name)}`,
        HELP,
      );
    }
  }
  return names.length === 0 ? known : known.filter((name) => names.includes(name));
}

function positive(value: unknown, flag: string): number {
  const number = Number(value);
  if (!(Number.isInteger(number) && number > 0)) {
    usageError(`${flag}: expected a number above 0, found ${JSON.stringify(value)}`, HELP);
  }
  return number;
}

const args = parseArgs(Deno.args, {
  string: ["rounds", "seconds", "only", "server", "json"],
  boolean: ["profile", "help"],
  collect: ["only", "server"],
  default: { rounds: "5", seconds: "3" },
  unknown: (arg) => usageError(`unknown argument ${arg}`, HELP),
});
if (args.help) {
  print(HELP);
  Deno.exit(0);
}
if (tapUnavailable !== undefined) {
  progress(`the benchmark needs a TAP in a network namespace: ${tapUnavailable}`);
  Deno.exit(1);
}

await using client = await Client.create();
const all = scenarios(client).filter(({ name }) => {
  if (!/^http-|^timer$/.test(name) || findTool("wrk")) return true;
  progress(`${name} is not run: wrk is not installed`);
  return false;
});
const only = several(args.only, all.map(({ name }) => name), "--only");
const chosen = all.filter(({ name }) => only.includes(name));
const names = several(args.server, Object.keys(SERVERS), "--server");
const rounds = positive(args.rounds, "--rounds");
const seconds = positive(args.seconds, "--seconds");

progress(
  `${chosen.length} scenarios, ${names.join(" and ")}, ${rounds} rounds of ${seconds} s: about ` +
    `${Math.ceil(chosen.length * names.length * ((rounds + 0.5) * seconds) / 60)} min; ` +
    `clients: wrk and ${client.name}`,
);

const servers = new Map<string, Server>();
await using stack = new AsyncDisposableStack();
for (const name of names) {
  const flags = args.profile ? profiled(name) : [];
  servers.set(name, stack.use(await SERVERS[name]!({ flags })));
}

const measurements: Measurement[] = [];
for (const scenario of chosen) {
  const serving = [...servers].filter(([name]) => !scenario.notOn?.includes(name));
  for (const [_, { clients }] of serving) await scenario.load(clients, 1);
  for (let round = 1; round <= rounds; round++) {
    // Each goes first in every other round.
    const order = round % 2 === 1 ? serving : serving.toReversed();
    for (const [name, { clients, process }] of order) {
      const before = await usage(process.pid);
      const figures = await scenario.load(clients, seconds);
      const { cpu, rss } = await usage(process.pid);
      measurements.push({
        scenario: scenario.name,
        server: name,
        round,
        figures: { ...figures, ...costs(scenario, figures, cpu - before.cpu, rss) },
      });
      const shown = scenario.shown.map(({ figure, unit }) =>
        `${figures[figure]!.toPrecision(5)} ${unit}`
      );
      progress(
        `${scenario.name} ${round}/${rounds} ${name}: ${shown.join(", ")}` +
          ` (client at ${(figures["client load"]! * 100).toFixed(0)} % of a core` +
          `${figures.errors! > 0 ? `, ${figures.errors} ERRORS` : ""})`,
      );
    }
  }
}

const sections = summarize(chosen, measurements, REFERENCES);
print(tables(sections, names));
if (args.json !== undefined) {
  const result = { date: new Date().toISOString(), deno: Deno.version, rounds, seconds };
  await Deno.writeTextFile(
    args.json as string,
    JSON.stringify({ ...result, client: client.name, sections, measurements }, null, 2),
  );
}
if (args.profile) {
  for (const [name, { process }] of servers) {
    process.kill("SIGTERM");
    await process.result;
    progress(`\n${name}: where the time went\n${await topFunctions(name, 25)}`);
  }
}
