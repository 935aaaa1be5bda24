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
  const cut = () => {
    flow.abort();
    client.reset();
  };
  if (client.reader.destroyed) return cut();
  client.reader.once("error", cut);
  // It fails when one of the two has ended, which is told below or above.
  inwards(client.reader, flow).catch(ignore);
  try {
    await outwards(flow, client);
  } catch {
    return cut();
  }
  await flow.closed;
  client.close();
}

async function inwards(reader: Socket, flow: Flow): Promise<void> {
  for await (const chunk of reader.iterator({ destroyOnReturn: false })) await flow.write(chunk);
  await flow.closeWrite();
}

/** Resolves when the kernel has got everything that the flow has to say, its end included. */
async function outwards(flow: Flow, client: GatewayClient): Promise<void> {
  for await (const chunk of flow.readable) {
    const { writer } = client;
    // To wait costs 2 µs; when a small chunk fails, the reader says so.
    if (writer.writableLength + chunk.length < writer.writableHighWaterMark) writer.write(chunk);
    else await done((callback) => writer.write(chunk, callback));
  }
  await done((callback) => client.writer.end(callback));
}

function done(call: (callback: (error?: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    call((error) => error ? reject(error) : resolve());
  });
}
