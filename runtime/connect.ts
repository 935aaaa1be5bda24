import { IpAddress } from "../stack/ip/address.ts";
import type { Stack } from "../stack/stack.ts";
import type { ConnectAttempt } from "../stack/tcp/api.ts";
import { connectionError, denoError, ignore } from "./errors.ts";
import type { FlowSet } from "./flow_set.ts";
import type { Flow, FlowConnectOptions } from "./listener.ts";

/**
 * Reads the address that somebody wants to connect to or listen on.
 *
 * @throws {Deno.errors.NotSupported} It is a name, or an IPv6 address.
 */
export function parseHostname(hostname: string): IpAddress {
  const address = IpAddress.parse(hostname);
  if (address !== undefined) return address;
  throw new Deno.errors.NotSupported(
    `hostname ${JSON.stringify(hostname)}: expected an IPv4 address, such as "192.168.69.1" ` +
      `(names are not looked up yet)`,
  );
}

/** Checks a port as Deno does. */
export function checkPort(port: number, least: 0 | 1): void {
  if (!Number.isInteger(port)) {
    throw new TypeError(`port ${port}: expected a whole number from ${least} to 65535`);
  }
  if (port < least || port > 65535) {
    throw new RangeError(`port ${port}: expected a whole number from ${least} to 65535`);
  }
}

/**
 * Opens a connection from a stack.
 *
 * @param stack The stack.
 * @param address The peer's address.
 * @param options The peer's port, and what gives up.
 * @param flows What the flow shall belong to.
 */
export function connectFlow(
  stack: Stack,
  address: IpAddress,
  options: Omit<FlowConnectOptions, "hostname">,
  flows: FlowSet,
): Promise<Flow> {
  const { port, signal, congestion } = options;
  const { promise, resolve, reject } = Promise.withResolvers<Flow>();
  promise.catch(ignore);
  if (signal?.aborted) {
    reject(signal.reason);
    return promise;
  }
  let attempt: ConnectAttempt | undefined;
  const giveUp = () => {
    reject(signal!.reason);
    attempt?.cancel();
  };
  try {
    attempt = stack.connect({ address, port, congestion }, {
      established(connection) {
        signal?.removeEventListener("abort", giveUp);
        resolve(flows.adopt(connection));
      },
      failed(reason) {
        signal?.removeEventListener("abort", giveUp);
        reject(connectionError(reason, `${address}:${port}`));
      },
    });
    signal?.addEventListener("abort", giveUp);
  } catch (error) {
    reject(denoError(error));
  }
  return promise;
}
