// What must come of each cell, rule by rule, in the order of RFC 9293 section 3.10.7. Nothing here
// knows the stack; where the RFC leaves a choice, or TCP-SCENARIOS pins one, the rule says DECIDED.
import { type Cell, type Expected, flagsOf, type State, TEXT } from "./cell.ts";

/** The answer that says where we stand: also the challenge ACK of RFC 5961. */
const ACKNOWLEDGMENT = "ACK seq=SND.NXT ack=RCV.NXT";

/** What must come of a cell. */
export function expected(cell: Cell): Expected {
  switch (cell.state) {
    case "Closed":
      return inClosed(cell);
    case "Listen":
      return inListen(cell);
    case "Syn_sent":
      return inSynSent(cell);
    default:
      return inOtherStates(cell);
  }
}

/** Section 3.10.7.1: a segment for no connection. */
function inClosed(cell: Cell): Expected {
  const { rst, ack } = bits(cell);
  if (rst) return silence("gone");
  // "If the ACK bit is off, sequence number zero is used" ... "If the ACK bit is on ..."
  return ack
    ? reply("gone", "RST seq=SEG.ACK")
    : reply("gone", "RST ACK seq=0 ack=SEG.SEQ+SEG.LEN");
}

/** Section 3.10.7.2: whether a segment begins a connection. */
function inListen(cell: Cell): Expected {
  const { rst, ack, syn } = bits(cell);
  if (rst) return silence("gone"); // "An incoming RST segment ... should be ignored."
  if (ack) return reply("gone", "RST seq=SEG.ACK");
  // "RCV.NXT is set to SEG.SEQ+1": text in the SYN is not taken, and comes again.
  if (syn) return reply("Syn_rcvd", "SYN ACK seq=ISS ack=SEG.SEQ+1");
  return silence("gone"); // "Any other data or control-bearing segment" without ACK is dropped.
}

/** Section 3.10.7.3. */
function inSynSent(cell: Cell): Expected {
  const { rst, ack, syn, text } = bits(cell);
  // First: "If SEG.ACK =< ISS or SEG.ACK > SND.NXT, send a reset (unless the RST bit is set)".
  if (ack && cell.ack !== "acceptable") {
    return rst ? silence("Syn_sent") : reply("Syn_sent", "RST seq=SEG.ACK");
  }
  // Second: a reset counts only if its acknowledgment is acceptable.
  if (rst) return ack ? silence("gone") : silence("Syn_sent");
  // Fifth: "if neither of the SYN or RST bits is set, then drop the segment".
  if (!syn) return silence("Syn_sent");
  // Fourth: our SYN is acknowledged; text is "processed at the sixth step".
  if (ack) {
    return {
      replies: [`ACK seq=SND.NXT ack=SEG.SEQ+${1 + text}`],
      next: "Established",
      readable: text,
    };
  }
  // Simultaneous open.
  return reply("Syn_rcvd, both opened", "SYN ACK seq=ISS ack=SEG.SEQ+1");
}

/** Section 3.10.7.4. */
function inOtherStates(cell: Cell): Expected {
  const { rst, syn, ack } = bits(cell);
  const { state } = cell;
  // DECIDED (L9, L10): before anything else, a SYN in a passive Syn_rcvd is the peer's attempt to
  // open, the same again or a new one in its place: it is answered as in Listen. RFC 9293 returns
  // to LISTEN for one in the window, and the peer would have to send it once more.
  if (state === "Syn_rcvd" && syn && !ack) {
    return reply("Syn_rcvd", "SYN ACK seq=ISS ack=SEG.SEQ+1");
  }
  if (state === "Time_wait" && syn && !ack) return synInTimeWait(cell);
  // The SYN of both is answered by SYN-ACK (figure 7): its SYN is old, its ACK counts.
  if (state === "Syn_rcvd, both opened" && syn && ack && isPeersSyn(cell)) {
    return inWindow({ ...cell, control: "ACK", seq: "at" });
  }
  if (rst) return reset(cell);
  // RFC 5961 section 4, for the synchronized states: "irrespective of the sequence number".
  // DECIDED: in Syn_rcvd as well, so that no stranger's SYN or SYN-ACK can end a handshake. The
  // same SYN again after both have opened is no attempt of a stranger: our SYN-ACK was lost.
  if (syn) {
    if (state === "Syn_rcvd, both opened" && !ack && isPeersSyn(cell)) {
      return reply(state, "SYN ACK seq=ISS ack=SEG.SEQ+1");
    }
    if (state === "Syn_rcvd, both opened" && !ack) return silence(state);
    return reply(state, ACKNOWLEDGMENT);
  }
  // First: "If an incoming segment is not acceptable, an acknowledgment should be sent in reply".
  if (!isAcceptable(cell)) return reply(state, ACKNOWLEDGMENT);
  // Fifth: "if the ACK bit is off, drop the segment and return".
  if (!ack) return silence(state);
  return inWindow(cell);
}

