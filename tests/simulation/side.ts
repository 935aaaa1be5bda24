import type { CloseReason, Connection, ConnectionObserver } from "../../stack/tcp/api.ts";
import { patternBytes } from "../../runtime/testing/segment_script.ts";
import { type Clock, type End, patternByte } from "./end.ts";
import type { SidePlan } from "./plan.ts";

/** How often a side touches its connection before it makes longer pauses instead. */
const MANY_STEPS = 5000;

/**
 * The application on one side of a connection: writes a pattern, reads the other's and compares it
 * byte for byte, ends as its plan says.
 */
export class Side implements ConnectionObserver, End {
  /** Bytes taken by `write`. */
  written = 0;
  /** Bytes read. */
  read = 0;
  /** When it has called `close`; `Infinity` for never. */
  closedAt = Infinity;
  /** When it was told of the end; `Infinity` for not yet. */
  endedAt = Infinity;
  /** What it has ended of its own will: nothing, its direction, or the whole connection. */
  goodbye: "none" | "half" | "whole" = "none";
  /** It has called `abort`. */
  aborted = false;
  /** It has seen the end of the peer's stream. */
  ended = false;
  /** What it was told at the end, or that the connection never came about. */
  readonly reasons: CloseReason[] = [];
  /** What must not have happened, in words. */
  readonly faults: string[] = [];

  readonly #plan: SidePlan;
  readonly #clock: Clock;
  /** Number of the first byte in each direction: patterns of different streams differ. */
  readonly #ownPattern: number;
  readonly #peerPattern: number;
  readonly #buffer: Uint8Array;
  #connection: Connection | undefined;
  #readingFrom = 0;
  #steps = 0;
  #writeScheduled = false;
  #readScheduled = false;

  /**
   * @param plan What it does.
   * @param clock The time.
   * @param ownPattern Where the pattern begins that it writes.
   * @param peerPattern Where the pattern begins that it reads.
   */
  constructor(plan: SidePlan, clock: Clock, ownPattern: number, peerPattern: number) {
    this.#plan = plan;
    this.#clock = clock;
    this.#ownPattern = ownPattern;
    this.#peerPattern = peerPattern;
    this.#buffer = new Uint8Array(plan.readSize);
  }

  /** Whether the connection ever was delivered. */
  get begun(): boolean {
    return this.#connection !== undefined;
  }

  /** The connection is Established. */
  begin(connection: Connection): void {
    const { now } = this.#clock;
    if (this.#connection !== undefined) this.faults.push("the connection was delivered twice");
    if (!["Established", "Close_wait"].includes(connection.state)) {
      this.faults.push(`delivered in state ${connection.state}`);
    }
    this.#connection = connection;
    connection.observer = this;
    connection.setNoDelay(this.#plan.noDelay);
    connection.setKeepAlive({ idle: 60_000, interval: 10_000, probes: 10 });
    this.#readingFrom = Math.max(this.#plan.readFrom, now);
    if (this.#plan.readFrom > now) this.#later("read", this.#plan.readFrom - now);
    const { ending } = this.#plan;
    if (ending.kind === "close-at") this.#clock.later(ending.time, () => this.#close());
    if (ending.kind === "abort-at") this.#clock.later(ending.time, () => this.#abort());
    this.#write();
    if (this.#readingFrom === now) this.#read();
  }

  /** The connection did not come about. */
  failed(reason: CloseReason): void {
    this.reasons.push(reason);
  }

  /** {@link ConnectionObserver.readable} */
  readable(): void {
    if (this.reasons.length > 0) this.faults.push("told of data after the end");
    if (!this.#readScheduled) this.#read();
  }

  /** {@link ConnectionObserver.writable} */
  writable(): void {
    if (!this.#writeScheduled) this.#write();
  }

  /** {@link ConnectionObserver.closed} */
  closed(reason: CloseReason): void {
    this.reasons.push(reason);
    this.endedAt = this.#clock.now;
    if (this.reasons.length > 1) this.faults.push(`told twice of the end: ${this.reasons}`);
    // What has arrived may still be read.
    if (this.goodbye !== "whole") { while (this.#readOnce() > 0); }
    this.#lookForEnd();
  }

  #write(): void {
    const connection = this.#connection!;
    const { bytes, chunk, writePause, ending } = this.#plan;
    if (ending.kind === "after-peer" && !this.ended) return;
    while (this.goodbye === "none" && this.written < bytes && this.reasons.length === 0) {
      const size = Math.min(chunk, bytes - this.written);
      const offered = patternBytes(this.#ownPattern + this.written, size);
      const taken = connection.write(offered);
      if (taken < 0 || taken > size) this.faults.push(`write took ${taken} of ${size} bytes`);
      this.written += taken;
      if (taken < size) return; // Told when there is room.
      if (this.written < bytes && this.#pause(writePause) > 0) {
        return this.#later("write", this.#pause(writePause));
      }
    }
    if (this.written < bytes || this.reasons.length > 0) return;
    if (ending.kind === "half-close") {
      if (this.goodbye === "none") {
        this.goodbye = "half";
        connection.closeWrite();
      }
      if (this.ended) this.#close();
    } else if (ending.kind === "close" || ending.kind === "after-peer") this.#close();
  }

  #read(): void {
    const { readPause } = this.#plan;
    for (let count = this.#readOnce(); count > 0; count = this.#readOnce()) {
      if (this.#pause(readPause) > 0) return this.#later("read", this.#pause(readPause));
    }
    this.#lookForEnd();
  }

  #readOnce(): number {
    if (this.goodbye === "whole" || this.aborted) return 0;
    const count = this.#connection!.read(this.#buffer);
    const first = this.#peerPattern + this.read;
    for (let i = 0; i < count; i++) {
      if (this.#buffer[i] === patternByte(first + i)) continue;
      this.faults.push(`byte ${this.read + i} of the stream is not what was written`);
      break;
    }
    this.read += count;
    return count;
  }

  #lookForEnd(): void {
    if (this.ended || this.goodbye === "whole" || !this.#connection!.ended) return;
    this.ended = true;
    this.#write();
  }

  /** Tiny chunks with pauses would take for ever. */
  #pause(planned: number): number {
    return ++this.#steps > MANY_STEPS ? 0 : planned;
  }

  #later(what: "read" | "write", delay: number): void {
    if (what === "read") this.#readScheduled = true;
    else this.#writeScheduled = true;
    this.#clock.later(delay, () => {
      if (what === "read") {
        this.#readScheduled = false;
        this.#read();
      } else {
        this.#writeScheduled = false;
        this.#write();
      }
    });
  }

  #close(): void {
    if (this.goodbye === "whole") return;
    this.goodbye = "whole";
    this.closedAt = this.#clock.now;
    this.#connection!.close();
  }

  #abort(): void {
    if (this.reasons.length > 0) return;
    this.aborted = true;
    this.#connection!.abort();
  }
}
