/**
 * Daytime Protocol (RFC 867): says what day and time it is, in UTC, and closes.
 *
 * @module
 */
import type { Listener } from "../mod.ts";

export default {
  async flow(flow) {
    await flow.write(new TextEncoder().encode(`${new Date().toUTCString()}\r\n`));
  },
} satisfies Listener;
