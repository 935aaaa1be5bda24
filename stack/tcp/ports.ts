import type { Route } from "../ip/output.ts";
import type { FlowEntry, FlowTable } from "./flow_table.ts";
import type { SecretNumbers } from "./isn.ts";

/** The first of the local ports for active opens. */
export const FIRST_LOCAL_PORT = 1_024;
/** How many there are. */
export const LOCAL_PORTS = 65_536 - FIRST_LOCAL_PORT;

/**
 * Chooses local ports for active opens: a hidden start for each remote end, then one after the
 * other (RFC 6056 section 3.3.3, the simple hash-based algorithm).
 */
export class LocalPorts {
  readonly #table: FlowTable<FlowEntry>;
  readonly #secrets: SecretNumbers;
  #next = 0;

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
    const offset = this.#secrets.portOffset(route.local, route.remote, remotePort);
    for (let i = 0; i < LOCAL_PORTS; i++) {
      const port = FIRST_LOCAL_PORT + (offset + this.#next++) % LOCAL_PORTS;
      if (isTaken(port)) continue;
      if (this.#table.get(route.local, port, route.remote, remotePort) === undefined) return port;
    }
    return 0;
  }
}
