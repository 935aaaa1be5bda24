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
  /** What mends it, where that is known. */
  readonly remedy?: string;
}

const DEVICE_STATUS: Record<DeviceErrorCode, Status> = {
  unavailable: STATUS.unavailable,
  busy: STATUS.unavailable,
  lost: STATUS.unavailable,
  permission: STATUS.permission,
  invalid: STATUS.config,
};

/**
 * Says what an error means to whoever ran the program.
 *
 * @param error What was thrown.
 * @param commandWith The whole command, with one more permission.
 */
export function failureOf(error: unknown, commandWith: (flag: string) => string): Failure {
  if (error instanceof UsageError) {
    return {
      status: STATUS.usage,
      message: `error: ${error.message}`,
      remedy: "--help shows all flags",
    };
  }
  if (error instanceof ConfigError) return { status: STATUS.config, message: error.message };
  if (error instanceof DeviceError) {
    return { status: DEVICE_STATUS[error.code], message: `error: ${error.message}` };
  }
  const flag = missingPermission(error instanceof ListenerError ? error.cause : error);
  const reason = error instanceof ListenerError ? error.message : firstLine(error);
  const message = `error: ${reason}`.replace(
    /(?:NotCapable: )?Requires (.*), run again with the .*/,
    "Deno does not permit $1",
  );
  if (flag !== undefined) {
    const remedy = `run again with ${flag}: ${commandWith(flag)}`;
    return { status: STATUS.permission, message, remedy };
  }
  if (error instanceof ListenerError) return { status: STATUS.config, message };
  if (error instanceof Deno.errors.AddrInUse) return { status: STATUS.unavailable, message };
  if (error instanceof Deno.errors.PermissionDenied) return { status: STATUS.permission, message };
  return { status: STATUS.failure, message };
}
