import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { type Config, ConfigError, formatFault, MAX_QUEUES } from "../config/config.ts";
import { embeddedDefault } from "../config/default.ts";
import { loadConfig } from "../config/load.ts";
import { relationFaults } from "../config/relations.ts";
import { loadListener, startInTime } from "../modules.ts";
import { withQueues } from "../parallel/queues.ts";
import { describeConfig } from "./banner.ts";
import { remedy } from "./command.ts";
import { denoEnvironment, type Environment } from "./environment.ts";
import { type Failure, failureOf } from "./failure.ts";
import { type Flags, parseFlags, UsageError } from "./flags.ts";
import { HELP, VERSION } from "./help.ts";
import { serve } from "./serve.ts";
import { STATUS, type Status } from "./status.ts";

/**
 * The command line: does what the arguments say, until it is done or told to end.
 *
 * @param args The arguments, without the name of the program.
 * @param environment The world; Deno's by default.
 * @returns The exit status.
 */
export async function main(
  args: readonly string[],
  environment: Environment = denoEnvironment(),
): Promise<Status> {
  let config: Config | undefined;
  let showStack = false;
  const advise = (missing: readonly string[]) =>
    remedy({ ...environment.invocation, args }, config, missing);
  try {
    const flags = parseFlags(args);
    showStack = flags.logLevel === "debug";
    if (flags.help) return print(HELP);
    if (flags.version) return print(`taproom ${VERSION} (deno ${Deno.version.deno})\n`);
    config = await effectiveConfig(flags, environment);
    const base = baseOf(flags, environment);
    if (flags.check) {
      const faults = await moduleFaults(config, base);
      if (faults.length > 0) return await fail(faults);
      const name = flags.config ?? "the embedded default";
      if (!flags.printConfig) return print(`${name} is good: ${describeConfig(config)}\n`);
    }
    if (flags.printConfig) return print(`${JSON.stringify(config, null, 2)}\n`);
    return await serve(config, base, flags, environment, advise);
  } catch (error) {
    const failure = failureOf(error);
    const isUnexpected = failure.status === STATUS.failure && error instanceof Error;
    return await fail([
      showStack && isUnexpected ? { ...failure, message: `error: ${error.stack}` } : failure,
    ]);
  }

  function print(result: string): Status {
    environment.printResult(result);
    return STATUS.done;
  }

  async function fail(failures: readonly Failure[]): Promise<Status> {
    const text = failures.map(({ message, permission }) =>
      permission === undefined ? `${message}\n` : `${message}; ${advise([permission])}\n`
    ).join("");
    await environment.writeError(new TextEncoder().encode(text)).catch(() => {});
    return failures[0]!.status;
  }
}

/**
 * The config file, or the embedded default, with what the flags say.
 *
 * @throws {ConfigError} Also if config and flags are right by themselves, but do not go together.
 * @throws {UsageError} There is no TAP that could have several queues.
 */
async function effectiveConfig(flags: Flags, environment: Environment): Promise<Config> {
  const { capture, trace, drainTimeout, ...rest } = flags.config === undefined
    ? embeddedDefault()
    : await loadConfig(flags.config, environment.readTextFile);
  const config = {
    ...rest,
    capture: flags.capture ?? capture,
    trace: flags.trace || trace,
    drainTimeout,
  };
  if (flags.parallel === undefined) return checked(config);
  const queues = flags.parallel === "cores"
    ? Math.min(navigator.hardwareConcurrency, MAX_QUEUES)
    : flags.parallel;
  if (queues > 1 && config.interfaces.some(({ device }) => device.type !== "tap")) {
    throw new UsageError(
      "--parallel needs a config whose interfaces are all TAPs, found a gateway",
    );
  }
  return checked(withQueues(config, queues));
}

/** Flags may have made one of a config that cannot be. */
function checked(config: Config): Config {
  const faults = relationFaults(config);
  if (faults.length === 0) return config;
  throw new ConfigError(faults.map(formatFault).join("\n"), faults);
}

/** What module specifiers are relative to: the config file, or the current directory without. */
function baseOf(flags: Flags, { invocation }: Environment): URL {
  return pathToFileURL(flags.config ? resolve(invocation.cwd, flags.config) : `${invocation.cwd}/`);
}

/** What is wrong with the modules that a config names; those of permissions last. */
async function moduleFaults(config: Config, base: URL): Promise<Failure[]> {
  const faults: Failure[] = [];
  for (const listener of config.listeners) {
    try {
      await startInTime(listener, loadListener(listener, base));
    } catch (error) {
      faults.push(failureOf(error));
    }
  }
  return faults.sort((a, b) => b.status - a.status);
}
