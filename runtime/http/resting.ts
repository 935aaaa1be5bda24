import type { ReadableWaiter } from "../readable_waiter.ts";
import type { HttpConnection } from "./api.ts";
import { type Rester, ServerConnection } from "./connection.ts";
import { Deadline } from "./deadline.ts";
import type { Drainable } from "./drain.ts";
import type { HttpEnding, HttpServer } from "./server.ts";

/** A connection that has somebody told when there is something to read. */
export type WatchedConnection = HttpConnection & Required<Pick<HttpConnection, "onceReadable">>;

/**
 * A connection before its first request, or on which there has been none for a while: all that is
 * kept of it until the next one begins.
 */
export class RestingConnection extends Deadline implements Drainable, ReadableWaiter, Rester {
  nextDrainable: Drainable | undefined = undefined;
  previousDrainable: Drainable | undefined = undefined;
  readonly #server: HttpServer;
  readonly #connection: WatchedConnection;
  readonly #ending: HttpEnding;
  #over = false;

  /** @param left How long it may rest, in milliseconds. */
  constructor(
    server: HttpServer,
    connection: WatchedConnection,
    ending: HttpEnding,
    left: number,
  ) {
    super(server.timers);
    this.#server = server;
    this.#connection = connection;
    this.#ending = ending;
    this.set(left);
    server.drain?.join(this);
    if (!this.#over) connection.onceReadable(this);
  }

  /** {@link ReadableWaiter.readable} */
  readable(): void {
    if (this.#over) return;
    this.#leave();
    if (awoken.push(this) === 1) queueMicrotask(serveAwoken);
  }

  /** {@link Drainable.drain} */
  drain(): void {
    this.expire();
  }

  /** Nobody has asked for anything for too long. */
  protected override expire(): void {
    if (this.#over) return;
    this.#leave();
    this.close();
    this.#connection.close();
    this.#ending.finished(this.#connection);
  }

  /** A request has begun, or the client has left. */
  serve(): void {
    void new ServerConnection(this.#server, this.#connection, this.#ending, this).run();
    this.close();
  }

  /** {@link Rester.rest} */
  rest(left: number): void {
    new RestingConnection(this.#server, this.#connection, this.#ending, left);
  }

  #leave(): void {
    this.#over = true;
    this.#server.drain?.leave(this);
    this.clear();
  }
}

/** Those on which something has come: they are served once it has been taken in whole. */
let awoken: RestingConnection[] = [];

function serveAwoken(): void {
  const connections = awoken;
  awoken = [];
  for (const connection of connections) connection.serve();
}
