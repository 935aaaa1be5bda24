import type { FlowCore } from "./flow_core.ts";

/** Most bytes in one chunk of a readable stream. */
const CHUNK = 65536;

/**
 * What a connection receives, as a byte stream without a queue of its own: a chunk is made when it
 * is asked for and bytes have arrived, so backpressure reaches the peer's window.
 */
export function readableOf(core: FlowCore): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    type: "bytes",
    start(controller) {
      core.end.then(() => {
        // Bytes that have arrived are still read; the error comes behind them.
        if (core.available === 0 && core.readError) controller.error(core.readError);
      });
    },
    pull(controller) {
      return core.available > 0 ? deliver(core, controller) : waitAndDeliver(core, controller);
    },
    cancel() {
      core.close();
    },
  }, { highWaterMark: 0 });
}

async function waitAndDeliver(
  core: FlowCore,
  controller: ReadableByteStreamController,
): Promise<void> {
  // Somebody else may read first what this woke up for.
  do {
    if (await core.read() === null) {
      controller.close();
      controller.byobRequest?.respond(0);
      return;
    }
  } while (core.available === 0);
  deliver(core, controller);
}

function deliver(core: FlowCore, controller: ReadableByteStreamController): void {
  const request = controller.byobRequest;
  if (request) {
    const { buffer, byteOffset, byteLength } = request.view!;
    request.respond(core.connection.read(new Uint8Array(buffer, byteOffset, byteLength)));
  } else {
    const chunk = new Uint8Array(Math.min(core.available, CHUNK));
    core.connection.read(chunk);
    controller.enqueue(chunk);
  }
}

/** A stream into a connection: closing it says FIN, aborting it resets. */
export function writableOf(core: FlowCore): WritableStream<Uint8Array<ArrayBufferLike>> {
  return new WritableStream({
    start(controller) {
      core.end.then(() => controller.error(core.writeError));
    },
    async write(chunk) {
      if (!(chunk instanceof Uint8Array)) {
        throw new TypeError(`expected chunks of Uint8Array, found ${typeof chunk} ${chunk}`);
      }
      await core.write(chunk);
    },
    close() {
      return core.closeWrite();
    },
    abort() {
      // After close() it is the goodbye that cut the source: no failure to tell the peer of.
      if (!core.released) core.abort();
    },
  });
}
