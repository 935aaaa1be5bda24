import type { CloseReason, TcpState } from "./api.ts";
import { receiveWindow, sendAck } from "./emit.ts";
import { nextState, type TcpEvent } from "./state.ts";
import type { Tcb, TcpServices } from "./tcb.ts";
import { TimeWait } from "./time_wait.ts";

/**
 * Moves a connection to its next state, and tells the trace. The only place that changes `state`;
 * the end of TIME_WAIT, which no longer needs the block, is {@link forget}.
 *
 * @param tcb The connection.
 * @param event What happened.
 * @param n The event's sequence number, for the events that have one.
 * @throws {Error} If the event cannot happen in this state: a fault of this stack, never of a peer.
 */
export function transition(tcb: Tcb, event: TcpEvent, n?: number): void {
  const from = tcb.state;
  const to = nextState(from, event);
  if (to === undefined) throw new Error(`no transition from ${from} by ${event}`);
  const trace = tcb.services.trace;
  if (trace === undefined) {
    tcb.state = to;
    if (from === "Fin_wait_2") tcb.finWait2Count++;
    return;
  }
  const before = describe(tcb, from);
  tcb.state = to;
  if (from === "Fin_wait_2") tcb.finWait2Count++;
  trace({
    peer: tcb.peer,
    from: before,
    event: n === undefined ? event : `${event} ${n >>> 0}`,
    to: describe(tcb, to),
  });
}

/** A state with the number that it carries in a trace. */
function describe(tcb: Tcb, state: TcpState): string {
  switch (state) {
    case "Syn_sent":
    case "Syn_rcvd":
      return `${state} ${tcb.iss >>> 0}`;
    case "Fin_wait_1":
    case "Closing":
    case "Last_ack":
      return `${state} ${tcb.sndFin! >>> 0}`;
    case "Fin_wait_2":
      return `${state} ${tcb.finWait2Count}`;
    default:
      return state;
  }
}

/**
 * Both sides have said goodbye: the owner is told, and only the memory of the 4-tuple stays for
 * 2 MSL (RFC 9293 section 3.4.2).
 *
 * @param tcb A connection in Time_wait; the segment that brought it there was processed whole.
 * @param now Time in milliseconds.
 */
export function enterTimeWait(tcb: Tcb, now: number): void {
  const { services } = tcb;
  const { timeWait, options, counters } = services;
  stopTimers(tcb);
  services.wheel.cancel(tcb);
  services.orphans.delete(tcb);
  releaseSendBuffer(tcb);
  if (tcb.sackReport !== undefined && tcb.sackReport.hasDuplicate) sendAck(tcb); // Now or never.
  const memory = tcb.memory = new TimeWait(tcb, Math.max(receiveWindow(tcb), 0));
  services.table.replace(tcb, memory);
  startTimeWait(services, memory, now);
  if (tcb.ackNow) timeWait.owe(memory);
  counters.connectionsClosed++;
  settle(tcb, "closed");
  if (timeWait.size > options.timeWaitLimit) {
    counters.timeWaitEvicted++;
    forget(services, timeWait.first!);
  }
}

/** Starts the 2 MSL of TIME_WAIT. */
export function startTimeWait(services: TcpServices, memory: TimeWait, now: number): void {
  memory.deadline = now + 2 * services.options.msl;
  services.timeWait.add(memory);
}

/** TIME_WAIT is over, in whatever way: nothing of the connection is left in the stack. */
export function forget(services: TcpServices, memory: TimeWait): void {
  services.table.remove(memory);
  services.timeWait.delete(memory);
  memory.over = true;
  const { trace } = services;
  trace?.({ peer: memory.peer, from: "Time_wait", event: "Timeout", to: "Closed" });
}

/** The state of a connection as its owner sees it: TIME_WAIT ends without the rest of the block. */
export function stateOf(tcb: Tcb): TcpState {
  return tcb.memory !== undefined && tcb.memory.over ? "Closed" : tcb.state;
}

/**
 * Ends a connection: it leaves the tables, its timers stop, its buffers are released (but for what
 * was received and may still be read after a goodbye), and whoever waits for it is told, once.
 *
 * @param tcb The connection; its state has been moved to Closed by {@link transition}.
 * @param reason What the owner is told.
 */
export function teardown(tcb: Tcb, reason: CloseReason): void {
  const { table, halfOpen, orphans, wheel } = tcb.services;
  table.remove(tcb);
  halfOpen.delete(tcb);
  orphans.delete(tcb);
  stopTimers(tcb);
  wheel.cancel(tcb);
  releaseSendBuffer(tcb);
  if (reason !== "closed" || tcb.discarding) {
    // What came before the peer's FIN is lost: nobody may take the loss for the end of the stream.
    if (tcb.receiveQueued > 0) tcb.rcvFin = undefined;
    releaseReceiveBuffer(tcb);
  }
  settle(tcb, reason);
}

function settle(tcb: Tcb, reason: CloseReason): void {
  if (tcb.closeReason !== undefined) return;
  tcb.closeReason = reason;
  const { opening, observer } = tcb;
  tcb.opening = undefined;
  tcb.observer = undefined;
  if (opening !== undefined && "failed" in opening) {
    tcb.services.counters.attemptsFailed++;
    opening.failed(reason);
  }
  observer?.closed(reason);
}

function stopTimers(tcb: Tcb): void {
  tcb.sendTimer = "off";
  tcb.sendDeadline = Infinity;
  tcb.paceDeadline = Infinity;
  tcb.ackDeadline = Infinity;
  tcb.waitDeadline = Infinity;
  tcb.keepAliveDeadline = Infinity;
  tcb.waitingSince = Infinity;
}

function releaseSendBuffer(tcb: Tcb): void {
  tcb.sendRing?.release();
  tcb.sendRing = undefined;
  tcb.recovery?.flight.clear();
  tcb.recovery = undefined;
  tcb.pathMtu = undefined;
}

/** Drops what was received ahead. */
export function dropAhead(tcb: Tcb): void {
  tcb.ahead = undefined;
  if (tcb.receiveQueued === 0) releaseReceiveBuffer(tcb);
}

/** Drops what was received and not read, in order or ahead. */
export function releaseReceiveBuffer(tcb: Tcb): void {
  tcb.receiveRing?.release();
  tcb.receiveRing = undefined;
  tcb.ahead = undefined;
}
