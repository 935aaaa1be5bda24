import type { CloseReason, Connection } from "../stack/tcp/api.ts";
import { ConnectionFlow } from "./flow.ts";

/** The open flows of one port, or of one program, and how those before them ended. */
export class FlowSet implements Iterable<ConnectionFlow> {
  /** Flows that ended with both goodbyes said. */
  graceful = 0;
  /** Flows that ended in any other way. */
  reset = 0;
  readonly #open = new Set<ConnectionFlow>();
  readonly #onEnd = (reason: CloseReason, flow: ConnectionFlow): void => {
    this.#open.delete(flow);
    if (reason === "closed") this.graceful++;
    else this.reset++;
    if (this.size === 0) this.onEmpty?.();
  };

  /** @param onEmpty Called when the last open flow has ended. */
  constructor(readonly onEmpty?: () => void) {}

  /** How many are open. */
  get size(): number {
    return this.#open.size;
  }

  /** Makes a flow of an Established connection, which belongs to the set until it ends. */
  adopt(connection: Connection): ConnectionFlow {
    const flow = new ConnectionFlow(connection, this.#onEnd);
    this.#open.add(flow);
    return flow;
  }

  /** Whether all open flows are of a kind. */
  every(test: (flow: ConnectionFlow) => boolean): boolean {
    for (const flow of this.#open) if (!test(flow)) return false;
    return true;
  }

  /** The open flows, in the order of their opening. */
  [Symbol.iterator](): Iterator<ConnectionFlow> {
    return this.#open.values();
  }
}
