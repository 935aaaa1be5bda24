import type { Route } from "../ip/output.ts";
import type { FlowEntry, FlowTable } from "./flow_table.ts";
import type { SecretNumbers } from "./isn.ts";

/** The first of the local ports for active opens. */
export const FIRST_LOCAL_PORT = 1_024;
/** How many there are. */
export const LOCAL_PORTS = 65_536 - FIRST_LOCAL_PORT;

/**
 * Which of several stacks with the same addresses chooses a local port for an active open.
 *
 * @param port A port from {@link FIRST_LOCAL_PORT} on.
 * @param count How many stacks there are.
 * @returns Index of the stack.
 */
export function portOwner(port: number, count: number): number {
  return (port - FIRST_LOCAL_PORT) % count;
}

/** Counters: remote ends that share one are few, and do not know of it. */
const COUNTERS = 256;

/**
 * Chooses local ports for active opens: a hidden start for each remote end, then one after the
 * other, by a counter that few share, so that no remote end learns from its ports how many
 * connections we open elsewhere (RFC 6056 section 3.3.4, the double-hash algorithm).
 */
export class LocalPorts {
  readonly #table: FlowTable<FlowEntry>;
  readonly #secrets: SecretNumbers;
  readonly #index: number;
  readonly #count: number;
  readonly #next = new Uint32Array(COUNTERS);

  /**
   * @param table Tells which 4-tuples are taken.
   * @param secrets Where to begin.
   * @param index Which of several stacks with the same addresses this is: it chooses the ports whose
   *   {@link portOwner} it is.
   * @param count How many stacks there are.
   */
  constructor(table: FlowTable<FlowEntry>, secrets: SecretNumbers, index = 0, count = 1) {
    this.#table = table;
    this.#secrets = secrets;
    this.#index = index;
    this.#count = count;
  }

  /**
   * A free local port for a connection.
   *
   * @param route The way to the remote end.
   * @param remotePort The remote port.
   * @param isTaken Whether a port is not to be used for another reason.
   * @returns The port, or 0 if all are taken.
   */
  choose(route: Route, remotePort: number, isTaken: (port: number) => boolean): number {
    const { local, remote } = route;
    const offset = this.#secrets.portOffset(local, remote, remotePort);
    const counter = this.#secrets.portCounter(local, remote, remotePort) % COUNTERS;
    const own = Math.floor(LOCAL_PORTS / this.#count);
    for (let i = 0; i < own; i++) {
      const place = (offset + this.#next[counter]!++) % own;
      const port = FIRST_LOCAL_PORT + place * this.#count + this.#index;
      if (isTaken(port)) continue;
      if (this.#table.get(route.local, port, route.remote, remotePort) === undefined) return port;
    }
    return 0;
  }
}
