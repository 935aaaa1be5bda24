// Taproom on a TAP beside Deno.serve and Deno.listen on the kernel's TCP behind a veth pair, and
// beside what the TAP allows, each with its clients in network namespaces of their own. README.md
// beside this file explains it.

import {
  names as namesOf,
  print,
  progress,
  readCommandLine,
  text,
  texts,
  toggle,
  usageError,
  whole,
} from "../support/command_line.ts";
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

const { values: args } = readCommandLine(HELP, {
  rounds: whole(1, 5),
  seconds: whole(1, 3),
  only: texts("the name of a scenario"),
  server: namesOf(Object.keys(SERVERS)),
  soak: whole(1, undefined),
  json: text("the name of a file"),
  profile: toggle(),
});
if (tapUnavailable !== undefined) {
  progress(`the benchmark needs a TAP in a network namespace: ${tapUnavailable}`);
  Deno.exit(1);
}
const names = args.server.length === 0
  ? USUAL_SERVERS
  : Object.keys(SERVERS).filter((name) => args.server.includes(name));
const { rounds, seconds, soak: minutes } = args;

await using client = await Client.create();
const all = scenarios(client).filter(({ name }) => {
  if (!/^http-|^timer$/.test(name) || findTool("wrk")) return true;
  progress(`${name} is not run: wrk is not installed`);
  return false;
});
for (const name of args.only) {
  const known = all.map(({ name }) => name);
  if (!known.includes(name)) {
    const expected = known.join(", ");
    usageError(`--only: expected one of ${expected}, found ${JSON.stringify(name)}`, HELP);
  }
}
const chosen = all.filter(({ name }) => args.only.length === 0 || args.only.includes(name));

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
      args.json,
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
