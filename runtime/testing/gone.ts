import type { Stack } from "../../stack/stack.ts";

/**
 * Checks that a stack holds nothing any more: no connection in any state, no timer. Ports that are
 * listened on may stay open.
 *
 * @throws {Error} If something is left; the message says what.
 */
export function gone(stack: Stack): void {
  const { connections, halfOpen, orphans, timeWait, timers } = stack.census();
  const deadline = stack.nextDeadline();
  if (connections + halfOpen + orphans + timeWait + timers === 0 && deadline === Infinity) return;
  throw new Error(
    `Expected nothing left in the stack, found ${connections} connections, ${halfOpen} half-open, ` +
      `${orphans} orphans, ${timeWait} in TIME_WAIT, ${timers} timers, next deadline ${deadline}`,
  );
}
