import type { TcpState } from "./api.ts";

/** What moves a connection from one state to another, as it is written in a trace. */
export type TcpEvent =
  | "Passive_open"
  | "Send_syn"
  | "Send_synack"
  | "Recv_synack"
  | "Recv_ack"
  | "Send_fin"
  | "Recv_fin"
  | "Recv_rst"
  | "Send_rst"
  | "Timeout";

/** One transition of one connection, in the words of a trace. */
export interface Transition {
  /** The peer: `192.168.69.1:37629`. */
  readonly peer: string;
  /** State before, with its number: `Syn_rcvd 452873839`. */
  readonly from: string;
  /** Event, with its number: `Recv_ack 452873840`. */
  readonly event: string;
  /** State after, with its number. */
  readonly to: string;
}

/**
 * The whole life of a connection (RFC 9293 section 3.3.2, figure 5). `Recv_ack` and `Recv_synack`
 * mean an acknowledgment of what the state waits for: the SYN in Syn_sent and Syn_rcvd, the FIN in
 * Fin_wait_1, Closing and Last_ack; in Fin_wait_2 any one, which its number counts.
 *
 * Two edges of the figure are missing on purpose. Syn_rcvd has no `Send_fin`: nobody holds a
 * connection that could be closed before it is Established. Time_wait ends by `Timeout` also when
 * a new SYN cuts it short (RFC 9293 section 3.10.7.4).
 */
const TRANSITIONS: Readonly<Record<TcpState, Partial<Record<TcpEvent, TcpState>>>> = {
  Closed: { Passive_open: "Listen", Send_syn: "Syn_sent" },
  Listen: { Send_synack: "Syn_rcvd" },
  Syn_sent: {
    Recv_synack: "Established",
    Send_synack: "Syn_rcvd", // simultaneous open
    Recv_rst: "Closed",
    Send_rst: "Closed",
    Timeout: "Closed",
  },
  Syn_rcvd: {
    Recv_ack: "Established",
    Recv_synack: "Established", // simultaneous open
    Recv_rst: "Closed",
    Send_rst: "Closed",
    Timeout: "Closed",
  },
  Established: {
    Send_fin: "Fin_wait_1",
    Recv_fin: "Close_wait",
    Recv_rst: "Closed",
    Send_rst: "Closed",
    Timeout: "Closed",
  },
  Fin_wait_1: {
    Recv_ack: "Fin_wait_2",
    Recv_fin: "Closing",
    Recv_rst: "Closed",
    Send_rst: "Closed",
    Timeout: "Closed",
  },
  Fin_wait_2: {
    Recv_ack: "Fin_wait_2",
    Recv_fin: "Time_wait",
    Recv_rst: "Closed",
    Send_rst: "Closed",
    Timeout: "Closed",
  },
  Close_wait: {
    Send_fin: "Last_ack",
    Recv_rst: "Closed",
    Send_rst: "Closed",
    Timeout: "Closed",
  },
  Closing: {
    Recv_ack: "Time_wait",
    Recv_rst: "Closed",
    Send_rst: "Closed",
    Timeout: "Closed",
  },
  Last_ack: {
    Recv_ack: "Closed",
    Recv_rst: "Closed",
    Send_rst: "Closed",
    Timeout: "Closed",
  },
  Time_wait: { Timeout: "Closed" },
};

/**
 * The state that follows, or `undefined` where the event cannot happen in this state.
 *
 * @param state The state before.
 * @param event What happens.
 */
export function nextState(state: TcpState, event: TcpEvent): TcpState | undefined {
  return TRANSITIONS[state][event];
}

/** The handshake is complete (RFC 9293 section 3.3.2: a synchronized state). */
export function isSynchronized(state: TcpState): boolean {
  return state !== "Closed" && state !== "Listen" && state !== "Syn_sent" && state !== "Syn_rcvd";
}

/** The peer may still send data that we take: its FIN has not been processed. */
export function canReceive(state: TcpState): boolean {
  return state === "Established" || state === "Fin_wait_1" || state === "Fin_wait_2";
}

/**
 * A transition as one line, in the exact format of a trace.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { formatTransition } from "taproom";
 *
 * assertEquals(
 *   formatTransition({
 *     peer: "192.168.69.1:37629",
 *     from: "Syn_rcvd 452873839",
 *     event: "Recv_ack 452873840",
 *     to: "Established",
 *   }),
 *   "192.168.69.1:37629 { Syn_rcvd 452873839 }  - Recv_ack 452873840 ->  { Established }",
 * );
 * ```
 */
export function formatTransition(transition: Transition): string {
  const { peer, from, event, to } = transition;
  return `${peer} { ${from} }  - ${event} ->  { ${to} }`;
}
