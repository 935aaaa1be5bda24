import { Process, type ProcessOptions, type ProcessResult } from "./process.ts";

/** Program and arguments. */
export type Command = readonly string[];

/**
 * A network namespace of its own, with `lo` up and nothing else in it. It has no name on the
 * machine and leaves nothing behind: a process of ours holds it, and that process ends when it is
 * disposed of, or when this process ends in whatever way.
 *
 * As root it is a plain network namespace; otherwise it sits in a user namespace in which we are
 * root.
 *
 * @example
 * ```ts ignore
 * await using ns = await Namespace.create();
 * await ns.run(["ip", "tuntap", "add", "dev", "tap0", "mode", "tap"]);
 * await using server = ns.spawn([Deno.execPath(), "run", "--allow-net", "server.ts"]);
 * await server.stderr.match(/listening/i);
 * ```
 */
export class Namespace implements AsyncDisposable {
  readonly #holder: Process;
  readonly #enter: Command;
  readonly #owned: AsyncDisposable[] = [];

  private constructor(holder: Process, enter: Command) {
    this.#holder = holder;
    this.#enter = enter;
  }

  /**
   * Makes a namespace.
   *
   * @throws {Error} With the reason, when the machine does not allow it.
   */
  static async create(): Promise<Namespace> {
    return Deno.uid() === 0
      ? await hold(["unshare", "--net"], (pid) => ["nsenter", `--net=/proc/${pid}/ns/net`, "--"])
      : await hold(["unshare", "--user", "--map-root-user", "--net"], (pid) => [
        "nsenter",
        `--user=/proc/${pid}/ns/user`,
        `--net=/proc/${pid}/ns/net`,
        "--preserve-credentials",
        "--",
      ]);

    async function hold(
      unshare: Command,
      enter: (pid: number) => Command,
    ): Promise<Namespace> {
      const holder = await startHolder(unshare);
      const namespace = new Namespace(holder, enter(holder.pid));
      await namespace.run(["ip", "link", "set", "lo", "up"]);
      return namespace;
    }
  }

  /** Makes another namespace beside this one (in the same user namespace); it ends with this. */
  async sibling(): Promise<Namespace> {
    const holder = await startHolder([...this.#enter, "unshare", "--net"]);
    const enter = this.#enter.map((word) =>
      word.startsWith("--net=") ? `--net=/proc/${holder.pid}/ns/net` : word
    );
    const sibling = this.own(new Namespace(holder, enter));
    await sibling.run(["ip", "link", "set", "lo", "up"]);
    return sibling;
  }

  /** Id of the process that holds the namespace, as `ip link ... netns PID` takes it. */
  get pid(): number {
    return this.#holder.pid;
  }

  /** Has something disposed of with the namespace. */
  own<Resource extends AsyncDisposable>(resource: Resource): Resource {
    this.#owned.push(resource);
    return resource;
  }

  /** The command that runs `command` inside. The process keeps its id. */
  command(command: Command): string[] {
    return [...this.#enter, ...command];
  }

  /** Starts a process inside. It is ended with the namespace, if not before. */
  spawn(command: Command, options?: ProcessOptions): Process {
    return this.own(new Process(this.command(command), options));
  }

  /**
   * Runs a program inside to its end.
   *
   * @throws {Error} With what it printed, when it fails.
   */
  async run(command: Command, options?: ProcessOptions): Promise<ProcessResult> {
    await using process = new Process(this.command(command), options);
    return await process.success();
  }

  /** Runs a program inside to its end, whatever its exit status. */
  async attempt(command: Command, options?: ProcessOptions): Promise<ProcessResult> {
    await using process = new Process(this.command(command), options);
    return await process.result;
  }

  /**
   * Joins this namespace to another one (a {@link Namespace.sibling}) by a pair of virtual Ethernet
   * devices, each up and with its address, if it is given one.
   */
  async join(
    peer: Namespace,
    here: { name: string; address?: string },
    there: { name: string; address?: string },
  ): Promise<void> {
    await this.run(
      ["ip", "link", "add", here.name, "type", "veth", "peer", "name", there.name].concat(
        ["netns", String(peer.pid)],
      ),
    );
    for (const [namespace, end] of [[this, here], [peer, there]] as const) {
      if (end.address !== undefined) {
        await namespace.run(["ip", "address", "add", end.address, "dev", end.name]);
      }
      await namespace.run(["ip", "link", "set", end.name, "up"]);
    }
  }

  /** Ends every process started inside, and with the last one the namespace itself. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const owned of this.#owned.reverse()) await owned[Symbol.asyncDispose]();
    await this.#holder.closeStdin();
    await this.#holder.result;
  }
}

/** Starts a process that does nothing but hold namespaces until its input ends. */
async function startHolder(unshare: Command): Promise<Process> {
  const holder = new Process([...unshare, "sh", "-c", "echo held; exec cat"], {
    stdin: "open",
    timeout: 3_600_000,
  });
  try {
    await holder.stdout.match(/held/);
    return holder;
  } catch {
    const { stderr } = await holder.result;
    throw new Error(`cannot make a network namespace: ${stderr.trim()}`);
  }
}
