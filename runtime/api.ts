import type { Counters } from "../stack/counters.ts";
import type { Config, InterfaceConfig } from "./config/config.ts";
import type { Device } from "./device/device.ts";
import type { DrainResult } from "./drain.ts";
import type { Flow, FlowConnectOptions } from "./listener.ts";
import type { ListenOptions, TcpListener } from "./tcp_listener.ts";

/** What a runtime is started with beside its config. */
export interface RuntimeOptions {
  /** What relative module specifiers are relative to: by default the current directory. */
  readonly base?: URL;
  /** Opens the device of an interface in place of what its config says, for a device of one's own. */
  readonly openDevice?: (config: InterfaceConfig) => Device | Promise<Device>;
}

/** A configured listener, as it is served. */
export interface ServedListener {
  /** Its port. */
  readonly port: number;
  /** Its module, as the config names it. */
  readonly module: string;
  /** Whether it is still being loaded or started. */
  readonly pending: boolean;
  /** Why it is not served. */
  readonly error: Error | undefined;
}

/** An interface, as it is run. */
export interface ServedInterface {
  /** Name of its device. */
  readonly name: string;
  /** Its entry in the config. */
  readonly config: InterfaceConfig;
}

/**
 * A running Taproom: interfaces, listeners, and whatever was opened with `listen` and `connect`.
 * Made by `start`; keeps the process alive until it is drained or aborted.
 */
export interface Runtime extends AsyncDisposable {
  /** What it was started with. */
  readonly config: Config;
  /** The interfaces. */
  readonly interfaces: ServedInterface[];
  /** The configured listeners, those that are not served included. */
  readonly listeners: ServedListener[];
  /**
   * Resolves when no listener is pending any more: each is served, or has failed. The runtime may
   * have started before that, see `start`.
   */
  readonly loaded: Promise<void>;
  /** Resolves when everything has ended; rejects with what a device or a stack died of. */
  readonly closed: Promise<void>;
  /**
   * What has been counted by now, on all interfaces together; with more than one queue, by a
   * tenth of a second ago.
   */
  counters(): Counters;
  /**
   * Listens on a port, for a program that uses Taproom as a library.
   *
   * @throws {RangeError} The port is out of range.
   * @throws {Deno.errors.AddrInUse} Somebody listens on it already.
   * @throws {Deno.errors.AddrNotAvailable} The address is none of ours; or no port is free.
   * @throws {Deno.errors.BadResource} The runtime drains, or has ended.
   * @throws {Deno.errors.NotSupported} There is more than one queue: each Worker listens for itself,
   *   as the config says, or as its modules call `listen`.
   */
  listen(options?: ListenOptions): TcpListener;
  /**
   * Opens a connection.
   *
   * Rejects with `Deno.errors.ConnectionRefused`, `TimedOut`, `NetworkUnreachable`,
   * `AddrNotAvailable` (no local port is free), `NotSupported` (the hostname is no IPv4 address;
   * or there is more than one queue, and it is for the Workers' modules to connect), or the reason of
   * the signal.
   */
  connect(options: FlowConnectOptions): Promise<Flow>;
  /**
   * Ends in good order: listens no more, aborts the `signal` of every listener, and waits until
   * the flows have ended, for at most `drainTimeout`. Flows of a module that has never asked for
   * its `signal` are closed after a fifth of that time, all others after four fifths; what is left
   * at the end is reset. TIME_WAIT is not waited for, and a peer that has acknowledged our goodbye
   * without saying its own only for a second.
   *
   * @returns How the connections have ended. Called again: the same.
   */
  drain(): Promise<DrainResult>;
  /** Ends at once: resets every connection. Cuts a drain short that is under way. */
  abort(): Promise<DrainResult>;
}
