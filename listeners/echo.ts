/**
 * Echo Protocol (RFC 862): sends back whatever it receives, until the peer closes.
 *
 * `flow.readable.pipeTo(flow.writable)` does the same in one line; a buffer that is used again takes
 * half the time. It is small as long as that is enough, since an idle flow keeps it.
 *
 * @module
 */
import type { Listener } from "../mod.ts";

/** Bytes that are echoed at a time, by who says little and by who says more. */
const SMALL = 512;
const LARGE = 16_384;

export default {
  async flow(flow) {
    let buffer = new Uint8Array(SMALL);
    for (let length; (length = await flow.read(buffer)) !== null;) {
      await flow.write(buffer.subarray(0, length));
      if (length === SMALL) buffer = new Uint8Array(LARGE);
    }
  },
} satisfies Listener;
