import {
  type HttpConnection,
  type HttpHandler,
  type HttpOptions,
  serveHttp,
} from "../../../runtime/http/mod.ts";
import { bytesOf, textOf } from "../../support/duplex.ts";
import type { ParsedResponse } from "./support.ts";

/** A response that came over a socket. */
export interface SocketResponse extends ParsedResponse {
  /** Whether the connection persists after it. */
  kept: boolean;
}

/** Reads one response from a socket; how the body ends is told by the head, as a client must. */
async function readResponse(conn: Deno.Conn, request: string): Promise<SocketResponse> {
  const buffer = new Uint8Array(65_536);
  let text = "";
  let ended = false;
  const more = async () => {
    const length = await conn.read(buffer).catch(() => null);
    if (length === null) ended = true;
    else text += textOf(buffer.subarray(0, length));
  };
  const until = async (found: () => boolean) => {
    while (!found() && !ended) await more();
  };
  await until(() => text.includes("\r\n\r\n"));
  const end = text.indexOf("\r\n\r\n");
  const [statusLine = "", ...lines] = text.slice(0, end).split("\r\n");
  const headers = new Map<string, string>();
  for (const line of lines) {
    const name = line.slice(0, line.indexOf(":")).toLowerCase();
    const value = line.slice(line.indexOf(":") + 1).trim();
    const joint = name === "set-cookie" ? " | " : ", ";
    headers.set(name, headers.has(name) ? `${headers.get(name)}${joint}${value}` : value);
  }
  text = text.slice(end + 4);
  const status = Number(statusLine.slice(9, 12));
  const length = headers.get("content-length");
  let body = "";
  if (request.startsWith("HEAD") || status === 204 || status === 205 || status === 304) body = "";
  else if (headers.get("transfer-encoding") === "chunked") {
    await until(() => /(?:^|\r\n)0\r\n\r\n$/.test(text));
    for (let rest = text; !rest.startsWith("0\r\n");) {
      const size = Number.parseInt(rest, 16);
      const start = rest.indexOf("\r\n") + 2;
      body += rest.slice(start, start + size);
      rest = rest.slice(start + size + 2);
    }
  } else if (length !== undefined) {
    await until(() => text.length >= Number(length));
    body = text.slice(0, Number(length));
  } else {
    await until(() => false);
    body = text;
  }
  headers.delete("date");
  const connection = headers.get("connection");
  const kept = !ended &&
    (request.includes("HTTP/1.0\r\n") ? connection === "keep-alive" : connection !== "close");
  return { status, reason: statusLine.slice(13), headers, body, kept };
}

/** Sends a request on a connection of its own, and reads the response. */
export async function ask(port: number, request: string): Promise<SocketResponse> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  await conn.write(bytesOf(request));
  const response = await readResponse(conn, request);
  conn.close();
  return response;
}

/** Serves the sockets that a listener accepts with the engine, as the runtime does with flows. */
export class EngineServer {
  readonly #listener: Deno.TcpListener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #serving = new Set<Promise<void>>();
  readonly #accepting: Promise<void>;

  constructor(handler: HttpHandler, options: HttpOptions = {}) {
    this.#accepting = this.#accept(handler, options);
  }

  /** The port on 127.0.0.1. */
  get port(): number {
    return this.#listener.addr.port;
  }

  /** Accepts no more, and waits until the connections have ended. */
  async close(): Promise<void> {
    this.#listener.close();
    await this.#accepting;
    await Promise.all(this.#serving);
  }

  async #accept(handler: HttpHandler, options: HttpOptions): Promise<void> {
    for await (const conn of this.#listener) {
      const { connection, closed } = lingering(conn);
      const done = serveHttp(connection, handler, options).then(() => closed)
        .finally(() => this.#serving.delete(done));
      this.#serving.add(done);
    }
  }
}

/** A kernel socket whose `close` lingers, as that of a flow does. */
function lingering(conn: Deno.TcpConn): { connection: HttpConnection; closed: Promise<void> } {
  const { localAddr, remoteAddr } = conn;
  const closed = Promise.withResolvers<void>();
  const linger = async () => {
    try {
      await conn.closeWrite();
      const rest = new Uint8Array(65_536);
      for (let taken = 0; taken < 10_000_000;) {
        const length = await conn.read(rest);
        if (length === null) break;
        taken += length;
      }
    } catch {
      // The client was faster.
    }
    conn.close();
    closed.resolve();
  };
  const connection: HttpConnection = {
    localAddr,
    remoteAddr,
    read: (p) => conn.read(p),
    write: (p) => conn.write(p),
    closeWrite: () => conn.closeWrite(),
    close: () => void linger(),
  };
  return { connection, closed: closed.promise };
}
