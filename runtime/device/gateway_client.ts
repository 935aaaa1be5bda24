import { Socket } from "node:net";
import process from "node:process";
import { ignore } from "../errors.ts";

/** Deno's pipe handle, as far as it is needed here: `open` takes a descriptor over; 0 if it did. */
type PipeClass = new (type: number) => { open(descriptor: number): number };

/** A client of a gateway: a TCP connection that the kernel has accepted. */
export class GatewayClient {
  /** Where its bytes are read. Any failure is an error here, those of the writer included. */
  readonly reader: Socket;
  #writer: Socket | undefined;

  /** @param socket The connection, half-open when the client has ended its side. */
  constructor(socket: Socket) {
    this.reader = socket;
    socket.on("error", ignore); // Whoever reads or writes learns of it.
  }

  /** Where bytes for it are written. To be asked for when there are some, not before. */
  get writer(): Socket {
    const { reader } = this;
    this.#writer ??= (reader.bytesRead > 0 ? undefined : secondWriter(reader)) ?? reader;
    return this.#writer;
  }

  /** Whether the kernel has got everything that it is to send, the end included. */
  get delivered(): boolean {
    return this.#writer?.writableFinished ?? false;
  }

  /** Reads and writes no more; the kernel still sends what it has got. */
  close(): void {
    this.reader.destroy();
    this.#writer?.destroy();
  }

  /** Resets the connection. Harmless after the end. */
  reset(): void {
    this.reader.resetAndDestroy();
    this.#writer?.destroy();
  }
}

/**
 * A stream to write to a client that has not sent anything yet.
 *
 * Deno 2.9.6 takes such a client for gone when it half-closes: any write to its TCP handle that
 * does not complete at once then fails with EPIPE, and the answer is lost. Deno's pipe handle is
 * not like that, and writes to any descriptor. It cannot reset: for that, and for reading, the TCP
 * handle is kept. (A `Deno.Conn` loses nothing, but cannot reset: it always says FIN first.)
 *
 * @returns `undefined` where Deno does not let us do so; then the TCP handle has to do.
 */
function secondWriter(socket: Socket): Socket | undefined {
  const { binding } = process as unknown as { binding(name: "pipe_wrap"): { Pipe: PipeClass } };
  const { _handle: tcp } = socket as unknown as { _handle: { fdForIpc(): number } };
  try {
    const handle = new (binding("pipe_wrap").Pipe)(0);
    const descriptor = tcp.fdForIpc(); // A duplicate, which is ours.
    if (descriptor < 0 || handle.open(descriptor) !== 0) return undefined;
    const options = { handle, readable: false };
    const writer = new Socket(options as ConstructorParameters<typeof Socket>[0]);
    writer.on("error", (error) => socket.destroy(error));
    return writer;
  } catch {
    return undefined;
  }
}
