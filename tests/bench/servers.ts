import { Directory } from "../support/directory.ts";
import { Namespace } from "../support/namespace.ts";
import type { Process } from "../support/process.ts";
import {
  cachePackages,
  HOST,
  projectFile,
  STACK,
  tapConfig,
  taproomCommand,
} from "../support/taproom.ts";

/** How long a server of the benchmark may live, in milliseconds. */
const LIFETIME = 6 * 3600 * 1000;

/**
 * A server under measurement, on {@link STACK}: TCP 7 echo, 9 discard, 19 chargen, 80 HTTP, 8080 HTTP
 * with a large body; all but the ceiling 8081 `timer.ts`.
 */
export interface Server extends AsyncDisposable {
  /** The namespace in which load is generated. */
  readonly clients: Namespace;
  /** The process that serves. */
  readonly process: Process;
}

/** How a server is started. */
export interface StartOptions {
  /** More flags of `deno run`: those of the profiler. */
  readonly flags: readonly string[];
}

/**
 * The servers that are compared, by name; another program that serves the same on {@link STACK} is
 * added here.
 */
export const SERVERS: Record<string, (options: StartOptions) => Promise<Server>> = {
  taproom: (options) => taproom(options, true),
  "taproom-plain": (options) => taproom(options, false),
  "taproom-2": (options) => taproom(options, true, ["--parallel", "2"]),

  async kernel({ flags }) {
    const clients = await Namespace.create();
    const namespace = await clients.sibling();
    await clients.join(namespace, { name: "veth0", address: `${HOST}/24` }, {
      name: "veth1",
      address: `${STACK}/24`,
    });
    const script = projectFile("tests/bench/kernel_server.ts");
    const command = [Deno.execPath(), "run", "--allow-net", "--allow-read", ...flags, script];
    return await serving(clients, namespace.spawn([...command, STACK], { timeout: LIFETIME }));
  },

  async ceiling({ flags }) {
    const clients = await Namespace.create();
    const script = projectFile("tests/bench/ceiling/main.ts");
    const command = [Deno.execPath(), "run", "--allow-ffi", ...flags, script];
    return await serving(clients, clients.spawn(command, { timeout: LIFETIME }));
  },
};

/** Those that are compared unless others are named: with two cores, two Workers leave the clients none. */
export const USUAL_SERVERS: readonly string[] = Object.keys(SERVERS)
  .filter((name) => name !== "taproom-2");

/** Waits until the server says its address, and gives the clients ports enough. */
async function serving(clients: Namespace, process: Process): Promise<Server> {
  await process.stderr.match(new RegExp(STACK.replaceAll(".", "\\.")));
  await clients.run(["sh", "-c", "echo 1024 65535 > /proc/sys/net/ipv4/ip_local_port_range"]);
  return { clients, process, [Symbol.asyncDispose]: () => clients[Symbol.asyncDispose]() };
}

/** What a process has used so far. */
export interface Usage {
  /** CPU time in seconds, user and system. */
  readonly cpu: number;
  /** Resident memory in bytes. */
  readonly rss: number;
}

/** Reads what a process has used (its threads included). */
export async function usage(pid: number): Promise<Usage> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
  // The name of the program, field 2, may contain spaces: fields are counted after it.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ").map(Number);
  const TICKS_PER_SECOND = 100;
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  const kilobytes = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]);
  return { cpu: (fields[11]! + fields[12]!) / TICKS_PER_SECOND, rss: kilobytes * 1024 };
}

/** Taproom on a TAP, with what the TAP takes off its hands or without. */
async function taproom(
  { flags }: StartOptions,
  offload: boolean,
  more: readonly string[] = [],
): Promise<Server> {
  const clients = await Namespace.create();
  const directory = clients.own(await Directory.create());
  const config = tapConfig(
    [
      { port: 7, module: "echo" },
      { port: 9, module: "discard" },
      { port: 19, module: "chargen" },
      { port: 80, module: projectFile("tests/bench/hello.ts") },
      { port: 8080, module: projectFile("tests/bench/large.ts") },
      { port: 8081, module: projectFile("tests/bench/timer.ts") },
    ],
    {},
    offload,
  );
  await cachePackages();
  const file = await directory.write("taproom.json", JSON.stringify(config));
  const command = taproomCommand(file, ["--log-level", "error", ...more], flags);
  return await serving(clients, clients.spawn(command, { timeout: LIFETIME }));
}
