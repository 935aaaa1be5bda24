import type { ObservedConnection } from "../../../runtime/testing/observed_connection.ts";
import {
  type ObservedAttempt,
  type Scenario,
  scenario,
} from "../../../runtime/testing/scenario.ts";
import type { ReceivedSegment, ScriptedPeer } from "../../../runtime/testing/scripted_peer.ts";
import { type Cell, type Expected, flagsOf, type State, TEXT } from "./cell.ts";

/** A stack that has been brought into a state, and the numbers of that moment. */
interface Stage {
  readonly t: Scenario;
  readonly peer: ScriptedPeer;
  readonly app: () => ObservedConnection | undefined;
  /** From here on all relative to the two SYNs. */
  readonly rcvNxt: number;
  readonly rcvWnd: number;
  readonly sndUna: number;
  readonly sndNxt: number;
}

/** The window field of every segment of the peer, which never scales: MAX.SND.WND. */
const PEER_WINDOW = 5_000;
/** Bytes in flight in Established and Close_wait. */
const IN_FLIGHT = 100;
/** Longest that an answer to text in order may take (RFC 9293 section 3.8.6.3), with room before our
 * first retransmission. */
const DELAYED_ACK = 150;
/** What the peer's SYN is numbered relative to in the states that know none. */
const SOMEWHERE = 5_000_000;

/** What came of a cell. */
export interface Observed extends Expected {
  /** The trace of the run. */
  readonly trace: string;
}

/** Brings a fresh stack into the state of the cell, sends the segment, and looks. */
export function drive(cell: Cell): Observed {
  const stage = begin(cell);
  const { t, peer, app, rcvNxt, rcvWnd, sndUna, sndNxt } = stage;
  const seq = rcvNxt + {
    "below": -100,
    "just below": -1,
    "at": 0,
    "inside": 100,
    "edge": rcvWnd - 1,
    "beyond": rcvWnd,
  }[cell.seq];
  const ack = cell.ack === undefined ? 0 : {
    "ancient": sndUna - PEER_WINDOW - 1,
    "old": sndUna - 1,
    "duplicate": sndUna,
    "acceptable": sndNxt,
    "unsent": sndNxt + 1,
  }[cell.ack];
  const base = peer.remoteIsn ?? SOMEWHERE;
  const words = [`seq=${seq}`];
  if (cell.ack !== undefined) words.push(`ack=@${(base + ack) >>> 0}`);
  if (cell.text) words.push(`len=${TEXT}`);
  peer.send([...flagsOf(cell), ...words].join(" "));
  const replies = peer.drain();
  t.advance(DELAYED_ACK);
  replies.push(...peer.drain());
  const length = cell.text ? TEXT : 0;
  const control = flagsOf(cell).filter((flag) => flag === "SYN" || flag === "FIN").length;
  return {
    replies: replies.map((reply) =>
      describe(reply, { stage, seq, end: seq + length + control, ack, base })
    ),
    next: stateOf(t, cell.state),
    readable: app()?.connection.readableBytes ?? 0,
    trace: t.traceText(),
  };
}

/** An answer in the symbols of the oracle. */
function describe(
  reply: ReceivedSegment,
  at: { stage: Stage; seq: number; end: number; ack: number; base: number },
): string {
  const { peer, rcvNxt, sndNxt } = at.stage;
  const flags = reply.flags.filter((flag) => flag !== "PSH").join(" ");
  const seq = (reply.seq - at.base) | 0;
  const words = [flags];
  // A new connection has a number of its own, which only the stack knows.
  const isNew = reply.flags.includes("SYN") && at.base !== SOMEWHERE && seq !== 0;
  if (flags === "RST ACK" && reply.seq === 0) words.push("seq=0");
  else if (flags === "RST") words.push(seq === at.ack ? "seq=SEG.ACK" : `seq=${seq}`);
  else if (isNew) words.push("seq=*");
  else if (reply.flags.includes("SYN")) words.push("seq=ISS");
  else words.push(seq === sndNxt ? "seq=SND.NXT" : `seq=${seq}`);
  if (reply.flags.includes("ACK")) {
    const ack = (reply.ack - peer.isn) | 0;
    if (reply.flags.includes("SYN")) words.push(`ack=SEG.SEQ+${ack - at.seq}`);
    else if (flags === "RST ACK") {
      words.push(ack === at.end ? "ack=SEG.SEQ+SEG.LEN" : `ack=SEG.SEQ+${ack - at.seq}`);
    } else if (rcvNxt === UNKNOWN) words.push(`ack=SEG.SEQ+${ack - at.seq}`);
    else words.push(ack === rcvNxt ? "ack=RCV.NXT" : `ack=RCV.NXT+${ack - rcvNxt}`);
  }
  if (reply.payload.length > 0) words.push(`len=${reply.payload.length}`);
  return words.join(" ");
}

