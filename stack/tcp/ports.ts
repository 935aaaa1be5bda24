import type { Route } from "../ip/output.ts";
import type { FlowEntry, FlowTable } from "./flow_table.ts";
import type { SecretNumbers } from "./isn.ts";

/** The first of the local ports for active opens. */
export const FIRST_LOCAL_PORT = 1_024;
/** How many there are. */
export const LOCAL_PORTS = 65_536 - FIRST_LOCAL_PORT;

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
  readonly #next = new Uint32Array(COUNTERS);

  /**
   * @param table Tells which 4-tuples are taken.
   * @param secrets Where to begin.
   */
  constructor(table: FlowTable<FlowEntry>, secrets: SecretNumbers) {
    this.#table = table;
    this.#secrets = secrets;
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
    for (let i = 0; i < LOCAL_PORTS; i++) {
      const port = FIRST_LOCAL_PORT + (offset + this.#next[counter]!++) % LOCAL_PORTS;
      if (isTaken(port)) continue;
      if (this.#table.get(route.local, port, route.remote, remotePort) === undefined) return port;
    }
    return 0;
  }
}
