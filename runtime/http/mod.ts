import type { HttpConnection, HttpHandler, HttpOptions } from "./api.ts";
import { ServerConnection } from "./connection.ts";
import { RestingConnection, type WatchedConnection } from "./resting.ts";
import { type HttpEnding, HttpServer } from "./server.ts";

export type {
  FailedRequest,
  HttpConnection,
  HttpHandler,
  HttpOptions,
  ServeInfo,
  Timers,
} from "./api.ts";
export { DEFAULT_LIMITS, type Limits } from "./limits.ts";
export { type HttpEnding, HttpServer } from "./server.ts";

/**
 * Serves HTTP/1.1 and HTTP/1.0 (RFC 9110, RFC 9112) on one connection, and closes it.
 *
 * The handler is called as by `Deno.serve`: with a `Request` and `{ remoteAddr, completed }`, for
 * one request after the other. If it fails the answer is 500 and the connection goes on. What is
 * malformed or beyond the limits is answered with its status, and the connection closed.
 *
 * `request.signal` is aborted when the connection is lost before the whole response was sent, and
 * when the client ends its stream before that, because most clients that do so have left; so does
 * `Deno.serve`. But some wait for the response to their last request: unlike there they get it, if
 * the handler gives one. After a response that was sent the signal is not aborted any more.
 *
 * @param connection An established connection; nothing else may read from or write to it.
 * @param handler Answers each request.
 * @param options Limits, drain signal, and where errors are told.
 * @returns Resolves when the connection is finished: closed by us, after the client's last request
 *   or a fault, or lost. Nothing that a client sends makes it reject.
 * @throws {RangeError} If a limit is negative or no number.
 */
export function serveHttp(
  connection: HttpConnection,
  handler: HttpHandler,
  options: HttpOptions = {},
): Promise<void> {
  const server = new HttpServer(handler, options);
  return new Promise((resolve, reject) =>
    attend(server, connection, {
      finished: () => resolve(),
      failed: (_, error) => reject(error),
    })
  );
}

/**
 * Serves one connection of many, as {@link serveHttp}.
 *
 * @param server What it has in common with the others.
 * @param connection An established connection.
 * @param ending Told what becomes of it.
 */
export function attend(server: HttpServer, connection: HttpConnection, ending: HttpEnding): void {
  if (connection.onceReadable === undefined) {
    void new ServerConnection(server, connection, ending).run();
  } else {
    const { idleTimeout } = server.limits;
    new RestingConnection(server, connection as WatchedConnection, ending, idleTimeout);
  }
}
