/**
 * What connections cost: memory of an idle one, and time to open, serve and close one, alone and
 * beside many idle ones. All in this process: no device, no system calls.
 *
 * ```sh
 * deno task scale                       # 100,000 idle connections of each kind
 * deno task scale --only http --idle 10000
 * ```
 *
 * @module
 */
import { cpuUsage } from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { names, print, readCommandLine, toggle, whole } from "../support/command_line.ts";
import { World } from "./world.ts";

const HELP = `Usage: deno task scale [options]

  --idle N     Idle connections of each kind (default 100000)
  --only KIND  Only echo, or only http; may be repeated
  --churn      Only the time to open, serve and close one, alone
  --help       Shows this
`;

const bytes = (text: string) => new TextEncoder().encode(text);

/** What a client says on a connection that is to stay open, and on one that is to be closed. */
const KINDS = {
  echo: { port: 7, module: "echo", stays: bytes("hello"), closes: undefined },
  http: {
    port: 80,
    module: "./tests/bench/hello.ts",
    stays: bytes("GET / HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n"),
    closes: bytes("GET / HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n"),
  },
} as const;
type Kind = keyof typeof KINDS;

/** Connections of one measurement of time. */
const SAMPLE = 20_000;
/** Measurements. */
const SAMPLES = 7;
/** Where the numbers of the clients that come and go begin. */
const PASSING = 200_000;
/** Their number, before the first one's port is used again. */
const PORTS = 200_000;

const { values: options } = readCommandLine(HELP, {
  idle: whole(2, 100_000),
  only: names(Object.keys(KINDS)),
  churn: toggle(),
});
/** Half of them are only opened, half of them used. */
const idle = options.idle + options.idle % 2;

const collect = (globalThis as { gc?: () => void }).gc;
if (collect === undefined) throw new Error("run it with --v8-flags=--expose-gc");

/** Bytes in use: V8's heap, and what lies outside of it. */
function used(): { heap: number; external: number } {
  for (let i = 0; i < 4; i++) collect!();
  const { heapUsed, external } = Deno.memoryUsage();
  return { heap: heapUsed, external };
}

let passed = 0;

/** Opens, serves and closes connections; gives the microseconds of CPU time that one of them took. */
async function churn(world: World, kind: Kind, count: number): Promise<number> {
  const { port, closes } = KINDS[kind];
  world.clients.greeting = closes!;
  const before = world.clients.closed;
  const start = cpuUsage();
  while (world.clients.closed - before < count) {
    await world.open(PASSING + passed % PORTS, 1_000, port);
    passed += 1_000;
  }
  const { user, system } = cpuUsage(start);
  return (user + system) / count;
}

async function median(sample: () => Promise<number>): Promise<number> {
  const samples: number[] = [];
  for (let i = 0; i < SAMPLES; i++) samples.push(await sample());
  return samples.sort((a, b) => a - b)[SAMPLES >> 1]!;
}

async function measure(kind: Kind): Promise<void> {
  const { port, module, stays, closes } = KINDS[kind];
  const world = new World();
  await world.listen(port, module);
  const { clients } = world;

  // Everything is compiled, and TIME_WAIT is as full as it gets.
  clients.greeting = stays;
  await world.open(0, 1_000, port);
  let alone = NaN;
  if (closes !== undefined) {
    await churn(world, kind, 80_000);
    alone = await median(() => churn(world, kind, SAMPLE));
    if (options.churn) {
      print(`${kind}: ${alone.toFixed(1)} µs\n`);
      return;
    }
    await world.pass(70_000);
  }

  const resets = clients.resets;
  for (const [name, greeting] of [["opened", bytes("")], ["used", stays]] as const) {
    const before = used();
    clients.greeting = greeting;
    const answered = clients.answered;
    await world.open(name === "opened" ? 1_000 : 1_000 + idle / 2, idle / 2, port);
    await world.pass(12_000);
    await delay(12_000); // What the runtime measures, it measures on the clock of the system.
    await world.pass(12_000);
    if (greeting.length > 0 && clients.answered - answered !== idle / 2) {
      throw new Error(`${clients.answered - answered} answers to ${idle / 2} requests`);
    }
    const after = used();
    const heap = (after.heap - before.heap) / (idle / 2);
    const external = (after.external - before.external) / (idle / 2);
    print(
      `${kind}: an idle connection, ${name}: ${(heap + external).toFixed(0)} bytes` +
        ` (${heap.toFixed(0)} on the heap, ${external.toFixed(0)} outside)\n`,
    );
  }
  if (clients.resets > resets) throw new Error(`${clients.resets - resets} connections were reset`);
  if (closes !== undefined) {
    await churn(world, kind, 80_000);
    const beside = await median(() => churn(world, kind, SAMPLE));
    print(
      `${kind}: to open, serve and close a connection: ${alone.toFixed(1)} µs alone, ` +
        `${beside.toFixed(1)} µs beside ${idle} idle ones: ${(beside / alone).toFixed(2)}\n`,
    );
    const before = used();
    const { timeWait } = world.stack.census();
    await world.pass(70_000);
    const after = used();
    const freed = before.heap + before.external - after.heap - after.external;
    print(`${kind}: a connection in TIME_WAIT: ${(freed / timeWait).toFixed(0)} bytes\n`);
  }
  await world.close();
}

for (const kind of Object.keys(KINDS) as Kind[]) {
  if (options.only.length === 0 || options.only.includes(kind)) await measure(kind);
}
