/**
 * Echo Protocol (RFC 862): sends back whatever it receives, until the peer closes.
 *
 * @module
 */
import type { Listener } from "../mod.ts";

export default {
  async flow(flow) {
    await flow.readable.pipeTo(flow.writable);
  },
} satisfies Listener;
