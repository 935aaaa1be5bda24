import type { CloseReason, Connection, ConnectionObserver } from "../stack/tcp/api.ts";
import { copy } from "../stack/tcp/byte_ring.ts";
import { connectionError, flowClosedError, ignore, reject, rejected } from "./errors.ts";
import { Fifo } from "./fifo.ts";
import type { ReadableWaiter } from "./readable_waiter.ts";

/** Somebody waits for data, with a place to put them or without. */
interface Reader extends PromiseWithResolvers<number | null> {
  readonly target: Uint8Array | undefined;
}

/** Somebody waits until all of the source was taken. */
interface Writer extends PromiseWithResolvers<number> {
  readonly source: Uint8Array;
  taken: number;
}

/** Whose the connection is. */
export interface FlowOwner {
  /** The connection has ended, and every waiter is settled; called once. */
  ended(reason: CloseReason): void;
}

/**
 * What stands between a connection, which never waits, and those who wait for it: queued reads and
 * writes, and who is told of the end. Nothing is held for an idle flow; everything is settled when
 * the connection ends.
 *
 * Promises that are rejected here are marked as handled: a plugin that does not look at one of them
 * must not end the process.
 */
export class FlowCore implements ConnectionObserver {
  /** The connection underneath. */
  readonly connection: Connection;
  /** `close` or `abort` was called: nobody reads or writes any more. */
  released = false;
  /** `closeWrite` was called. */
  #writeShut = false;
  #readers: Fifo<Reader> | undefined;
  /** Who waits in the place of readers. */
  #waiter: ReadableWaiter | undefined;
  #writers: Fifo<Writer> | undefined;
  #closed: PromiseWithResolvers<CloseReason> | undefined;

  readonly #owner: FlowOwner;

  /**
   * @param connection An Established connection; this becomes its observer.
   * @param owner Told of the end.
   */
  constructor(connection: Connection, owner: FlowOwner) {
    this.connection = connection;
    this.#owner = owner;
    connection.observer = this;
  }

  /** The peer, as `192.168.69.1:37629`. */
  get peer(): string {
    return `${this.connection.remote.address}:${this.connection.remote.port}`;
  }

  /** Bytes that a read would get at once; 0 after `close` and `abort`. */
  get available(): number {
    return this.released ? 0 : this.connection.readableBytes;
  }

  /** Resolves with the reason when the connection has ended. */
  get end(): Promise<CloseReason> {
    if (this.#closed === undefined) {
      this.#closed = Promise.withResolvers();
      const reason = this.connection.closeReason;
      if (reason !== undefined) this.#closed.resolve(reason);
    }
    return this.#closed.promise;
  }

