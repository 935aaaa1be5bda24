import type { Socket } from "node:net";
import { ignore } from "../errors.ts";
import type { Flow } from "../listener.ts";
import type { GatewayClient } from "./gateway_client.ts";

/**
 * Carries bytes between a client and a flow until both directions have ended. The end of one
 * direction is carried as such; a reset or any other failure of either cuts both. A flow that has
 * said its end is past failing: the client still gets all of it, whatever becomes of the rest.
 */
export async function splice(client: GatewayClient, flow: Flow): Promise<void> {
  const { stream } = client;
  const cut = () => {
    flow.abort();
    client.reset();
  };
  if (stream.destroyed) return cut();
  stream.once("error", cut);
  // It fails when one of the two has ended, which is told below or above.
  inwards(stream, flow).catch(ignore);
  try {
    await outwards(flow, stream);
  } catch {
    return cut();
  }
  await flow.closed;
  client.close();
}

async function inwards(stream: Socket, flow: Flow): Promise<void> {
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) await flow.write(chunk);
  await flow.closeWrite();
}

/** Resolves when the kernel has got everything that the flow has to say, its end included. */
async function outwards(flow: Flow, stream: Socket): Promise<void> {
  for await (const chunk of flow.readable) {
    // Who waits for each small answer pays 2 µs for it.
    if (stream.writableLength + chunk.length < stream.writableHighWaterMark) stream.write(chunk);
    else await done((callback) => stream.write(chunk, callback));
  }
  await done((callback) => stream.end(callback));
}

function done(call: (callback: (error?: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    call((error) => error ? reject(error) : resolve());
  });
}
