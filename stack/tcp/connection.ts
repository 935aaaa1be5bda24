import type {
  CloseReason,
  Connection,
  ConnectionInfo,
  ConnectionObserver,
  Endpoint,
  KeepAlive,
  TcpState,
} from "./api.ts";
import { applicationRead, sendLimit } from "./buffer_limits.ts";
import { ByteRing } from "./byte_ring.ts";
import { roomFor } from "./byte_room.ts";
import { infoOf } from "./connection_info.ts";
import { sendReset } from "./emit.ts";
import { armKeepAlive } from "./keep_alive.ts";
import { windowOpens } from "./send.ts";
import { isSynchronized } from "./state.ts";
import type { Block, Tcb } from "./tcb.ts";
import { forget, releaseReceiveBuffer, stateOf, teardown, transition } from "./transition.ts";

/** Part of the send buffer that must be free before a waiting writer is woken. */
const WRITER_WAKES_AT = 4;

/** Has the handle of a connection hold another block: at rest it is not the whole. */
export let moveTo: (connection: Connection, block: Block) => void;

/** The handle of a connection that its owner holds. Made by {@link deliver} and nothing else. */
class EstablishedConnection implements Connection {
  #block: Block;

  constructor(tcb: Tcb) {
    this.#block = tcb;
  }

  static {
    moveTo = (connection, block) => {
      (connection as EstablishedConnection).#block = block;
    };
  }

