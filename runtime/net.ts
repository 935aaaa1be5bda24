import { rejected } from "./errors.ts";
import type { Flow, FlowConnectOptions } from "./listener.ts";
import type { ListenOptions, TcpListener } from "./tcp_listener.ts";

/** What listens and connects: a runtime. */
export interface Network {
  /** Listens on a port. */
  listen(options?: ListenOptions): TcpListener;
  /** Opens a connection. */
  connect(options: FlowConnectOptions): Promise<Flow>;
}

let current: Network | undefined;

/** The runtime that was started last in this process and has not ended. */
export const currentNetwork = {
  /** A runtime has started. */
  set(network: Network): void {
    current = network;
  },
  /** A runtime has ended. */
  clear(network: Network): void {
    if (current === network) current = undefined;
  },
};

/**
 * Listens on a port of the runtime that was started last in this process, as `Deno.listen` does on
 * the system's.
 *
 * @throws {Deno.errors.NotConnected} No runtime is running.
 * @throws {RangeError} The port is out of range.
 * @throws {Deno.errors.AddrInUse} Somebody listens on it already.
 * @throws {Deno.errors.AddrNotAvailable} The address is none of ours; or no port is free.
 * @throws {Deno.errors.BadResource} The runtime drains.
 *
 * @example
 * ```ts ignore
 * for await (const flow of listen({ port: 7 })) flow.readable.pipeTo(flow.writable);
 * ```
 */
export function listen(options: ListenOptions = {}): TcpListener {
  return running().listen(options);
}

/**
 * Opens a connection from the runtime that was started last in this process, as `Deno.connect` does
 * from the system.
 *
 * Rejects with `Deno.errors.NotConnected` (no runtime is running), `ConnectionRefused`, `TimedOut`,
 * `NetworkUnreachable`, `AddrNotAvailable` (no local port is free), `NotSupported` (the hostname is
 * no IPv4 address), or the reason of the signal.
 */
export function connect(options: FlowConnectOptions): Promise<Flow> {
  try {
    return running().connect(options);
  } catch (error) {
    return rejected(error);
  }
}

function running(): Network {
  if (current !== undefined) return current;
  throw new Deno.errors.NotConnected("no runtime is running: expected a call of start() before");
}
