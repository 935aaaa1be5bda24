import type { Socket } from "node:net";
import type { Flow } from "../listener.ts";

/**
 * Carries bytes between a socket of the kernel and a flow until both directions have ended. The end
 * of one direction is carried as such; a reset or any other failure of either cuts both.
 */
export async function splice(socket: Socket, flow: Flow): Promise<void> {
  const cut = () => {
    flow.abort();
    if (!socket.destroyed) socket.resetAndDestroy();
  };
  socket.once("error", cut);
  await Promise.all([inwards(socket, flow).catch(cut), outwards(flow, socket).catch(cut)]);
}

async function inwards(socket: Socket, flow: Flow): Promise<void> {
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) await flow.write(chunk);
  await flow.closeWrite();
}

async function outwards(flow: Flow, socket: Socket): Promise<void> {
  for await (const chunk of flow.readable) {
    if (!socket.write(chunk)) await drained(socket);
  }
  socket.end();
}

/** Waits until the socket takes more. */
function drained(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = () => {
      socket.off("drain", settle);
      socket.off("close", settle);
      if (socket.destroyed) reject(new Deno.errors.ConnectionReset("the client is gone"));
      else resolve();
    };
    socket.on("drain", settle);
    socket.on("close", settle);
  });
}
