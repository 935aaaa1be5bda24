import type { ListenerConfig } from "../config/config.ts";
import { DeviceError, type DeviceErrorCode } from "../device/error.ts";
import { ListenerError } from "../modules.ts";

/** An error as it travels between threads: a structured clone would lose its class. */
export interface PortableError {
  /** `Error.name`. */
  readonly name: string;
  /** `Error.message`. */
  readonly message: string;
  /** `Error.stack`. */
  readonly stack: string | undefined;
  /** `Error.cause`, if that is an error. */
  readonly cause: PortableError | undefined;
  /** Of a `DeviceError`. */
  readonly code?: DeviceErrorCode;
  /** Of a `ListenerError`. */
  readonly listener?: ListenerConfig;
}

/** Makes an error, or whatever else was thrown, ready to travel. */
export function packError(error: unknown): PortableError {
  if (!(error instanceof Error)) {
    return { name: "Error", message: String(error), stack: undefined, cause: undefined };
  }
  const { name, message, stack } = error;
  const cause = error.cause instanceof Error ? packError(error.cause) : undefined;
  const packed = { name, message, stack, cause };
  if (error instanceof DeviceError) return { ...packed, code: error.code };
  if (error instanceof ListenerError) return { ...packed, listener: error.listener };
  return packed;
}

/** The error again: of its class, where that is Taproom's or Deno's. */
export function unpackError(packed: PortableError): Error {
  const error = make(packed);
  if (packed.cause !== undefined) error.cause = unpackError(packed.cause);
  if (packed.stack !== undefined) error.stack = packed.stack;
  return error;
}

function make({ name, message, code, listener }: PortableError): Error {
  if (code !== undefined) return new DeviceError(code, message);
  if (listener !== undefined) {
    const prefix = new ListenerError(listener, "").message;
    return new ListenerError(listener, message.slice(prefix.length));
  }
  if (Object.hasOwn(Deno.errors, name)) {
    return new Deno.errors[name as keyof typeof Deno.errors](message);
  }
  const error = new Error(message);
  Object.defineProperty(error, "name", { value: name, configurable: true });
  return error;
}