  /**
   * Reads into `target`, or, without one, waits until there is something to read.
   *
   * @returns Bytes read, or bytes waiting; `null` at the end of the peer's stream.
   */
  read(target?: Uint8Array): Promise<number | null> {
    if (target?.length === 0) return Promise.resolve(0);
    if (this.released) return rejected(this.readError);
    if (this.#readers === undefined || this.#readers.head === undefined) {
      const outcome = this.#take(target);
      if (outcome !== 0) return Promise.resolve(outcome);
      const error = this.readError;
      if (error !== undefined) return rejected(error);
    }
    const reader: Reader = { ...Promise.withResolvers<number | null>(), target };
    (this.#readers ??= new Fifo()).push(reader);
    return reader.promise;
  }

  /** Has a waiter told once when a read would not wait; a read that waits now never settles. */
  onceReadable(waiter: ReadableWaiter): void {
    this.#readers = undefined;
    this.#waiter = waiter;
    const { readableBytes, ended, closeReason } = this.connection;
    if (this.released || readableBytes > 0 || ended || closeReason !== undefined) this.#wake();
  }

  /** Writes all of `source`, behind whatever was written before. */
  write(source: Uint8Array): Promise<number> {
    if (this.released) return rejected(flowClosedError(this.peer));
    if (this.#writeShut) {
      return rejected(new Deno.errors.BrokenPipe(`write to ${this.peer} after closeWrite`));
    }
    const error = this.writeError;
    if (error !== undefined) return rejected(error);
    let taken = 0;
    if (this.#writers === undefined || this.#writers.head === undefined) {
      taken = this.connection.write(source);
      if (taken === source.length) return Promise.resolve(taken);
    }
    const writer: Writer = { ...Promise.withResolvers<number>(), source, taken };
    (this.#writers ??= new Fifo()).push(writer);
    return writer.promise;
  }

  /** Writes what there is room for; nothing while others wait, or when nothing can be written. */
  writeNow(source: Uint8Array): number {
    if (this.released || this.#writeShut || this.#writers?.head !== undefined) return 0;
    return this.connection.write(source);
  }

  /** Says FIN behind everything written; resolves when all of it was taken. */
  closeWrite(): Promise<void> {
    if (this.released) return rejected(flowClosedError(this.peer));
    this.#writeShut = true;
    const last = this.#writers?.tail;
    if (last !== undefined) return last.promise.then(ignore, ignore);
    this.connection.closeWrite();
    return Promise.resolve();
  }

  /** The whole goodbye, after the writes that still wait for room. */
  close(): void {
    if (this.released) return;
    this.released = true;
    this.#wake();
    if (this.#readers?.head !== undefined) this.#rejectReaders(this.#interrupted("close"));
    if (this.#writers?.head === undefined) this.connection.close();
    else this.#discard();
  }

  /** Resets. */
  abort(): void {
    this.released = true;
    this.#wake();
    const error = this.#interrupted("abort");
    this.#rejectReaders(error);
    this.#rejectWriters(error);
    this.connection.abort();
  }

  /** Why a read that finds nothing need not wait; `undefined` while something may yet come. */
  get readError(): Error | undefined {
    if (this.released) return flowClosedError(this.peer);
    const reason = this.connection.closeReason;
    if (reason === undefined || this.connection.ended) return undefined;
    // Ended in good order and yet without the peer's FIN: the wait for it was given up.
    return connectionError(reason === "closed" ? "timeout" : reason, this.peer);
  }

  /** Why nothing can be written any more; `undefined` while the connection lives. */
  get writeError(): Error | undefined {
    const reason = this.connection.closeReason;
    return reason === undefined ? undefined : connectionError(reason, this.peer);
  }

  /** {@link ConnectionObserver.readable} */
  readable(): void {
    if (this.released) return this.#discard();
    this.#wake();
    const readers = this.#readers;
    if (readers === undefined) return;
    for (let reader = readers.head; reader !== undefined; reader = readers.head) {
      const outcome = this.#take(reader.target);
      if (outcome === 0) return;
      readers.shift();
      reader.resolve(outcome);
    }
  }

  /** {@link ConnectionObserver.received} */
  received(bytes: Uint8Array, offset: number, count: number): number {
    const readers = this.#readers;
    if (readers === undefined || this.released) return 0;
    let taken = 0;
    for (let reader = readers.head; reader?.target !== undefined && taken < count;) {
      const length = Math.min(reader.target.length, count - taken);
      copy(bytes, offset + taken, reader.target, 0, length);
      taken += length;
      readers.shift();
      reader.resolve(length);
      reader = readers.head;
    }
    return taken;
  }

  /** {@link ConnectionObserver.writable} */
  writable(): void {
    const writers = this.#writers;
    if (writers === undefined) return;
    for (let writer = writers.head; writer !== undefined; writer = writers.head) {
      writer.taken += this.connection.write(writer.source.subarray(writer.taken));
      if (writer.taken < writer.source.length) return;
      writers.shift();
      writer.resolve(writer.taken);
    }
    if (this.released) this.connection.close();
    else if (this.#writeShut) this.connection.closeWrite();
  }

  /** {@link ConnectionObserver.closed} */
  closed(reason: CloseReason): void {
    this.#wake();
    // Errors are expensive: none is made that nobody gets.
    if (this.#readers?.head !== undefined && !this.released) {
      this.readable();
      const error = this.readError;
      if (error !== undefined) this.#rejectReaders(error);
    }
    if (this.#writers?.head !== undefined) {
      this.#rejectWriters(connectionError(reason, this.peer));
    }
    this.#closed?.resolve(reason);
    this.#owner.ended(reason);
  }

  /** Bytes moved to `target` (or waiting, without one), `null` at the end, 0 for nothing yet. */
  #take(target: Uint8Array | undefined): number | null {
    const count = target === undefined
      ? this.connection.readableBytes
      : this.connection.read(target);
    return count === 0 && this.connection.ended ? null : count;
  }

  /**
   * Between `close` and the last waiting write: what arrives is of no use to anyone, and would
   * close the window on a peer that writes before it reads.
   */
  #discard(): void {
    scratch ??= new Uint8Array(65536);
    while (this.connection.read(scratch) > 0);
  }

  #interrupted(by: string): Error {
    return new Deno.errors.Interrupted(`operation on the flow to ${this.peer} ended by its ${by}`);
  }

  /** Tells the waiter, if there is one. */
  #wake(): void {
    const waiter = this.#waiter;
    this.#waiter = undefined;
    waiter?.readable();
  }

  #rejectReaders(error: Error): void {
    const readers = this.#readers;
    this.#readers = undefined;
    for (let reader = readers?.shift(); reader !== undefined; reader = readers?.shift()) {
      reject(reader, error);
    }
  }

  #rejectWriters(error: Error): void {
    const writers = this.#writers;
    this.#writers = undefined;
    for (let writer = writers?.shift(); writer !== undefined; writer = writers?.shift()) {
      reject(writer, error);
    }
  }
}

/** Where unwanted bytes go; made when first needed. */
let scratch: Uint8Array | undefined;