/** Fifth step and what follows, for a segment in the window that has ACK. */
function inWindow(cell: Cell): Expected {
  const { fin } = bits(cell);
  const { state } = cell;
  if (state === "Syn_rcvd" || state === "Syn_rcvd, both opened") {
    // "If SND.UNA < SEG.ACK =< SND.NXT, enter ESTABLISHED", otherwise <SEQ=SEG.ACK><CTL=RST>.
    // DECIDED (L4): that goes before the challenge of RFC 5961, for a SYN cookie may be guessed at.
    if (cell.ack !== "acceptable") return reply(state, "RST seq=SEG.ACK");
    return textAndFin({ ...cell, state: "Established" });
  }
  if (state === "Time_wait") {
    // "The only thing that can arrive in this state is a retransmission of the remote FIN.
    // Acknowledge it". DECIDED: nothing else in the window is answered, so that two ends in
    // TIME_WAIT have nothing to say to each other; text is, as what comes after a FIN.
    return fin || bits(cell).text > 0 ? reply(state, ACKNOWLEDGMENT) : silence(state);
  }
  // RFC 5961 section 5: (SND.UNA - MAX.SND.WND) =< SEG.ACK =< SND.NXT, or else a challenge ACK.
  if (cell.ack === "unsent" || cell.ack === "ancient") return reply(state, ACKNOWLEDGMENT);
  const ours = cell.ack === "acceptable"; // ... and with it our FIN, where one is out.
  if (ours && state === "Fin_wait_1") return textAndFin({ ...cell, state: "Fin_wait_2" });
  if (ours && state === "Closing") return textAndFin({ ...cell, state: "Time_wait" });
  if (ours && state === "Last_ack") return silence("gone"); // "enter the CLOSED state, and return"
  return textAndFin(cell);
}

/** Seventh and eighth step. */
function textAndFin(cell: Cell): Expected {
  const { fin, text } = bits(cell);
  const { state } = cell;
  if (["Close_wait", "Closing", "Last_ack", "Time_wait"].includes(state)) {
    // "This should not occur since a FIN has been received from the remote side. Ignore the segment
    // text." DECIDED: it is told where its stream has ended, as for any segment that brings nothing.
    return text > 0 || fin ? reply(state, ACKNOWLEDGMENT) : silence(state);
  }
  const inOrder = cell.seq === "at" || cell.seq === "just below";
  if (!inOrder) {
    // "Segments with higher beginning sequence numbers SHOULD be held for later processing", and
    // RFC 5681 section 4.2: "A TCP receiver SHOULD send an immediate duplicate ACK".
    // The acknowledgment that it carries has counted already: every SACK sender relies on that.
    return text > 0 || fin ? reply(state, ACKNOWLEDGMENT) : silence(state);
  }
  const old = cell.seq === "just below" ? 1 : 0;
  const taken = Math.max(text - old, 0);
  // A FIN that lies before RCV.NXT is never acceptable alone: with text it lies behind the text.
  const end = taken + (fin ? 1 : 0);
  const readable = cell.left ? 0 : taken;
  const next: State = !fin ? state : {
    "Established": "Close_wait",
    "Fin_wait_1": "Closing",
    "Fin_wait_2": "Time_wait",
  }[state as "Established" | "Fin_wait_1" | "Fin_wait_2"] as State;
  // The SYN-ACK of a simultaneous open ends the handshake, and is not acknowledged (figure 7).
  if (end === 0) return { ...silence(next), readable };
  return { replies: [`ACK seq=SND.NXT ack=RCV.NXT+${end}`], next, readable };
}

/** Second step: RFC 5961 section 3.2, which RFC 9293 has taken over. */
function reset(cell: Cell): Expected {
  const { state } = cell;
  // DECIDED (C27, RFC 1337): TIME_WAIT is not cut short by a reset.
  if (state === "Time_wait") return silence(state);
  if (cell.seq === "at") return silence("gone");
  // DECIDED (C5): a peer in the midst of a simultaneous close may not have counted its FIN.
  const finCounted = state === "Close_wait" || state === "Closing" || state === "Last_ack";
  if (cell.seq === "just below" && finCounted) return silence("gone");
  if (cell.seq === "inside" || cell.seq === "edge") return reply(state, ACKNOWLEDGMENT);
  return silence(state); // "outside the current receive window": silently dropped
}

/** RFC 6191 section 2: a SYN beyond the last number of the connection before begins a new one. */
function synInTimeWait(cell: Cell): Expected {
  // The last number that the peer has used is that of its FIN, RCV.NXT - 1.
  const newer = cell.seq !== "below" && cell.seq !== "just below";
  if (newer) return reply("Syn_rcvd", "SYN ACK seq=* ack=SEG.SEQ+1");
  return reply("Time_wait", ACKNOWLEDGMENT); // DECIDED (C25): never silence.
}

/** First step, table 6, with a window that is open: does any of it lie in the window? */
function isAcceptable(cell: Cell): boolean {
  const length = segmentLength(cell);
  switch (cell.seq) {
    case "below":
      return false;
    case "just below":
      return length > 1;
    case "beyond":
      return false;
    default:
      return true;
  }
}

/** The peer's SYN lies one below RCV.NXT until there is text. */
function isPeersSyn(cell: Cell): boolean {
  return cell.seq === "just below";
}

/** SEG.LEN. */
export function segmentLength(cell: Cell): number {
  const { syn, fin, text } = bits(cell);
  return text + (syn ? 1 : 0) + (fin ? 1 : 0);
}

function bits(cell: Cell) {
  const flags = flagsOf(cell);
  return {
    syn: flags.includes("SYN"),
    ack: flags.includes("ACK"),
    rst: flags.includes("RST"),
    fin: flags.includes("FIN"),
    text: cell.text ? TEXT : 0,
  };
}

function silence(next: Expected["next"]): Expected {
  return { replies: [], next, readable: 0 };
}

function reply(next: Expected["next"], segment: string): Expected {
  return { replies: [segment], next, readable: 0 };
}
