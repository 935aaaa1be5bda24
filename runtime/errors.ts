import { StackError } from "../stack/error.ts";
import type { CloseReason } from "../stack/tcp/api.ts";

/**
 * The error of Deno's that says why a connection ended, to whoever still wanted something of it.
 *
 * | reason | error |
 * |---|---|
 * | `"reset"` | `Deno.errors.ConnectionReset` |
 * | `"refused"` | `Deno.errors.ConnectionRefused` |
 * | `"timeout"` | `Deno.errors.TimedOut` |
 * | `"unreachable"` | `Deno.errors.NetworkUnreachable` |
 * | `"aborted"` | `Deno.errors.Interrupted` |
 * | `"closed"` | `Deno.errors.BrokenPipe`: both sides have said goodbye, so nothing can be written |
 *
 * @param reason Why the connection ended.
 * @param peer The other end, as `192.168.69.1:37629`.
 */
export function connectionError(reason: CloseReason, peer: string): Error {
  switch (reason) {
    case "reset":
      return new Deno.errors.ConnectionReset(`connection reset by its peer ${peer}`);
    case "refused":
      return new Deno.errors.ConnectionRefused(`connection refused by ${peer}`);
    case "timeout":
      return new Deno.errors.TimedOut(`no answer from ${peer}`);
    case "unreachable":
      return new Deno.errors.NetworkUnreachable(`${peer} cannot be reached`);
    case "aborted":
      return new Deno.errors.Interrupted(`connection to ${peer} aborted by this side`);
    case "closed":
      return new Deno.errors.BrokenPipe(`connection to ${peer} is closed`);
  }
}

/** What a flow answers to whoever uses it after its own `close` or `abort`, as Deno does. */
export function flowClosedError(peer: string): Error {
  return new Deno.errors.BadResource(`the flow to ${peer} was closed`);
}

/** The error of Deno's that fits what the stack says to a call of `listen` or `connect`. */
export function denoError(error: unknown): unknown {
  if (!(error instanceof StackError)) return error;
  switch (error.code) {
    case "invalid":
      return new TypeError(error.message);
    case "address-in-use":
      return new Deno.errors.AddrInUse(error.message);
    case "no-route":
      return new Deno.errors.NetworkUnreachable(error.message);
    case "ports-exhausted":
      return new Deno.errors.AddrNotAvailable(error.message);
  }
}

/**
 * A rejected promise that harms nobody who does not look at it: a plugin that forgets to await a
 * `write` must not end the process when the peer resets.
 */
export function rejected<T>(error: unknown): Promise<T> {
  const promise = Promise.reject(error);
  promise.catch(ignore);
  return promise;
}

/** Rejects a promise so that it harms nobody who does not look at it. */
export function reject(
  waiter: { readonly promise: Promise<unknown>; readonly reject: (reason: unknown) => void },
  error: unknown,
): void {
  waiter.promise.catch(ignore);
  waiter.reject(error);
}

/** Does nothing. */
export function ignore(): void {}