  get #tcb(): Tcb {
    return this.#block.awake();
  }

  get local(): Endpoint {
    return { address: this.#block.localAddress, port: this.#block.localPort };
  }

  get remote(): Endpoint {
    return { address: this.#block.remoteAddress, port: this.#block.remotePort };
  }

  get state(): TcpState {
    return this.#block.atRest ? "Established" : stateOf(this.#tcb);
  }

  get closeReason(): CloseReason | undefined {
    return this.#block.atRest ? undefined : this.#tcb.closeReason;
  }

  get observer(): ConnectionObserver | undefined {
    return this.#tcb.observer;
  }

  set observer(observer: ConnectionObserver | undefined) {
    this.#tcb.observer = this.#tcb.closeReason === undefined ? observer : undefined;
  }

  get readableBytes(): number {
    return this.#block.atRest ? 0 : this.#tcb.receiveQueued;
  }

  get ended(): boolean {
    return !this.#block.atRest && this.#tcb.receiveQueued === 0 && finReceived(this.#tcb);
  }

  get writableBytes(): number {
    return writableBytes(this.#tcb);
  }

  read(target: Uint8Array): number {
    const tcb = this.#tcb;
    const ring = tcb.receiveRing;
    if (ring === undefined) return 0;
    const count = Math.min(ring.length, target.length);
    ring.peek(0, target, 0, count);
    ring.drop(count);
    applicationRead(tcb);
    if (ring.length === 0 && tcb.ahead === undefined) releaseReceiveBuffer(tcb);
    if (tcb.closeReason === undefined && windowOpens(tcb)) tcb.services.touch(tcb);
    return count;
  }

  write(source: Uint8Array): number {
    const tcb = this.#tcb;
    const { pool } = tcb.services;
    let count = Math.min(source.length, writableBytes(tcb));
    if (count > 0) count = roomFor(pool, tcb.sendRing, tcb.sendQueued, count);
    if (count > 0) {
      const ring = tcb.sendRing ??= new ByteRing(pool, count);
      ring.append(source, 0, count);
      tcb.services.touch(tcb);
    }
    if (count < source.length && !tcb.writerWaits) {
      tcb.writerWaits = true;
      tcb.services.touch(tcb); // The account of what holds us back says so from now on.
    }
    return count;
  }

  closeWrite(): void {
    const tcb = this.#tcb;
    if (tcb.finQueued || tcb.closeReason !== undefined) return;
    tcb.finQueued = true;
    tcb.services.touch(tcb);
  }

  close(): void {
    close(this.#tcb);
  }

  abort(): void {
    abort(this.#tcb);
  }

  setNoDelay(on: boolean): void {
    this.#tcb.noDelay = on;
    if (on && this.#tcb.sendQueued > 0) this.#tcb.services.touch(this.#tcb);
  }

  setKeepAlive(on: boolean | KeepAlive): void {
    const tcb = this.#tcb;
    if (tcb.closeReason !== undefined || tcb.discarding) return;
    tcb.keepAlive = on === true ? tcb.services.options.keepAlive : on || undefined;
    tcb.keepAliveDeadline = Infinity;
    tcb.keepAliveProbes = 0;
    armKeepAlive(tcb);
    tcb.services.touch(tcb);
  }

  setUserTimeout(timeout: number): void {
    this.#tcb.userTimeout = timeout || Infinity;
    this.#tcb.services.touch(this.#tcb);
  }

  info(): ConnectionInfo {
    const wasAtRest = this.#block.atRest;
    const tcb = this.#tcb;
    if (wasAtRest) tcb.rearm(); // Nothing has happened: it is to rest again.
    return infoOf(tcb);
  }
}

/**
 * Hands a connection to whoever waits for it. The gate: it is called when a segment was processed
 * whole, and what opens it is the state, not who called.
 *
 * @param tcb The connection.
 */
export function deliver(tcb: Tcb): void {
  const { opening } = tcb;
  if (opening === undefined || !isSynchronized(tcb.state)) return;
  tcb.opening = undefined;
  const connection = tcb.owner = new EstablishedConnection(tcb);
  try {
    if ("accept" in opening) opening.accept(connection);
    else opening.established(connection);
  } catch (error) {
    tcb.services.listenerFailed(tcb, error);
    abort(tcb);
  }
}

/** Tells the owner what has happened since it was last told. */
export function notify(tcb: Tcb): void {
  if (tcb.readableNews) {
    tcb.readableNews = false;
    if (!tcb.discarding) tcb.observer?.readable();
  }
  if (tcb.writerWaits && writableBytes(tcb) >= sendLimit(tcb) / WRITER_WAKES_AT) {
    tcb.writerWaits = false;
    tcb.observer?.writable();
  }
}

/** The whole goodbye, for a connection that has been delivered. */
export function close(tcb: Tcb): void {
  if (tcb.discarding) return;
  tcb.discarding = true;
  const { ahead } = tcb;
  releaseReceiveBuffer(tcb);
  if (tcb.closeReason !== undefined) return;
  tcb.ahead = ahead; // The peer has been told of it: it counts as received.
  tcb.finQueued = true;
  tcb.keepAlive = undefined;
  tcb.services.touch(tcb);
  limitOrphans(tcb);
}

/**
 * Bounds the number of connections that only wait for their peers' goodbye. Who takes his time was
 * closed longest ago: it is the oldest that is reset, not the one that may be over in a moment.
 */
function limitOrphans(tcb: Tcb): void {
  const { orphans, options, counters } = tcb.services;
  orphans.add(tcb);
  if (orphans.size <= options.orphanLimit) return;
  counters.orphansReset++;
  abort(orphans.first!);
}

/** Resets a connection, whatever its state: the peer is told at once (RFC 9293 section 3.10.5). */
export function abort(tcb: Tcb): void {
  switch (tcb.state) {
    case "Closed":
      // An active open whose SYN has not yet left, or a connection that has ended.
      if (tcb.closeReason === undefined) teardown(tcb, "aborted");
      else releaseReceiveBuffer(tcb);
      return;
    case "Time_wait":
      // The goodbye is complete: nobody is left to be told.
      if (!tcb.memory!.over) forget(tcb.services, tcb.memory!);
      releaseReceiveBuffer(tcb);
      return;
    default:
      tcb.services.counters.connectionsAborted++;
      sendReset(tcb);
      transition(tcb, "Send_rst");
      teardown(tcb, "aborted");
  }
}

function writableBytes(tcb: Tcb): number {
  if (tcb.finQueued || tcb.closeReason !== undefined) return 0;
  return Math.max(sendLimit(tcb) - tcb.sendQueued, 0);
}

/** The peer's FIN has come, and everything before it. */
function finReceived(tcb: Tcb): boolean {
  return tcb.rcvFin !== undefined && ((tcb.rcvNxt - tcb.rcvFin) | 0) > 0;
}
