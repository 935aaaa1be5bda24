import type { Lan } from "../../runtime/testing/lan.ts";
import { DEFAULT_TCP_OPTIONS } from "../../stack/tcp/tcp_options.ts";
import type { Plan } from "./plan.ts";
import type { Side } from "./side.ts";
import type { Pair } from "./simulate.ts";

/** What must hold when everything is over; returns what does not, in words. */
export function verify(plan: Plan, pairs: readonly Pair[], lan: Lan): string[] {
  const faults: string[] = [];
  const fair = isFair(plan);
  for (const [index, { sides: [a, b] }] of pairs.entries()) {
    const who = ["opener", "acceptor"];
    for (const [i, [side, other]] of ([[a, b], [b, a]] as const).entries()) {
      const fail = (what: string) => faults.push(`connection ${index}, ${who[i]}: ${what}`);
      side.faults.forEach(fail);
      verifyStream(side, other, fail);
      verifyEnd(side, other, fair, fail);
    }
    if (a.reasons.length !== 1) faults.push(`connection ${index}, opener: ended ${a.reasons}`);
    if (b.begun && b.reasons.length !== 1) {
      faults.push(`connection ${index}, acceptor: ended ${b.reasons}`);
    }
    if (b.begun === false && a.reasons[0] === "closed") {
      faults.push(`connection ${index}: closed in good order, and never accepted`);
    }
  }
  faults.push(...verifyTransitions(lan.transitions));
  for (const { address, stack } of lan.stations) {
    const { connections, halfOpen, timeWait, timers } = stack.census();
    if (connections + halfOpen + timeWait + timers > 0 || stack.nextDeadline() !== Infinity) {
      faults.push(
        `${address} is left with ${JSON.stringify(stack.census())}, next deadline ` +
          `${stack.nextDeadline()}`,
      );
    }
  }
  return faults;
}

/** Nothing in the weather of this plan may end a connection. */
export function isFair(plan: Plan): boolean {
  return plan.partitions.length === 0 &&
    plan.paths.every(({ loss = 0, burst }) => loss <= 0.05 && burst === undefined);
}

function verifyStream(side: Side, other: Side, fail: (what: string) => void): void {
  if (side.read > other.written) fail(`read ${side.read} of ${other.written} bytes`);
  if (!side.ended) return;
  if (other.goodbye === "none") fail("saw an end that the peer has not said");
  if (side.read !== other.written) {
    fail(`saw the end after ${side.read} of ${other.written} bytes`);
  }
}

/** Whether the reason that a side was given has a cause. */
function verifyEnd(side: Side, other: Side, fair: boolean, fail: (what: string) => void): void {
  switch (side.reasons[0]) {
    case "closed":
      if (side.goodbye === "none") fail("closed in good order without having said goodbye");
      // The peer has acknowledged everything: if it came to a good end it has read everything.
      if (other.reasons[0] === "closed" && !other.ended && other.goodbye !== "whole") {
        fail("closed in good order, and the peer never saw the end");
      }
      break;
    case "aborted":
      // Or its lingering close has lasted too long.
      if (!side.aborted && side.endedAt - side.closedAt < DEFAULT_TCP_OPTIONS.lingerTimeout) {
        fail("aborted without having asked for it");
      }
      break;
    case "reset":
      if (fair && other.reasons[0] !== "aborted") fail(`reset, and the peer ${other.reasons[0]}`);
      break;
    case "timeout":
    case "unreachable":
      if (fair) fail(`${side.reasons[0]} in fair weather`);
      break;
    case undefined:
      break;
    default:
      fail(`ended by ${side.reasons[0]}`);
  }
}

/** Each connection's states must follow one another without a gap. */
function verifyTransitions(lines: readonly string[]): string[] {
  const faults: string[] = [];
  const states = new Map<string, string>();
  for (const line of lines) {
    const match = /^(\S+ \S+) \{ (.*?) \} {2}- (.*?) -> {2}\{ (.*?) \}$/.exec(line);
    if (match === null) {
      faults.push(`not a transition: ${line}`);
      continue;
    }
    const [, ends, from, , to] = match;
    const before = states.get(ends!) ?? "Closed";
    // The number of Fin_wait_2 counts on, that of Syn_sent goes with an event of its own.
    if (before !== from) faults.push(`was in ${before}: ${line}`);
    states.set(ends!, to!);
  }
  for (const [ends, state] of states) {
    if (state !== "Closed") faults.push(`${ends} is left in ${state}`);
  }
  return faults;
}
