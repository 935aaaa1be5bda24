import { Socket } from "node:net";
import process from "node:process";
import { ignore } from "../errors.ts";

/** Deno's pipe handle, as far as it is needed here: `open` takes a descriptor over; 0 if it did. */
type PipeClass = new (type: number) => { open(descriptor: number): number };

/** A client of a gateway: a TCP connection that the kernel has accepted. */
export class GatewayClient {
  /** Its bytes, both ways. */
  readonly stream: Socket;
  readonly #socket: Socket;

  /** @param socket The connection, paused, nothing read from it yet. */
  constructor(socket: Socket) {
    this.#socket = socket.on("error", ignore);
    this.stream = duplicate(socket) ?? socket;
    this.stream.on("error", ignore); // Whoever reads or writes learns of it.
    this.stream.on("close", () => socket.destroy());
  }

  /** Whether the kernel has got everything that it is to send, the end included. */
  get delivered(): boolean {
    return this.stream.writableFinished;
  }

  /** Reads and writes no more; the kernel still sends what it has got. */
  close(): void {
    this.stream.destroy();
  }

  /** Resets the connection. Harmless after the end. */
  reset(): void {
    this.#socket.resetAndDestroy();
    this.stream.destroy();
  }
}

/**
 * A second stream over a connection, which is closed when both streams are.
 *
 * Deno 2.9.6 takes a client that half-closes before it has sent anything for one that is gone: any
 * write to its TCP handle that does not complete at once fails with EPIPE, and the answer is lost.
 * Its pipe handle is the same but for that, and reads and writes any descriptor. Only the TCP
 * handle can reset, so both are needed. (A `Deno.Conn` loses nothing, but says FIN before any reset.)
 *
 * @returns `undefined` where Deno does not let us do so; then the TCP handle has to do.
 */
function duplicate(socket: Socket): Socket | undefined {
  const { binding } = process as unknown as { binding(name: "pipe_wrap"): { Pipe: PipeClass } };
  const { _handle: tcp } = socket as unknown as { _handle: { fdForIpc(): number } };
  try {
    const handle = new (binding("pipe_wrap").Pipe)(0);
    const descriptor = tcp.fdForIpc();
    if (descriptor < 0 || handle.open(descriptor) !== 0) return undefined;
    return new Socket({ handle, allowHalfOpen: true } as ConstructorParameters<typeof Socket>[0]);
  } catch {
    return undefined;
  }
}
