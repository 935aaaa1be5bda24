// Taproom's TCP beside the kernel's on one bad wire. README.md beside the benchmark explains it.

import {
  names,
  positive,
  print,
  progress,
  readCommandLine,
  text,
  texts,
  usageError,
  whole,
} from "../../support/command_line.ts";
import { tapUnavailable } from "../../support/tap.ts";
import { median } from "../report.ts";
import { type Cell, CELLS, cleanPath } from "./cells.ts";
import { type FlowPlan, Laboratory, type RunResult } from "./laboratory.ts";

const HELP = `Usage: deno task wire goodput|fairness [options]

  goodput         One flow at a time over a bad wire of 100 Mbit/s: the table
  fairness        Flows at the same time through one bottleneck

  --only TEXT     Only lines whose name contains TEXT; may be repeated
  --column NAME   Only this column (and the kernel's beside it); may be repeated
  --rounds N      Rounds, with the seeds 1 to N; the table shows medians (default 5)
  --seconds N     Seconds of each run (default: as README.md says)
  --attempts N    How often a run is repeated that other load on the machine disturbs (default 5)
  --buffers MIB   Taproom's send and receive buffers, instead of what it makes of them by itself
  --json FILE     Also writes every measurement to FILE
  --capture DIR   Also captures each run at the far end (tcpdump; headers only)
  --help          Shows this
`;

/** A column of the goodput table. */
interface Column {
  readonly name: string;
  readonly flow: FlowPlan;
  /** The column that it is measured by. */
  readonly reference?: string;
  /** Whether a cell has it. */
  has?(cell: Cell): boolean;
}

const COLUMNS: readonly Column[] = [
  { name: "K>K", flow: { near: "kernel", sends: true, congestion: "cubic" } },
  { name: "T>K", flow: { near: "taproom", sends: true, congestion: "cubic" }, reference: "K>K" },
  {
    name: "B>K",
    flow: { near: "taproom", sends: true, congestion: "bbr" },
    reference: "K>K",
    has: ({ loss }) => loss >= 0.01,
  },
  { name: "K<K", flow: { near: "kernel", sends: false, congestion: "cubic" } },
  { name: "T<K", flow: { near: "taproom", sends: false, congestion: "cubic" }, reference: "K<K" },
];

const { values: args, operands } = readCommandLine(HELP, {
  only: texts("a part of the name of a line"),
  column: names(COLUMNS.map(({ name }) => name)),
  rounds: whole(1, 5),
  seconds: positive(undefined),
  attempts: whole(1, 5),
  buffers: positive(undefined),
  json: text("the name of a file"),
  capture: text("the name of a directory"),
}, 1);
const { rounds, attempts, seconds, only } = args;
const buffers = args.buffers === undefined ? undefined : Math.floor(args.buffers * 2 ** 20);
const tcp = buffers === undefined ? {} : { sendBuffer: buffers, receiveBuffer: buffers };
const chosen = (name: string) => only.length === 0 || only.some((text) => name.includes(text));
interface Measurement extends RunResult {
  readonly line: string;
  readonly column: string;
  readonly seed: number;
}

