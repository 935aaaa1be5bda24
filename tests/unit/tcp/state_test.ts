import { assertEquals } from "@std/assert";
import type { TcpState } from "../../../stack/tcp/api.ts";
import {
  canReceive,
  formatTransition,
  isSynchronized,
  nextState,
  type TcpEvent,
} from "../../../stack/tcp/state.ts";

const EVENTS: TcpEvent[] = [
  "Passive_open",
  "Send_syn",
  "Send_synack",
  "Recv_synack",
  "Recv_ack",
  "Send_fin",
  "Recv_fin",
  "Recv_rst",
  "Send_rst",
  "Timeout",
];

/** RFC 9293 figure 5, read by hand; "." where the event cannot happen. In the order of EVENTS. */
const FIGURE: Record<TcpState, string> = {
  Closed: "Listen Syn_sent . . . . . . . .",
  Listen: ". . Syn_rcvd . . . . . . .",
  Syn_sent: ". . Syn_rcvd Established . . . Closed Closed Closed",
  Syn_rcvd: ". . . Established Established . . Closed Closed Closed",
  Established: ". . . . . Fin_wait_1 Close_wait Closed Closed Closed",
  Fin_wait_1: ". . . . Fin_wait_2 . Closing Closed Closed Closed",
  Fin_wait_2: ". . . . Fin_wait_2 . Time_wait Closed Closed Closed",
  Close_wait: ". . . . . Last_ack . Closed Closed Closed",
  Closing: ". . . . Time_wait . . Closed Closed Closed",
  Last_ack: ". . . . Closed . . Closed Closed Closed",
  Time_wait: ". . . . . . . . . Closed",
};

Deno.test("every state goes where RFC 9293 says, for every event, and nowhere else", () => {
  for (const [state, row] of Object.entries(FIGURE)) {
    const found = EVENTS.map((event) => nextState(state as TcpState, event) ?? ".");
    assertEquals(found.join(" "), row, state);
  }
});

Deno.test("the states before the handshake is complete are the unsynchronized ones", () => {
  const states = Object.keys(FIGURE) as TcpState[];
  assertEquals(states.filter((state) => !isSynchronized(state)), [
    "Closed",
    "Listen",
    "Syn_sent",
    "Syn_rcvd",
  ]);
  assertEquals(states.filter(canReceive), ["Established", "Fin_wait_1", "Fin_wait_2"]);
});

Deno.test("a transition is one line with two spaces before the dash and after the arrow", () => {
  assertEquals(
    formatTransition({
      peer: "192.168.69.1:37629",
      from: "Syn_rcvd 452873839",
      event: "Recv_ack 452873840",
      to: "Established",
    }),
    "192.168.69.1:37629 { Syn_rcvd 452873839 }  - Recv_ack 452873840 ->  { Established }",
  );
});
