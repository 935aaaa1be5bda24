/**
 * Says one thing to whoever connects, and closes.
 *
 * Options: `message`, what it says; `"I made a string!"` by default.
 *
 * @module
 */
import type { Listener } from "../mod.ts";

export default function goodbye(options: Record<string, unknown>): Listener {
  const { message = "I made a string!", ...others } = options;
  if (typeof message !== "string") {
    throw new TypeError(`options.message: expected a text, found ${JSON.stringify(message)}`);
  }
  for (const name of Object.keys(others)) {
    throw new TypeError(`options.${name}: unknown option, expected message`);
  }
  const bytes = new TextEncoder().encode(message);
  return {
    async flow(flow, context) {
      context.log.info("goodbye");
      await flow.write(bytes);
    },
  };
}