const measurements: Measurement[] = [];
const mbit = (rate: number) => (rate / 1e6).toFixed(rate < 1e7 ? 2 : 1);

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) =>
    `| ${
      row.map((text, column) =>
        column === 0 ? text.padEnd(widths[column]!) : text.padStart(widths[column]!)
      ).join(" | ")
    } |`
  );
  const rule = widths.map((width, column) =>
    column === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`
  );
  lines.splice(1, 0, `| ${rule.join(" | ")} |`);
  return lines.join("\n");
}

/** Where a run is captured, if it is. */
function captureFile(name: string): string | undefined {
  if (args.capture === undefined) return undefined;
  const file = name.replaceAll(/[^\w.<>]+/g, "_").replaceAll(">", "to").replaceAll("<", "from");
  return `${args.capture}/${file}.pcap`;
}

/** Part of a run that the wire may be kept from its work. */
const DISTURBANCE = 0.01;
/** Longest pause of the wire in milliseconds. */
const LONGEST_PAUSE = 20;

function disturbed({ wire }: RunResult, seconds: number): boolean {
  return wire.stalled > DISTURBANCE * seconds * 1000 || wire.longestStall > LONGEST_PAUSE;
}

/** Runs again what other load on the machine has spoiled; in the end takes the best attempt. */
async function undisturbed(
  seconds: number,
  run: () => Promise<RunResult>,
): Promise<RunResult> {
  let best: RunResult | undefined;
  for (let attempt = 0; attempt < attempts; attempt++) {
    const result = await run();
    if (best === undefined || result.wire.stalled < best.wire.stalled) best = result;
    if (!disturbed(best, seconds)) break;
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  return best!;
}

async function goodput(laboratory: Laboratory): Promise<void> {
  const wanted = args.column;
  const references = COLUMNS.filter(({ name }) => wanted.includes(name)).map((c) => c.reference);
  const cells = CELLS.filter(({ name }) => chosen(name));
  const columns = COLUMNS.filter(({ name, has }) =>
    (wanted.length === 0 || wanted.includes(name) || references.includes(name)) &&
    cells.some((cell) => has?.(cell) ?? true)
  );
  const of = (cell: Cell) => columns.filter((column) => column.has?.(cell) ?? true);
  const total = cells.reduce(
    (sum, cell) => sum + of(cell).length * ((seconds ?? cell.seconds) + 0.2) * rounds,
    0,
  );
  progress(`${cells.length} lines, ${rounds} rounds: about ${Math.ceil(total / 60)} min`);
  // What runs first is compiled while it runs.
  const warm = { path: cleanPath(2), seconds: 2, seed: 1 };
  for (const { flow } of columns) await laboratory.run([flow], warm);

  const rows = [[
    "Mbit/s",
    ...columns.flatMap(({ name, reference }) =>
      reference === undefined ? [name] : [name, `${name} / ${reference}`]
    ),
  ]];
  for (const cell of cells) {
    for (let seed = 1; seed <= rounds; seed++) {
      const shown: string[] = [];
      // Each goes first in turn.
      const there = of(cell);
      const order = there.map((_, index) => there[(index + seed) % there.length]!);
      for (const { name, flow } of order) {
        const options = { path: cell.path(seed), seconds: seconds ?? cell.seconds, seed, tcp };
        const result = await undisturbed(options.seconds, () =>
          laboratory.run([flow], {
            ...options,
            capture: captureFile(`${cell.name} ${name} ${seed}`),
          }));
        measurements.push({ line: cell.name, column: name, seed, ...result });
        const { stalled, longestStall } = result.wire;
        const late = disturbed(result, options.seconds)
          ? ` (disturbed: ${stalled.toFixed(0)} ms, at most ${longestStall.toFixed(0)})`
          : "";
        shown.push(`${name} ${mbit(result.goodput[0]!)}${late}`);
      }
      progress(`${cell.name} ${seed}/${rounds}: ${shown.join(", ")}`);
    }
    const middle = (column: string) =>
      median(
        measurements.filter((one) => one.line === cell.name && one.column === column)
          .map((one) => one.goodput[0]!),
      );
    rows.push([
      cell.name,
      ...columns.flatMap((column) => {
        const { name, reference } = column;
        const there = of(cell).includes(column);
        const figure = there ? mbit(middle(name)) : "";
        if (reference === undefined) return [figure];
        return [figure, there ? (middle(name) / middle(reference)).toFixed(2) : ""];
      }),
    ]);
  }
  print(`${table(rows)}\n`);
}

/** Jain's index: 1 if all have the same, 1/n if one has everything. */
function jain(values: readonly number[]): number {
  const sum = values.reduce((a, b) => a + b, 0);
  return sum ** 2 / (values.length * values.reduce((a, b) => a + b * b, 0));
}

const MEETINGS: Readonly<Record<string, { rtt: number; flows: readonly FlowPlan[] }>> = {
  "Taproom and the kernel": {
    rtt: 20,
    flows: [
      { near: "taproom", sends: true, congestion: "cubic" },
      { near: "kernel", sends: true, congestion: "cubic" },
    ],
  },
  "the kernel twice": {
    rtt: 20,
    flows: Array.from({ length: 2 }, () => ({ near: "kernel", sends: true, congestion: "cubic" })),
  },
  "ten of Taproom's": {
    rtt: 20,
    flows: Array.from(
      { length: 10 },
      () => ({ near: "taproom", sends: true, congestion: "cubic" }),
    ),
  },
};

async function fairness(laboratory: Laboratory): Promise<void> {
  const rows = [["flows", "seed", "Mbit/s", "all together", "share of the first", "Jain's index"]];
  for (const [name, { rtt, flows }] of Object.entries(MEETINGS)) {
    if (!chosen(name)) continue;
    for (let seed = 1; seed <= rounds; seed++) {
      const capture = captureFile(`${name} ${seed}`);
      const options = { path: cleanPath(rtt), seconds: seconds ?? 30, seed, tcp, capture };
      const result = await undisturbed(
        options.seconds,
        () => laboratory.run(flows, options),
      );
      measurements.push({ line: name, column: "", seed, ...result });
      const sum = result.goodput.reduce((a, b) => a + b, 0);
      rows.push([
        name,
        String(seed),
        result.goodput.map(mbit).join(" "),
        mbit(sum),
        `${(result.goodput[0]! / sum * 100).toFixed(1)} %`,
        jain(result.goodput).toFixed(3),
      ]);
      progress(rows.at(-1)!.join("  "));
    }
  }
  print(`${table(rows)}\n`);
}

const commands = new Map([
  ["goodput", { run: goodput, lines: CELLS.map(({ name }) => name) }],
  ["fairness", { run: fairness, lines: Object.keys(MEETINGS) }],
]);
const [asked] = operands;
const command = commands.get(asked ?? "");
if (command === undefined) {
  const found = asked === undefined ? "nothing" : JSON.stringify(asked);
  usageError(`expected goodput or fairness, found ${found}`, HELP);
}
for (const text of only) {
  if (command.lines.some((name) => name.includes(text))) continue;
  const lines = command.lines.map((name) => `  ${name}`).join("\n");
  const found = JSON.stringify(text);
  usageError(`--only: expected a part of one of these, found ${found}\n${lines}`, HELP);
}
if (tapUnavailable !== undefined) {
  progress(`the wire needs TAPs in network namespaces: ${tapUnavailable}`);
  Deno.exit(1);
}
await using laboratory = await Laboratory.create();
await command.run(laboratory);
if (args.json !== undefined) {
  const result = { date: new Date().toISOString(), deno: Deno.version, rounds, measurements };
  await Deno.writeTextFile(args.json, JSON.stringify(result, null, 2));
}
