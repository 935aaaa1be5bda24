// Taproom on a TAP beside Deno.serve and Deno.listen on the kernel's TCP behind a veth pair, and
// beside what the TAP allows, each with its clients in network namespaces of their own. README.md
// beside this file explains it.

import { parseArgs } from "@std/cli/parse-args";

import { print, progress, usageError } from "./command_line.ts";
import { findTool, tapUnavailable } from "../support/tap.ts";
import { compare, type Subject } from "./compare.ts";
import { Profile } from "./profile.ts";
import { summarize, tables } from "./report.ts";
import { Client, scenarios } from "./scenarios.ts";
import { SERVERS, USUAL_SERVERS } from "./servers.ts";
import { soak } from "./soak.ts";

/** What the others are compared with: what a user would otherwise run, and what the TAP allows. */
const REFERENCES = ["kernel", "ceiling"];
const HELP = `Usage: deno task bench [options]

  --rounds N      Rounds, interleaved between the servers; the table shows medians (default 5)
  --seconds N     Seconds of load per round (default 3)
  --only NAME     Only this scenario; may be repeated
  --server NAME   Only this server; may be repeated
  --soak MINUTES  Instead: all scenarios in turn for so long, and the server's memory every 30 s
  --json FILE     Also writes every measurement to FILE
  --profile       Also writes a V8 CPU profile of each server to NAME.cpuprofile, and prints where
                  the time went: by function, and of one request by layer
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
  string: ["rounds", "seconds", "only", "server", "soak", "json"],
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
const names = (args.server as string[]).length === 0
  ? USUAL_SERVERS
  : several(args.server, Object.keys(SERVERS), "--server");
const rounds = positive(args.rounds, "--rounds");
const seconds = positive(args.seconds, "--seconds");
const minutes = args.soak === undefined ? undefined : positive(args.soak, "--soak");

await using client = await Client.create();
const all = scenarios(client).filter(({ name }) => {
  if (!/^http-|^timer$/.test(name) || findTool("wrk")) return true;
  progress(`${name} is not run: wrk is not installed`);
  return false;
});
const only = several(args.only, all.map(({ name }) => name), "--only");
const chosen = all.filter(({ name }) => only.includes(name));

const loads = chosen.length * names.length;
progress(
  `${chosen.length} scenarios, ${names.join(" and ")}, ` +
    (minutes === undefined
      ? `${rounds} rounds of ${seconds} s: about ` +
        `${Math.ceil(loads * ((rounds + 0.5) * seconds) / 60)} min`
      : `${minutes} min each`) +
    `; clients: wrk and ${client.name}`,
);

const subjects: Subject[] = [];
await using stack = new AsyncDisposableStack();
for (const name of names) {
  const profile = args.profile ? new Profile(name) : undefined;
  const server = stack.use(await SERVERS[name]!({ flags: profile?.flags ?? [] }));
  subjects.push({ ...server, name, profile });
}

if (minutes !== undefined) {
  for (const subject of subjects) print(await soak(subject, chosen, minutes));
} else {
  const measurements = await compare(subjects, chosen, rounds, seconds);
  const sections = summarize(chosen, measurements, REFERENCES);
  print(tables(sections, names));
  if (args.json !== undefined) {
    const result = { date: new Date().toISOString(), deno: Deno.version, rounds, seconds };
    await Deno.writeTextFile(
      args.json as string,
      JSON.stringify({ ...result, client: client.name, sections, measurements }, null, 2),
    );
  }
}
for (const { process, profile } of subjects) {
  if (profile === undefined) continue;
  process.kill("SIGTERM");
  await process.result;
  print(`\n${await profile.report()}\n`);
}
