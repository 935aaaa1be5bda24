import { type BufferPool, SMALLEST_BUFFER } from "./buffer_pool.ts";
import type { ByteRing } from "./byte_ring.ts";
import { isSparse } from "./byte_room.ts";
import { abort } from "./connection.ts";
import { Tcb, type TcpServices } from "./tcb.ts";
import { dropAhead } from "./transition.ts";

/** Time between two looks at all connections, in milliseconds. */
const LOOK_INTERVAL = 1000;
/** How long out-of-order data may wait for what is missing while memory is scarce. */
const LONGEST_AHEAD = 5000;
/** Part of the memory that it holds by which a connection has to get on. */
const PROGRESS = 1 / 16;
/** Connections that are reset in one look at most. */
const RESETS_PER_LOOK = 4096;

/** How far a connection was when it last got on. */
interface Mark {
  readonly acknowledged: number;
  readonly since: number;
}

/**
 * Gets memory back while it is not plentiful: once a second every connection is looked at. First
 * goes what harms nobody: room that is not used, and out-of-order data, which the peer still has
 * (RFC 2018 section 8). If memory is scarce nevertheless, those connections are reset whose peers
 * have taken next to nothing for `hoardTimeout` of what waits for them, the largest first, until it
 * is plentiful. What an application does not read is kept: it has been acknowledged.
 */
export class MemoryPressure {
  readonly #services: TcpServices;
  #nextLook = 0;
  /** Of those with data to be acknowledged; none while memory is plentiful. */
  #marks = new Map<Tcb, Mark>();

  /** @param services What the connections share. */
  constructor(services: TcpServices) {
    this.#services = services;
  }

  /** When to look next; `Infinity` while memory is plentiful. */
  get deadline(): number {
    return this.#services.pool.plentiful ? Infinity : this.#nextLook;
  }

  /** Looks at all connections if it is time. */
  relieve(now: number): void {
    const { pool, table } = this.#services;
    if (pool.plentiful) {
      if (this.#marks.size > 0) this.#marks = new Map();
      return;
    }
    if (now < this.#nextLook) return;
    this.#nextLook = now + LOOK_INTERVAL;
    const before = this.#marks;
    this.#marks = new Map();
    const stuck: Tcb[] = [];
    for (const entry of table.values()) {
      if (!(entry instanceof Tcb)) continue;
      prune(entry, now);
      const held = heldBy(entry);
      if (entry.sendRing === undefined || held <= SMALLEST_BUFFER) continue;
      if (!this.#getsOn(entry, held, before.get(entry), now)) stuck.push(entry);
    }
    if (pool.scarce) this.#reset(pool, stuck);
  }

  /** Marks where a connection stands; `false` if it has stood there for too long. */
  #getsOn(tcb: Tcb, held: number, mark: Mark | undefined, now: number): boolean {
    const acknowledged = tcb.bytesAcknowledged;
    if (mark === undefined || acknowledged - mark.acknowledged >= held * PROGRESS) {
      this.#marks.set(tcb, { acknowledged, since: now });
      return true;
    }
    this.#marks.set(tcb, mark);
    return now - mark.since < this.#services.options.hoardTimeout;
  }

  #reset(pool: BufferPool, stuck: Tcb[]): void {
    stuck.sort((a, b) => heldBy(b) - heldBy(a));
    for (const tcb of stuck.slice(0, RESETS_PER_LOOK)) {
      if (pool.plentiful) return;
      if (tcb.closeReason !== undefined) continue; // Ended by what another was told of its end.
      this.#services.counters.hoardersReset++;
      abort(tcb);
    }
  }
}

/** Bytes of the buffers that a connection holds. */
function heldBy(tcb: Tcb): number {
  return (tcb.sendRing?.capacity ?? 0) + (tcb.receiveRing?.capacity ?? 0);
}

function fit(ring: ByteRing | undefined): void {
  if (ring !== undefined && isSparse(ring, ring.length)) ring.fit();
}

/** Takes back what a connection does not need, or can do without. */
function prune(tcb: Tcb, now: number): void {
  const { ahead, receiveRing, sendRing, services: { pool, counters } } = tcb;
  if (ahead !== undefined && receiveRing !== undefined) {
    const sparse = isSparse(receiveRing, receiveRing.length + ahead.bytes);
    if (sparse || pool.scarce && now - ahead.since >= LONGEST_AHEAD) {
      counters.aheadPruned++;
      dropAhead(tcb);
    }
  }
  if (tcb.ahead === undefined) fit(tcb.receiveRing);
  fit(sendRing);
}
