// Sees into every stack of this process without the stack knowing of it: the connections in its
// tables, and the buffers that it holds. What must hold of them at any time is written down here.
import { BufferPool } from "../../stack/tcp/buffer_pool.ts";
import { FlowTable } from "../../stack/tcp/flow_table.ts";
import { SecretNumbers } from "../../stack/tcp/isn.ts";
import { Resting } from "../../stack/tcp/resting.ts";
import { seqDiff } from "../../stack/tcp/sequence.ts";
import { isSynchronized } from "../../stack/tcp/state.ts";
import { Tcb } from "../../stack/tcp/tcb.ts";
import { TimeWait } from "../../stack/tcp/time_wait.ts";
import { stateOf } from "../../stack/tcp/transition.ts";

const live = new Set<Tcb>();
const remembered = new Set<TimeWait>();
const resting = new Set<Resting>();
const ended = new Set<Tcb>();
/** Of those the ones that have not been looked at. */
let justEnded: Tcb[] = [];
/** The highest number that has come ahead, and how often its stack had dropped such data by then. */
const highest = new WeakMap<Tcb, { end: number; pruned: number }>();
let lent = 0;

const { add, replace, remove } = FlowTable.prototype;
FlowTable.prototype.add = function (entry) {
  if (entry instanceof Tcb) live.add(entry);
  return add.call(this, entry);
};
FlowTable.prototype.remove = function (entry) {
  leave(entry);
  return remove.call(this, entry);
};
FlowTable.prototype.replace = function (old, entry) {
  if (entry instanceof Resting) {
    live.delete(old as unknown as Tcb);
    resting.add(entry);
  } else if (entry instanceof Tcb) {
    resting.delete(old as unknown as Resting);
    live.add(entry);
  } else {
    leave(old);
    if (entry instanceof TimeWait) remembered.add(entry);
  }
  return replace.call(this, old, entry);
};
function leave(entry: unknown): void {
  if (entry instanceof Tcb && live.delete(entry)) {
    ended.add(entry);
    justEnded.push(entry);
  } else if (entry instanceof TimeWait) remembered.delete(entry);
}
/** Where sequence numbers begin; `undefined`: where the stack will have it. */
let firstNumber: number | undefined;
const { initialSequence } = SecretNumbers.prototype;
SecretNumbers.prototype.initialSequence = function (local, localPort, remote, remotePort, now) {
  if (firstNumber !== undefined) return (firstNumber + Math.floor(now)) | 0;
  return initialSequence.call(this, local, localPort, remote, remotePort, now);
};

const { take, give } = BufferPool.prototype;
BufferPool.prototype.take = function (size) {
  const buffer = take.call(this, size);
  lent += buffer.length;
  return buffer;
};
BufferPool.prototype.give = function (buffer) {
  lent -= buffer.length;
  return give.call(this, buffer);
};

/**
 * Forgets what was seen before.
 *
 * @param first Where the stacks' sequence numbers begin, so that they come round soon.
 */
export function watchAnew(first?: number): void {
  firstNumber = first;
  live.clear();
  remembered.clear();
  resting.clear();
  ended.clear();
  justEnded = [];
  lent = 0;
}

/** Whether a stack has a connection between two ports that is more than the memory of one. */
export function isConnected(localPort: number, remotePort: number): boolean {
  for (const all of [live, resting]) {
    for (const tcb of all) {
      if (tcb.localPort === localPort && tcb.remotePort === remotePort) return true;
    }
  }
  return false;
}

/** Whether a stack remembers the connection between these ports: it is there, or in TIME_WAIT. */
export function isRemembered(localPort: number, remotePort: number): boolean {
  for (const memory of remembered) {
    if (memory.localPort === localPort && memory.remotePort === remotePort) return true;
  }
  return isConnected(localPort, remotePort);
}

/** Bytes of buffers that connections hold. */
export function buffersLent(): number {
  return lent;
}

/** What does not hold of the connections that there are, in words. */
export function lookAtAll(): string | undefined {
  if (justEnded.length > 0) {
    const left = justEnded.find(({ wheelSlot }) => wheelSlot >= 0);
    if (left !== undefined) return `${left.localPort} > ${left.peer}: it has left a timer`;
    justEnded = [];
  }
  for (const tcb of live) {
    const fault = faultOf(tcb);
    if (fault !== undefined) return `${tcb.localPort} > ${tcb.peer} in ${tcb.state}: ${fault}`;
  }
  for (const { localPort, peer, deadline, over } of remembered) {
    if (!(deadline < Infinity)) return `${localPort} > ${peer} in Time_wait: it waits for ever`;
    if (over) return `${localPort} > ${peer}: forgotten, and still in the table`;
  }
  return undefined;
}

