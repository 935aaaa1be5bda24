import type { CloseReason, Connection } from "../stack/tcp/api.ts";
import { ConnectionFlow } from "./flow.ts";

/** The open flows of one port, or of one program, and how those before them ended. */
export class FlowSet implements Iterable<ConnectionFlow> {
  /** Flows that ended with both goodbyes said. */
  graceful = 0;
  /** Flows that ended in any other way. */
  reset = 0;
  /** How many are open. */
  size = 0;
  #first: ConnectionFlow | undefined;
  #last: ConnectionFlow | undefined;
  readonly #onEnd = (reason: CloseReason, flow: ConnectionFlow): void => {
    this.#remove(flow);
    if (reason === "closed") this.graceful++;
    else this.reset++;
    if (this.size === 0) this.onEmpty?.();
  };

  /** @param onEmpty Called when the last open flow has ended. */
  constructor(readonly onEmpty?: () => void) {}

  /** Makes a flow of an Established connection, which belongs to the set until it ends. */
  adopt(connection: Connection): ConnectionFlow {
    const flow = new ConnectionFlow(connection, this.#onEnd);
    flow.previous = this.#last;
    if (this.#last === undefined) this.#first = flow;
    else this.#last.next = flow;
    this.#last = flow;
    this.size++;
    return flow;
  }

  /** Whether all open flows are of a kind. */
  every(test: (flow: ConnectionFlow) => boolean): boolean {
    for (let flow = this.#first; flow !== undefined; flow = flow.next) {
      if (!test(flow)) return false;
    }
    return true;
  }

  /** The flows that are open now, in the order of their opening; they may end meanwhile. */
  [Symbol.iterator](): Iterator<ConnectionFlow> {
    const flows: ConnectionFlow[] = [];
    for (let flow = this.#first; flow !== undefined; flow = flow.next) flows.push(flow);
    return flows.values();
  }

  #remove(flow: ConnectionFlow): void {
    const { previous, next } = flow;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    flow.previous = flow.next = undefined;
    this.size--;
  }
}
