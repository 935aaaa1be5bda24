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
      return new Deno.errors.NetworkUnreachable(`the network says that ${peer} cannot be reached`);
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

/**
 * A rejected promise that harms nobody who does not look at it: a plugin that forgets to await a
 * `write` must not end the process when the peer resets.
 */
export function rejected<T>(error: unknown): Promise<T> {
  const promise = Promise.reject(error);
  promise.catch(ignore);
  return promise;
}

/** Does nothing. */
export function ignore(): void {}
