import type { ConnectionFlow } from "./flow.ts";
import type { Listener, ListenerContext } from "./listener.ts";

/**
 * Hands a flow to a listener, and ends the flow when the listener is done with it: gracefully when
 * it returns, by a reset of this flow alone when it throws. Never rejects.
 *
 * @param listener The listener.
 * @param flow A flow that was just accepted.
 * @param context What the listener gets beside it.
 * @param module Name of the listener's module, for the log.
 * @param isDraining Whether the runtime is about to end, so that a flow may be cut short.
 */
export async function serveFlow(
  listener: Listener,
  flow: ConnectionFlow,
  context: ListenerContext,
  module: string,
  isDraining: () => boolean,
): Promise<void> {
  // Not inside the stack's own call: whatever a module does, it does not do it to a stack that is
  // in the middle of a segment.
  await undefined;
  try {
    await listener.flow(flow, context);
    flow.close();
  } catch (error) {
    // A module that was in the middle of something when its connection ended has not failed.
    const cut = flow.closeReason !== undefined || isDraining();
    if (cut && isEndOfConnection(error)) {
      context.log.debug("flow cut short", { reason: flow.closeReason, error });
      flow.close();
    } else {
      context.log.error("listener failed", { module, error });
      flow.abort();
    }
  }
}

/** Whether an error says no more than that a connection has ended. */
function isEndOfConnection(error: unknown): boolean {
  const { ConnectionReset, TimedOut, BrokenPipe, Interrupted, BadResource } = Deno.errors;
  return [ConnectionReset, TimedOut, BrokenPipe, Interrupted, BadResource]
    .some((type) => error instanceof type);
}