/** RCV.NXT where there is none yet. */
const UNKNOWN = 100_000;

function stateOf(t: Scenario, before: State): State | "gone" {
  if (t.stack.census().connections === 0) return "gone";
  const line = t.log.findLast((line) => line.includes("->"));
  const state = /-> {2}\{ (\w+)/.exec(line ?? "")?.[1] as State;
  const both = before === "Syn_sent" || before === "Syn_rcvd, both opened";
  return state === "Syn_rcvd" && both ? "Syn_rcvd, both opened" : state;
}

function begin({ state, left }: Cell): Stage {
  const actively = state === "Syn_sent" || state === "Syn_rcvd, both opened";
  const t = scenario(state === "Closed" || actively ? {} : { listen: 80 });
  const peer = t.peer(actively ? { port: 80 } : { to: 80 });
  peer.win = PEER_WINDOW;
  let attempt: ObservedAttempt | undefined;
  const app = () => attempt?.connection ?? t.accepted.at(-1);
  let edge = UNKNOWN + 65_535;
  let rcvNxt = UNKNOWN;
  let sndUna = 0;
  let sndNxt = 0;
  /** Whatever the stack says now moves the numbers as it says. */
  const look = () => {
    for (const { ack, seq, flags, window, payload } of peer.drain()) {
      const start = (seq - peer.remoteIsn!) | 0;
      const control = flags.filter((flag) => flag === "SYN" || flag === "FIN").length;
      sndNxt = Math.max(sndNxt, start + payload.length + control);
      if (!flags.includes("ACK")) continue;
      rcvNxt = (ack - peer.isn) | 0;
      edge = rcvNxt + window;
    }
  };
  const goodbye = () => {
    if (left) app()!.connection.close();
    else app()!.connection.closeWrite();
    look();
  };
  const send = (script: string) => {
    peer.send(script);
    sndUna = peer.rcvNxt;
    look();
  };
  if (actively) {
    attempt = t.connect(peer);
    look();
    if (state === "Syn_rcvd, both opened") {
      peer.send("SYN seq=0 mss=1460");
      look();
    }
  } else if (state !== "Closed" && state !== "Listen") {
    peer.send("SYN seq=0 mss=1460");
    look();
    if (state !== "Syn_rcvd") {
      send("ACK seq=1 ack=1");
      // The first text has come and is acknowledged, so that below RCV.NXT lies more than the SYN.
      send("ACK PSH seq=1 ack=1 len=200");
      t.advance(DELAYED_ACK);
      look();
      app()!.read();
    }
  }
  switch (state) {
    case "Established":
      app()!.write(new Uint8Array(IN_FLIGHT));
      look();
      break;
    case "Fin_wait_1":
      goodbye();
      break;
    case "Fin_wait_2":
      goodbye();
      send("ACK seq=201 ack=2");
      break;
    case "Close_wait":
      send("FIN ACK seq=201 ack=1");
      app()!.write(new Uint8Array(IN_FLIGHT));
      look();
      break;
    case "Closing":
      goodbye();
      peer.send("FIN ACK seq=201 ack=1");
      look();
      break;
    case "Last_ack":
      send("FIN ACK seq=201 ack=1");
      goodbye();
      break;
    case "Time_wait":
      goodbye();
      send("ACK seq=201 ack=2");
      send("FIN ACK seq=201 ack=2");
      break;
  }
  return { t, peer, app, rcvNxt, rcvWnd: edge - rcvNxt, sndUna, sndNxt };
}
