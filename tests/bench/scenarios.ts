import { Directory } from "../support/directory.ts";
import type { Namespace } from "../support/namespace.ts";
import { run } from "../support/process.ts";
import { findTool } from "../support/tap.ts";
import { projectFile, STACK } from "../support/taproom.ts";

/** The figures of one load, by name. */
export type Figures = Record<string, number>;

/** A figure of the table. */
export interface Figure {
  /** Its name in {@link Figures}. */
  readonly figure: string;
  readonly unit: string;
  /** Whether more of it is better, or less; neither if it says nothing of the server. */
  readonly better: "more" | "less" | "neither";
}

/** One kind of load. */
export interface Scenario {
  /** What `--only` takes. */
  readonly name: string;
  /** The figures shown in the table, in order. */
  readonly shown: readonly Figure[];
  /** What the CPU time is divided by: the figure `count`, or `bytes`. */
  readonly work: "request" | "GB";
  /** Servers that do not serve it. */
  readonly notOn?: readonly string[];
  /** Puts load on the server for some seconds. */
  load(clients: Namespace, seconds: number): Promise<Figures>;
}

/** The load generator for what wrk does not do: client.c, or client.ts where there is no `cc`. */
export class Client implements AsyncDisposable {
  private constructor(
    readonly command: readonly string[],
    readonly name: string,
    readonly directory: Directory,
  ) {}

  /** Compiles it if that is possible. */
  static async create(): Promise<Client> {
    const directory = await Directory.create();
    const cc = findTool("cc");
    if (cc === undefined) {
      const script = projectFile("tests/bench/client.ts");
      return new Client(
        [Deno.execPath(), "run", "--no-lock", "--allow-net", "--allow-sys", script],
        "client.ts",
        directory,
      );
    }
    const program = directory.join("client");
    await run([cc, "-O2", "-o", program, projectFile("tests/bench/client.c")]);
    return new Client([program], "client.c", directory);
  }

  /** Runs it in a mode of its own; see client.c. */
  async run(
    clients: Namespace,
    mode: string,
    port: number,
    seconds: number,
    connections: number,
  ): Promise<Figures> {
    const { stdout } = await clients.run(
      [...this.command, mode, STACK, String(port), String(seconds), String(connections)],
      { timeout: seconds * 1000 + 30_000 },
    );
    const { cpu, ...figures } = JSON.parse(stdout);
    return { ...figures, ...clientLoad(cpu, figures.seconds) };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.directory[Symbol.asyncDispose]();
  }
}

/** All scenarios, in the order of the table. */
export function scenarios(client: Client): Scenario[] {
  const hello = http("http-64", 64, 80);
  return [
    http("http-1", 1, 80),
    hello,
    http("http-100k", 64, 8080),
    {
      name: "connect",
      shown: [{ figure: "conn/s", unit: "conn/s", better: "more" }],
      work: "request",
      async load(clients, seconds) {
        const figures = await client.run(clients, "connect", 80, seconds, 16);
        return { ...figures, "conn/s": figures.count! / figures.seconds! };
      },
    },
    {
      name: "echo",
      shown: [
        { figure: "p50", unit: "µs p50", better: "less" },
        { figure: "p99", unit: "µs p99", better: "less" },
      ],
      work: "request",
      load: (clients, seconds) => client.run(clients, "echo", 7, seconds, 1),
    },
    bulk(client, "download", "download", 19, 1),
    bulk(client, "downloads-64", "download", 19, 64),
    bulk(client, "upload", "upload", 9, 1),
    {
      name: "timer",
      shown: [
        { figure: "own", unit: "ms late by own work", better: "less" },
        { figure: "late", unit: "ms late at most", better: "less" },
        { figure: "read", unit: "ms file read at most", better: "less" },
      ],
      work: "request",
      notOn: ["ceiling"],
      async load(clients, seconds) {
        await get(clients, 8081, "/start");
        const figures = await hello.load(clients, seconds);
        return { ...figures, ...JSON.parse(await get(clients, 8081, "/stop")) };
      },
    },
  ];
}

function bulk(
  client: Client,
  name: string,
  mode: string,
  port: number,
  connections: number,
): Scenario {
  const shown: Figure[] = [{ figure: "Gbit/s", unit: "Gbit/s", better: "more" }];
  if (connections > 1) shown.push({ figure: "jain", unit: "Jain's index", better: "more" });
  return {
    name,
    shown,
    work: "GB",
    async load(clients, seconds) {
      const figures = await client.run(clients, mode, port, seconds, connections);
      return { ...figures, "Gbit/s": figures.bytes! * 8 / 1e9 / figures.seconds! };
    },
  };
}

function http(name: string, connections: number, port: number): Scenario {
  return {
    name,
    shown: [{ figure: "req/s", unit: "req/s", better: "more" }],
    work: "request",
    async load(clients, seconds) {
      const { stdout } = await clients.run(
        // The shell's `times` says what wrk has used.
        ["bash", "-c", 'wrk "$@"; times', "load", "-t1", `-c${connections}`, `-d${seconds}s`]
          .concat("--latency", `http://${STACK}:${port}/`),
        { timeout: seconds * 1000 + 30_000 },
      );
      const number = (pattern: RegExp) => Number(pattern.exec(stdout)?.[1] ?? 0);
      const rate = number(/^Requests\/sec:\s+([\d.]+)/m);
      if (!(rate > 0)) throw new Error(`wrk says no rate:\n${stdout}`);
      return {
        "req/s": rate,
        count: number(/(\d+) requests in/),
        errors: number(/Non-2xx or 3xx responses: (\d+)/) +
          [...(/Socket errors: (.*)/.exec(stdout)?.[1] ?? "").matchAll(/\d+/g)]
            .reduce((sum, [digits]) => sum + Number(digits), 0),
        ...clientLoad(childTime(stdout), seconds),
      };
    },
  };
}

/** Asks for one page; returns its body. */
async function get(clients: Namespace, port: number, path: string): Promise<string> {
  const request = `GET ${path} HTTP/1.1\\r\\nHost: bench\\r\\nConnection: close\\r\\n\\r\\n`;
  const { stdout } = await clients.run(
    ["bash", "-c", `exec 3<>/dev/tcp/${STACK}/${port}; printf "${request}" >&3; cat <&3`],
  );
  return stdout.slice(stdout.indexOf("\r\n\r\n") + 4);
}

/** What the client has used, and how much of one core that is: near 1, the client was measured. */
function clientLoad(cpu: number, seconds: number): Figures {
  return { "client CPU": cpu, "client load": cpu / seconds };
}

/** CPU seconds of a shell's children: the second line that `times` prints. */
function childTime(text: string): number {
  const line = text.trim().split("\n").at(-1) ?? "";
  return [...line.matchAll(/(\d+)m([\d.]+)s/g)]
    .reduce((sum, [_, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds), 0);
}