/** What is left when everything is over, in words. */
export function lookAtRemains(): string[] {
  const faults: string[] = [];
  for (const tcb of ended) {
    const state = stateOf(tcb);
    if (state !== "Closed") faults.push(`${tcb.peer} has left the table in ${state}`);
    if (tcb.wheelSlot >= 0) faults.push(`${tcb.peer} has left a timer`);
    if (tcb.sendRing !== undefined) faults.push(`${tcb.peer} has left a send buffer`);
    if (tcb.recovery !== undefined) faults.push(`${tcb.peer} has left its loss recovery`);
  }
  const left = live.size + remembered.size + resting.size;
  if (left > 0) faults.push(`${left} connections are left in a table`);
  if (lent !== 0) faults.push(`${lent} bytes of buffers were not given back`);
  return faults;
}

function faultOf(tcb: Tcb): string | undefined {
  const inFlight = seqDiff(tcb.sndNxt, tcb.sndUna);
  if (inFlight < 0) return `SND.UNA lies ${-inFlight} beyond SND.NXT`;
  const probed = seqDiff(tcb.sndMax, tcb.sndNxt);
  if (probed < 0 || probed > 1) return `SND.MAX lies ${probed} beyond SND.NXT`;
  if (tcb.rcvWnd < -1) return `RCV.NXT lies ${-tcb.rcvWnd} beyond the window`;
  const room = tcb.services.options.receiveBuffer + (1 << tcb.rcvScale);
  if (tcb.receiveQueued + tcb.rcvWnd > room) {
    return `${tcb.receiveQueued} unread, a window of ${tcb.rcvWnd}, and room for ${room}`;
  }
  if (tcb.rto.current > tcb.services.options.maxRto) return `a timeout of ${tcb.rto.current} ms`;
  if (tcb.state === "Time_wait") return "all of it is kept";
  if (tcb.wheelSlot < 0 && tcb.sendDeadline !== Infinity) return "the send timer is not armed";
  if (!isSynchronized(tcb.state)) return undefined;
  if (inFlight > 0 && tcb.sendTimer === "off") return `${inFlight} in flight, and no timer`;
  const finOut = tcb.sndFin !== undefined && seqDiff(tcb.sndFin, tcb.sndUna) >= 0 ? 1 : 0;
  if (inFlight - finOut > tcb.sendQueued) {
    return `${inFlight} in flight with ${finOut} FIN, and ${tcb.sendQueued} queued`;
  }
  if (tcb.unacknowledged > 0 && tcb.ackDeadline === Infinity) {
    return `${tcb.unacknowledged} bytes have come, and nothing will acknowledge them`;
  }
  if (tcb.rcvFin === undefined && tcb.bytesReceived > 0 && tcb.receiveQueued === 0) {
    if (tcb.rcvWnd === 0) return "all is read, and the window is closed";
  }
  if (tcb.congestion.cwnd < Math.min(tcb.sndMss, 64)) return `cwnd ${tcb.congestion.cwnd}`;
  return faultOfFlight(tcb, inFlight) ?? faultOfAhead(tcb);
}

/** The flight lies without a gap from SND.UNA to SND.NXT, and its sums are right. */
function faultOfFlight(tcb: Tcb, inFlight: number): string | undefined {
  const { recovery } = tcb;
  if (recovery === undefined) return undefined;
  const { flight } = recovery;
  if (flight.bytes !== inFlight) return `a flight of ${flight.bytes}, and ${inFlight} in flight`;
  let at = tcb.sndUna, sacked = 0, lost = 0, repeated = 0;
  for (let range = flight.head; range !== undefined; range = range.next) {
    const length = seqDiff(range.end, range.start);
    if (range.start !== at || length <= 0) return `a gap in the flight at ${range.start - at}`;
    if (range.sacked) sacked += length;
    if (range.lost) lost += length;
    if (range.repeated) repeated += length;
    if (range.sacked && range.lost) return "sacked and lost";
    at = range.end;
  }
  if (at !== tcb.sndNxt) return "the flight does not end at SND.NXT";
  if (sacked !== flight.sackedBytes || lost !== flight.lostBytes) return "sums of the flight";
  return repeated === flight.repeatedBytes ? undefined : "sum of what was repeated";
}

/** What lies ahead is in order, apart, and inside the window. */
function faultOfAhead(tcb: Tcb): string | undefined {
  const { ahead } = tcb;
  if (ahead === undefined) {
    highest.delete(tcb);
    return undefined;
  }
  const before = highest.get(tcb);
  const end = ahead.end(ahead.count - 1);
  const { aheadPruned: pruned = 0 } = tcb.services.counters;
  if (
    before !== undefined && before.pruned === pruned &&
    seqDiff(end, before.end) < 0 && seqDiff(before.end, tcb.rcvNxt) > 0
  ) return `${seqDiff(before.end, end)} bytes that came ahead are forgotten`;
  highest.set(tcb, { end, pruned });
  let last = 0;
  for (let i = 0; i < ahead.count; i++) {
    const start = seqDiff(ahead.start(i), tcb.rcvNxt), end = seqDiff(ahead.end(i), tcb.rcvNxt);
    if (start <= last || end <= start) return `ahead ${start} to ${end} after ${last}`;
    last = end;
  }
  return last > tcb.rcvWnd ? `ahead until ${last} in a window of ${tcb.rcvWnd}` : undefined;
}
