import { Directory } from "../support/directory.ts";
import type { Namespace } from "../support/namespace.ts";
import { run } from "../support/process.ts";
import { findTool } from "../support/tap.ts";
import { projectFile, STACK } from "../support/taproom.ts";

/** The figures of one load, by name. */
export type Figures = Record<string, number>;

/** One kind of load. */
export interface Scenario {
  /** What `--only` takes. */
  readonly name: string;
  /** The figures shown in the table, in order, and how they read. */
  readonly shown: readonly { figure: string; unit: string; better: "more" | "less" }[];
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
    const figures: Figures = JSON.parse(stdout);
    // How much of one core the client needed: near 1, it is the client that was measured.
    figures["client load"] = figures.cpu! / figures.seconds!;
    return figures;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.directory[Symbol.asyncDispose]();
  }
}

/** All scenarios, in the order of the table. */
export function scenarios(client: Client): Scenario[] {
  const bulk = (mode: string, port: number): Scenario => ({
    name: mode,
    shown: [{ figure: "Gbit/s", unit: "Gbit/s", better: "more" }],
    async load(clients, seconds) {
      const figures = await client.run(clients, mode, port, seconds, 1);
      return { ...figures, "Gbit/s": figures.bytes! * 8 / 1e9 / figures.seconds! };
    },
  });
  return [
    http(1),
    http(64),
    {
      name: "connect",
      shown: [{ figure: "conn/s", unit: "conn/s", better: "more" }],
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
      load: (clients, seconds) => client.run(clients, "echo", 7, seconds, 1),
    },
    bulk("download", 19),
    bulk("upload", 9),
  ];
}

function http(connections: number): Scenario {
  return {
    name: `http-${connections}`,
    shown: [{ figure: "req/s", unit: "req/s", better: "more" }],
    async load(clients, seconds) {
      const { stdout } = await clients.run(
        // The shell's `times` says what wrk has used.
        ["bash", "-c", 'wrk "$@"; times', "load", "-t1", `-c${connections}`, `-d${seconds}s`]
          .concat("--latency", `http://${STACK}/`),
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
        "client load": childTime(stdout) / seconds,
      };
    },
  };
}

/** CPU seconds of a shell's children: the second line that `times` prints. */
function childTime(text: string): number {
  const line = text.trim().split("\n").at(-1) ?? "";
  return [...line.matchAll(/(\d+)m([\d.]+)s/g)]
    .reduce((sum, [_, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds), 0);
}
