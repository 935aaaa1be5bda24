import { setImmediate } from "node:timers";

/**
 * One turn of the event loop: everything that waits only for promises, web streams included, has
 * run when it resolves. Takes microseconds, not milliseconds.
 */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
