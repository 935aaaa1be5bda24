import type { Stack } from "../../stack/stack.ts";
import type { Transition } from "../../stack/tcp/state.ts";
import { DEFAULT_TCP_OPTIONS } from "../../stack/tcp/tcp_options.ts";
import type { End } from "./end.ts";
import { type Plan, usesCookies } from "./plan.ts";
import type { Pair } from "./simulate.ts";

/** What must hold when everything is over; returns what does not, in words. */
export function verify(
  plan: Plan,
  pairs: readonly Pair[],
  stacks: readonly { readonly address: string; readonly stack: Stack }[],
): string[] {
  const faults: string[] = [];
  // A peer that has waited in FIN_WAIT_2 for too long has gone without a word.
  const fair = isFair(plan) &&
    stacks.every(({ stack }) => stack.counters.tcp.finWait2Expired === 0);
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
  for (const { address, stack } of stacks) {
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
  // Behind a cookie the first segment must come first: what overtakes it is refused.
  return plan.partitions.length === 0 && !plan.stations.some(usesCookies) &&
    plan.paths.flat().every(({ loss = 0, burst }) => loss <= 0.05 && burst === undefined);
}

function verifyStream(side: End, other: End, fail: (what: string) => void): void {
  if (side.read > other.written) fail(`read ${side.read} of ${other.written} bytes`);
  if (!side.ended) return;
  if (other.goodbye === "none") fail("saw an end that the peer has not said");
  if (side.read !== other.written) {
    fail(`saw the end after ${side.read} of ${other.written} bytes`);
  }
}

/** Whether the reason that a side was given has a cause. */
function verifyEnd(side: End, other: End, fair: boolean, fail: (what: string) => void): void {
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
      // A late copy of a SYN may take the place of one whose handshake is not over.
      if (fair && other.begun && other.reasons[0] !== "aborted") {
        fail(`reset, and the peer ${other.reasons[0]}`);
      }
      break;
    case "timeout":
    case "unreachable":
      // A reset may have been lost, and nobody repeats one that nobody asks for.
      // All requests of ARP may be lost where each frame may: then it never began.
      if (fair && !other.aborted && (side.begun || side.reasons[0] === "timeout")) {
        fail(`${side.reasons[0]} in fair weather`);
      }
      break;
    case undefined:
      break;
    default:
      fail(`ended by ${side.reasons[0]}`);
  }
}

/** Where each state may lead (RFC 9293 section 3.3.2, figure 5, and the ends that it leaves out). */
const LEGAL: Readonly<Record<string, readonly string[]>> = {
  Closed: ["Listen", "Syn_sent"],
  Listen: ["Syn_rcvd"],
  Syn_sent: ["Syn_rcvd", "Established", "Closed"],
  Syn_rcvd: ["Established", "Closed"],
  Established: ["Fin_wait_1", "Close_wait", "Closed"],
  Fin_wait_1: ["Fin_wait_2", "Closing", "Closed"],
  Fin_wait_2: ["Fin_wait_2", "Time_wait", "Closed"],
  Close_wait: ["Last_ack", "Closed"],
  Closing: ["Time_wait", "Closed"],
  Last_ack: ["Closed"],
  Time_wait: ["Closed"],
};

/** Each connection's states must follow one another without a gap, as the figure has them. */
export class Transitions {
  readonly #states = new Map<string, string>();
  readonly #faults: string[] = [];

  /** A connection of the stack with this address has changed its state. */
  add(address: string, { peer, from, to }: Transition): void {
    const key = `${address} ${peer}`;
    const before = this.#states.get(key) ?? "Closed";
    // The number of Fin_wait_2 counts on, that of Syn_sent goes with an event of its own.
    if (before !== from) this.#faults.push(`${key} was in ${before}, and now leaves ${from}`);
    if (!LEGAL[nameOf(from)]?.includes(nameOf(to))) this.#faults.push(`${key}: ${from} to ${to}`);
    this.#states.set(key, to);
  }

  /** What was wrong, and who is left. */
  verify(): string[] {
    for (const [key, state] of this.#states) {
      if (state !== "Closed") this.#faults.push(`${key} is left in ${state}`);
    }
    return this.#faults;
  }
}

function nameOf(state: string): string {
  const space = state.indexOf(" ");
  return space < 0 ? state : state.slice(0, space);
}
