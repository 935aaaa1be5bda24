// The command line as a process of its own: permissions, streams, signals and exit statuses that
// only a process has.

import {
  assert,
  assertEquals,
  assertMatch,
  assertNotMatch,
  assertStringIncludes,
} from "@std/assert";
import project from "../../../deno.json" with { type: "json" };
import { Directory } from "../../support/directory.ts";
import { Process, type ProcessResult } from "../../support/process.ts";

const ROOT = new URL("../../../", import.meta.url).pathname;
const MOD = `${ROOT}mod.ts`;

/** What follows `deno` in the task of that name. */
function task(name: keyof typeof project.tasks): string[] {
  return project.tasks[name].command.split(" ").slice(1);
}

/** Starts Deno with these arguments in the project. */
function deno(...args: string[]): Process {
  const [command, ...rest] = args;
  return new Process([Deno.execPath(), command!, "--no-prompt", ...rest], {
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  });
}

/** A port of 127.0.0.1 that was free a moment ago. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return (listener.addr as Deno.NetAddr).port;
}

/** Writes a config that serves each module on its own port, and says which. */
async function configure(
  directory: Directory,
  modules: readonly string[],
): Promise<{ file: string; ports: number[] }> {
  const ports = modules.map(freePort);
  const file = await directory.write(
    "taproom.jsonc",
    JSON.stringify({
      interfaces: [{
        device: {
          type: "gateway",
          forward: Object.fromEntries(ports.map((port, index) => [port, index + 1])),
        },
        addresses: ["192.168.69.2/24"],
      }],
      listeners: modules.map((module, index) => ({ port: index + 1, module })),
    }),
  );
  return { file, ports };
}

/** Everything that a port says to whoever says nothing. */
async function hear(port: number): Promise<string> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  return await new Response(connection.readable).text();
}

async function end(process: Process): Promise<ProcessResult> {
  process.kill("SIGTERM");
  return await process.result;
}

function assertNoStack({ stderr }: ProcessResult): void {
  assertNotMatch(stderr, /Uncaught|^\s+at /m);
}

Deno.test("`deno task start` serves with no more permissions than it needs", async () => {
  const command = task("start");
  assertEquals(command, ["run", "--allow-net=127.0.0.1", "--allow-read", "mod.ts"]);
  await using directory = await Directory.create();
  const { file, ports } = await configure(directory, ["goodbye", "http"]);
  await using process = deno(...command, "--config", file, "--trace");
  await process.stderr.match(/try: /);
  assertEquals(await hear(ports[0]!), "I made a string!");
  const response = await fetch(`http://127.0.0.1:${ports[1]}/`, {
    headers: { connection: "close" },
  });
  assertEquals(response.status, 200);
  await response.body?.cancel();
  const result = await end(process);
  assertEquals([result.code, result.stdout], [0, ""]);
  assertNotMatch(result.stderr, /error|Requires/);
  assert(!result.stderr.includes("\x1b"), "no colour where there is no terminal");
  const transition = " { Syn_rcvd ([0-9]+) }  - Recv_ack ([0-9]+) ->  { Established }";
  assertMatch(result.stderr, new RegExp(`^192\\.168\\.69\\.1:[0-9]+${transition}$`, "m"));
});

Deno.test("a permission that is missing is named, with the command that gives it", async () => {
  await using directory = await Directory.create();
  const { file } = await configure(directory, ["echo"]);
  const cases: [permissions: string[], message: RegExp, command: string][] = [
    [[], /read access to ".*taproom\.jsonc"/, "--allow-read"],
    [["--allow-read"], /net access to "127\.0\.0\.1:\d+"/, "--allow-read --allow-net=127.0.0.1"],
    [
      [`--allow-read=${file}`, "--allow-net=127.0.0.1"],
      /read access to ".*echo\.ts"/,
      "--allow-read --allow-net=127.0.0.1",
    ],
  ];
  for (const [permissions, message, flags] of cases) {
    const result = await deno("run", ...permissions, "mod.ts", "--config", file).result;
    assertEquals([result.code, result.stdout], [77, ""], result.stderr);
    assertMatch(result.stderr, message);
    assertStringIncludes(result.stderr, `: deno run ${flags} mod.ts --config ${file}`);
    assertNoStack(result);
  }
});

Deno.test("a listener may import the program that runs it, and forget promises", async () => {
  await using directory = await Directory.create();
  await directory.write(
    "mine.ts",
    `import { IpAddress, type Listener } from ${JSON.stringify(`file://${MOD}`)};
    export default {
      async flow(flow) {
        Promise.reject(new Error("forgotten"));
        setTimeout(() => { throw new Error("in a timer"); }, 0);
        await flow.write(new TextEncoder().encode(String(IpAddress.parse("1.2.3.4"))));
      },
    } satisfies Listener;`,
  );
  const { file, ports } = await configure(directory, ["./mine.ts"]);
  await using process = deno(...task("start"), "--config", file);
  await process.stderr.match(/try: /);
  for (let n = 0; n < 2; n++) assertEquals(await hear(ports[0]!), "1.2.3.4");
  await process.stderr.match(/forgotten/);
  await process.stderr.match(/in a timer/);
  const result = await end(process);
  assertEquals(result.code, 0);
  assertNoStack(result);
});

Deno.test("a listener that fails is reported once, and the others are served", async () => {
  await using directory = await Directory.create();
  await directory.write("broken.ts", "throw new Error('broken on purpose');");
  const { file, ports } = await configure(directory, ["./broken.ts", "goodbye"]);
  await using process = deno(...task("start"), "--config", file);
  await process.stderr.match(/try: /);
  assertEquals(await hear(ports[1]!), "I made a string!");
  const result = await end(process);
  assertEquals(result.code, 0);
  assertMatch(result.stderr, /error port 1 \(\.\/broken\.ts\): .*: Error: broken on purpose/);
  assertEquals(result.stderr.match(/broken on purpose/g)!.length, 1);
  assertNoStack(result);

  const checked = await deno(...task("start"), "--check", "--config", file).result;
  assertEquals([checked.code, checked.stdout], [78, ""]);
  assertNoStack(checked);
});

Deno.test("when no listener can be served, the exit status is 1", async () => {
  await using directory = await Directory.create();
  const { file } = await configure(directory, ["./none.ts", "ehco"]);
  const result = await deno(...task("start"), "--config", file).result;
  assertEquals([result.code, result.stdout], [1, ""]);
  assertMatch(result.stderr, /no listener can be served/);
  assertNoStack(result);
});

Deno.test("a port of the gateway that is taken: 69, and the port is named", async () => {
  await using directory = await Directory.create();
  const { file, ports } = await configure(directory, ["echo"]);
  using _ = Deno.listen({ hostname: "127.0.0.1", port: ports[0]! });
  const result = await deno(...task("start"), "--config", file).result;
  assertEquals([result.code, result.stdout], [69, ""]);
  assertStringIncludes(result.stderr, `error: port ${ports[0]} of 127.0.0.1 is in use`);
  assertEquals(result.stderr.trim().split("\n").length, 1);
});

Deno.test("results go to standard output alone, and a reader that leaves is no error", async () => {
  const help = await deno("run", "mod.ts", "--help").result;
  assertEquals([help.code, help.stderr], [0, ""]);
  assert(help.stdout.startsWith("Taproom "));
  const leaving = `{ "${Deno.execPath()}" run --no-prompt mod.ts --help; echo "$?" >&2; } | true`;
  const shell = await new Process(["sh", "-c", leaving], { cwd: ROOT }).result;
  assertEquals(shell.stderr, "0\n");
});
