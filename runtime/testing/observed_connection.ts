import type { CloseReason, Connection, ConnectionObserver, TcpState } from "../../stack/tcp/api.ts";

/**
 * The application on top of a connection of the stack under test, as a recorder: it does nothing
 * by itself and remembers what it was told.
 */
export class ObservedConnection implements ConnectionObserver {
  /** The connection. */
  readonly connection: Connection;
  /** State of the connection when it was handed over. */
  readonly stateAtEntry: TcpState;
  /** Calls of `readable` so far. */
  readableCalls = 0;
  /** Calls of `writable` so far. */
  writableCalls = 0;
  /** Reasons that `closed` was called with; more than one is a fault of the stack. */
  readonly reasons: CloseReason[] = [];

  /** Observes a connection that was just handed over. */
  constructor(connection: Connection) {
    this.connection = connection;
    this.stateAtEntry = connection.state;
    connection.observer = this;
  }

  /** Counts. */
  readable(): void {
    this.readableCalls++;
  }

  /** Counts. */
  writable(): void {
    this.writableCalls++;
  }

  /** Remembers the reason. */
  closed(reason: CloseReason): void {
    this.reasons.push(reason);
  }

  /** Reads at most `limit` bytes of what has arrived. */
  read(limit: number = Infinity): Uint8Array {
    const bytes = new Uint8Array(Math.min(limit, this.connection.readableBytes));
    return bytes.subarray(0, this.connection.read(bytes));
  }

  /** Reads all that has arrived, as text. */
  readText(): string {
    return new TextDecoder().decode(this.read());
  }

  /** Writes text or bytes; returns how many bytes were taken. */
  write(data: string | Uint8Array): number {
    return this.connection.write(typeof data === "string" ? new TextEncoder().encode(data) : data);
  }
}
