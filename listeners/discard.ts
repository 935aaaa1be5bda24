/**
 * Discard Protocol (RFC 863): throws away whatever it receives, until the peer closes.
 *
 * @module
 */
import type { Listener } from "../mod.ts";

/** Where discarded bytes go, for all flows. */
const nowhere = new Uint8Array(65536);

export default {
  async flow(flow) {
    while (await flow.read(nowhere) !== null);
  },
} satisfies Listener;
