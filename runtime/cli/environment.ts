import type { Runtime, RuntimeOptions } from "../api.ts";
import type { Config } from "../config/config.ts";
import type { ReadTextFile } from "../config/load.ts";
import type { Write } from "../log/line_writer.ts";
import { start } from "../runtime.ts";
import { onUncaught } from "../uncaught.ts";
import type { Invocation } from "./command.ts";

/** What the command line needs of a running Taproom. */
export type Running = Pick<Runtime, "listeners" | "loaded" | "closed" | "drain" | "abort">;

/** What the command line needs of the world, so that it can be tested without one. */
export interface Environment {
  /** How the program was started, without its arguments. */
  readonly invocation: Omit<Invocation, "args">;
  /** Writes a result to standard output. */
  printResult(text: string): void;
  /** Writes to standard error. */
  readonly writeError: Write;
  /** Whether standard error may be coloured. */
  readonly color: boolean;
  /** Reads a file. */
  readonly readTextFile: ReadTextFile;
  /** Starts Taproom. */
  start(config: Config, options: RuntimeOptions): Promise<Running>;
  /**
   * Calls `handler` with the name of each signal that asks the program to end.
   *
   * @returns Ends that.
   */
  onSignal(handler: (name: string) => void): () => void;
  /**
   * Calls `handler` with each error that nobody has caught, and lets the program go on.
   *
   * @returns Ends that.
   */
  onUncaught(handler: (error: unknown) => void): () => void;
}

/** The world as Deno shows it. Needs no permission, least of all to read the environment. */
export function denoEnvironment(): Environment {
  return {
    invocation: {
      mainModule: Deno.mainModule,
      cwd: Deno.cwd(),
      granted: (name) =>
        Deno.permissions.querySync({ name } as Deno.PermissionDescriptor).state === "granted",
    },
    printResult,
    writeError: (bytes) => Deno.stderr.write(bytes),
    color: Deno.stderr.isTerminal() && !Deno.noColor,
    readTextFile: Deno.readTextFile,
    start,
    onSignal,
    onUncaught,
  };
}

function printResult(text: string): void {
  const bytes = new TextEncoder().encode(text);
  try {
    for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
  } catch (error) {
    // Whoever has seen enough, such as `head`, may close the pipe.
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

function onSignal(handler: (name: string) => void): () => void {
  const names: Deno.Signal[] = Deno.build.os === "windows"
    ? ["SIGINT", "SIGBREAK"]
    : ["SIGINT", "SIGTERM"];
  const handlers = names.map((name) => [name, () => handler(name)] as const);
  for (const [name, handler] of handlers) Deno.addSignalListener(name, handler);
  return () => {
    for (const [name, handler] of handlers) Deno.removeSignalListener(name, handler);
  };
}
