import { ConfigError } from "../config/config.ts";
import { DeviceError, type DeviceErrorCode } from "../device/error.ts";
import { firstLine } from "../log/format.ts";
import { ListenerError } from "../modules.ts";
import { missingPermission } from "../permission.ts";
import { UsageError } from "./flags.ts";
import { STATUS, type Status } from "./status.ts";

/** What went wrong, for people and for the shell. */
export interface Failure {
  /** The exit status. */
  readonly status: Status;
  /** What is wrong; one fault a line. */
  readonly message: string;
  /** The permission that is missing, as a flag of `deno run`. */
  readonly permission?: string | undefined;
}

const DEVICE_STATUS: Record<DeviceErrorCode, Status> = {
  unavailable: STATUS.unavailable,
  busy: STATUS.unavailable,
  lost: STATUS.unavailable,
  permission: STATUS.permission,
  invalid: STATUS.config,
};

/** Says what an error means to whoever ran the program. */
export function failureOf(error: unknown): Failure {
  if (error instanceof UsageError) {
    return { status: STATUS.usage, message: `error: ${error.message}; --help shows all flags` };
  }
  if (error instanceof ConfigError) return { status: STATUS.config, message: error.message };
  if (error instanceof DeviceError) {
    // The device names the flag, but does not know the command, which is told in its place.
    const permission = /--allow-\w+/.exec(error.message)?.[0];
    const message = `error: ${error.message.replace(/: run deno with "--allow-\w+"$/, "")}`;
    return { status: DEVICE_STATUS[error.code], message, permission };
  }
  const permission = missingPermission(error instanceof ListenerError ? error.cause : error);
  const reason = isForPeople(error) ? error.message : firstLine(error);
  const message = `error: ${reason}`.replace(
    /(?:NotCapable: )?Requires (.*), run again with the .*/,
    "Deno does not permit $1",
  );
  if (permission !== undefined) return { status: STATUS.permission, message, permission };
  if (error instanceof ListenerError) return { status: STATUS.config, message };
  if (error instanceof Deno.errors.AddrInUse) return { status: STATUS.unavailable, message };
  if (error instanceof Deno.errors.PermissionDenied) return { status: STATUS.permission, message };
  return { status: STATUS.failure, message };
}

/** Errors whose message says it all; of others the class is worth knowing. */
function isForPeople(error: unknown): error is Error {
  return error instanceof Error && (error instanceof ListenerError || error.name in Deno.errors);
}
