// Sees into every stack of this process without the stack knowing of it: the connections in its
// tables, and the buffers that it holds. What must hold of them at any time is written down here.
import { BufferPool } from "../../stack/tcp/buffer_pool.ts";
import { FlowTable } from "../../stack/tcp/flow_table.ts";
import { seqDiff } from "../../stack/tcp/sequence.ts";
import { isSynchronized } from "../../stack/tcp/state.ts";
import { Tcb } from "../../stack/tcp/tcb.ts";

const live = new Set<Tcb>();
const ended = new Set<Tcb>();
let lent = 0;

const { add, remove } = FlowTable.prototype;
FlowTable.prototype.add = function (entry) {
  if (entry instanceof Tcb) live.add(entry);
  return add.call(this, entry);
};
FlowTable.prototype.remove = function (entry) {
  if (entry instanceof Tcb && live.delete(entry)) ended.add(entry);
  return remove.call(this, entry);
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

/** Forgets what was seen before. */
export function watchAnew(): void {
  live.clear();
  ended.clear();
  lent = 0;
}

/** Whether a stack has a connection between two ports that is more than the memory of one. */
export function isConnected(localPort: number, remotePort: number): boolean {
  for (const tcb of live) {
    const between = tcb.localPort === localPort && tcb.remotePort === remotePort;
    if (between && tcb.state !== "Time_wait") return true;
  }
  return false;
}

/** What does not hold of the connections that there are, in words. */
export function lookAtAll(): string | undefined {
  for (const tcb of live) {
    const fault = faultOf(tcb);
    if (fault !== undefined) return `${tcb.localPort} > ${tcb.peer} in ${tcb.state}: ${fault}`;
  }
  return undefined;
}

/** What is left when everything is over, in words. */
export function lookAtRemains(): string[] {
  const faults: string[] = [];
  for (const tcb of ended) {
    if (tcb.state !== "Closed") faults.push(`${tcb.peer} has left the table in ${tcb.state}`);
    if (tcb.wheelSlot >= 0) faults.push(`${tcb.peer} has left a timer`);
    if (tcb.sendRing !== undefined) faults.push(`${tcb.peer} has left a send buffer`);
    if (tcb.recovery !== undefined) faults.push(`${tcb.peer} has left its loss recovery`);
  }
  if (live.size > 0) faults.push(`${live.size} connections are left in a table`);
  if (lent !== 0) faults.push(`${lent} bytes of buffers were not given back`);
  return faults;
}

function faultOf(tcb: Tcb): string | undefined {
  const inFlight = seqDiff(tcb.sndNxt, tcb.sndUna);
  if (inFlight < 0) return `SND.UNA lies ${-inFlight} beyond SND.NXT`;
  const probed = seqDiff(tcb.sndMax, tcb.sndNxt);
  if (probed < 0 || probed > 1) return `SND.MAX lies ${probed} beyond SND.NXT`;
  if (tcb.rcvWnd < -1) return `RCV.NXT lies ${-tcb.rcvWnd} beyond the window`;
  if (tcb.rto.current > tcb.services.options.maxRto) return `a timeout of ${tcb.rto.current} ms`;
  if (tcb.state === "Time_wait") {
    if (tcb.waitDeadline === Infinity) return "it waits for ever";
    return tcb.sendRing === undefined ? undefined : "a send buffer in TIME_WAIT";
  }
  if (tcb.wheelSlot < 0 && tcb.sendDeadline !== Infinity) return "the send timer is not armed";
  if (!isSynchronized(tcb.state)) return undefined;
  if (inFlight > 0 && tcb.sendTimer === "off") return `${inFlight} in flight, and no timer`;
  const finOut = tcb.sndFin !== undefined && seqDiff(tcb.sndFin, tcb.sndUna) >= 0 ? 1 : 0;
  if (inFlight - finOut > tcb.sendQueued) {
    return `${inFlight} in flight with ${finOut} FIN, and ${tcb.sendQueued} queued`;
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
  if (ahead === undefined) return undefined;
  let last = 0;
  for (let i = 0; i < ahead.count; i++) {
    const start = seqDiff(ahead.start(i), tcb.rcvNxt), end = seqDiff(ahead.end(i), tcb.rcvNxt);
    if (start <= last || end <= start) return `ahead ${start} to ${end} after ${last}`;
    last = end;
  }
  return last > tcb.rcvWnd ? `ahead until ${last} in a window of ${tcb.rcvWnd}` : undefined;
}
