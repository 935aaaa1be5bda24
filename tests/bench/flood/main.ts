// A SYN flood on a TAP: what `curl`, an open transfer and the memory notice of it. README.md beside
// the benchmark explains it.

import { print, progress, readCommandLine } from "../../support/command_line.ts";
import { Directory } from "../../support/directory.ts";
import { Namespace } from "../../support/namespace.ts";
import { findTool, tapUnavailable } from "../../support/tap.ts";
import { projectFile, STACK, startTaproom, tapConfig } from "../../support/taproom.ts";
import { median } from "../report.ts";
import { usage } from "../servers.ts";
import { type Flood, missed } from "./bars.ts";

const HELP = `Usage: deno task flood [options]

  --help  Shows this

Exit status 1 if others notice too much of the flood: a request that fails or takes over 100 ms, a
transfer that keeps less than 90 % of its rate, memory that grows by more than 100 MB.
`;

const SYNS = 20_000;
/** Two that send them: one alone does not always manage 5,000 a second. */
const SENDERS = 2;
/** Pause of a sender between two SYNs in microseconds; with what sending takes, 90 to 200 more. */
const GAP = 200;
/** How long the transfer is measured before the flood, in milliseconds. */
const BEFORE = 5_000;

const write = (text: string) => print(`${text}\n`);
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

readCommandLine(HELP, {});
const reason = tapUnavailable ??
  ["hping3", "curl"].filter((tool) => !findTool(tool)).map((tool) => `no ${tool}`)[0];
if (reason !== undefined) {
  progress(`the flood cannot be made: ${reason}`);
  Deno.exit(1);
}

await using clients = await Namespace.create();
clients.own(await Directory.create());
const taproom = await startTaproom(clients, {
  config: tapConfig([{ port: 80, module: "http" }, { port: 19, module: "chargen" }]),
});

/** Milliseconds that one request takes, from the start of `curl`'s connect to the last byte. */
async function request(): Promise<number> {
  const { stdout } = await clients.run(
    ["curl", "-s", "-o", "/dev/null", "-m", "10", "-w", "%{http_code} %{time_total}"].concat(
      `http://${STACK}/`,
    ),
  );
  const [status, seconds] = stdout.split(" ");
  return status === "200" ? Number(seconds) * 1000 : Infinity;
}

/** Sends the flood, and does something again and again all the while. */
async function flood(meanwhile: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  // The flood comes from elsewhere: what it takes to make it must not be taken from the others.
  const command = [
    "nice",
    "-n",
    "19",
    "hping3",
    "-q",
    "-S",
    "-p",
    "80",
    "--rand-source",
    "-i",
    `u${GAP}`,
  ]
    .concat("-c", String(SYNS / SENDERS), STACK);
  await using senders = new AsyncDisposableStack();
  const results = Array.from(
    { length: SENDERS },
    () => senders.use(clients.spawn(command)).result,
  );
  let over = false;
  const done = Promise.all(results).then(() => over = true);
  while (!over) {
    await meanwhile();
    await pause(100);
  }
  await done;
  return (performance.now() - started) / 1000;
}

const megabytes = async () => (await usage(taproom.pid)).rss / 1e6;

for (let i = 0; i < 5; i++) await request();
const memoryBefore = await megabytes();
const calm: number[] = [], requests: number[] = [];
for (let i = 0; i < 20; i++) calm.push(await request());
const seconds = await flood(async () => requests.push(await request()));

const script = projectFile("tests/bench/flood/transfer.ts");
const transfer = clients.spawn(
  [Deno.execPath(), "run", "--no-lock", "--allow-net", script, STACK, "19", "60"],
  { timeout: 120_000 },
);
await transfer.stdout.match(/\n/);
await pause(1000);
const fromCalm = transfer.stdout.text.length;
await pause(BEFORE);
const fromFlood = transfer.stdout.text.length;
const secondsBeside = await flood(() => Promise.resolve());
const toFlood = transfer.stdout.text.length;
const memoryAfter = await megabytes();
transfer.kill("SIGKILL");

/** Bit/s of a stretch of the transfer's report. */
function rate(from: number, to: number): number {
  const lines = transfer.stdout.text.slice(from, to).trim().split("\n");
  return median(lines.map((line) => Number(line.split(" ")[1]))) * 8 / 0.25;
}

const before = rate(fromCalm, fromFlood), during = rate(fromFlood, toFlood);
const most = Math.max(...requests);
const perSecond = [seconds, secondsBeside].map((time) => Math.round(SYNS / time));
write(`two floods           of ${SYNS} SYNs: ${perSecond.join(" and ")} a second`);
write(
  `curl before          median ${median(calm).toFixed(1)} ms, most ${
    Math.max(...calm).toFixed(1)
  } ms`,
);
write(
  `curl during it       median ${median(requests).toFixed(1)} ms, most ${most.toFixed(1)} ms ` +
    `(${requests.length} requests)`,
);
write(
  `open transfer        ${(before / 1e9).toFixed(2)} Gbit/s before, ${
    (during / 1e9).toFixed(2)
  } during it: ${(during / before * 100).toFixed(0)} %`,
);
write(
  `resident memory      ${memoryBefore.toFixed(0)} MB before, ${memoryAfter.toFixed(0)} MB after`,
);
const seen: Flood = { requests, before, during, growth: memoryAfter - memoryBefore };
for (const bar of missed(seen)) progress(`MISSED: ${bar}`);
if (missed(seen).length > 0) Deno.exitCode = 1;
