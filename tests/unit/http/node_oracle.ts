import { Buffer } from "node:buffer";
import http from "node:http";
import { Duplex } from "node:stream";
import { serveHttp } from "../../../runtime/http/mod.ts";
import { bytesOf, ClientEnd, textOf, turn } from "../../support/duplex.ts";

/** A request as a server understood it. */
export interface Understood {
  method: string;
  target: string;
  headers: [string, string][];
  body: string;
}

/** What a server made of the first request on a connection. */
export type Outcome =
  | { is: "accepted"; request: Understood }
  | { is: "rejected"; reason: string }
  /** It waits for more. */
  | { is: "incomplete" };

/** What node:http (llhttp) makes of `text`. */
export async function nodeOutcome(text: string): Promise<Outcome> {
  const outcome = Promise.withResolvers<Outcome>();
  const server = http.createServer({ requireHostHeader: true, insecureHTTPParser: false });
  const answer = (request: http.IncomingMessage, response: http.ServerResponse) => {
    let body = "";
    request.on("data", (chunk: Uint8Array) => body += textOf(chunk));
    request.on("error", () => {});
    request.on("end", () => {
      const { rawHeaders, method = "", url: target = "" } = request;
      const pairs: [string, string][] = [];
      for (let i = 0; i < rawHeaders.length; i += 2) {
        pairs.push([rawHeaders[i]!, rawHeaders[i + 1]!]);
      }
      outcome.resolve({
        is: "accepted",
        request: { method, target, headers: [...new Headers(pairs)], body },
      });
      response.end();
    });
  };
  server.on("request", answer);
  server.on("checkContinue", answer);
  server.on("clientError", (error, socket) => {
    outcome.resolve({
      is: "rejected",
      reason: (error as NodeJS.ErrnoException).code ?? error.message,
    });
    socket.destroy();
  });
  const socket = new Duplex({
    read() {},
    write(chunk: Uint8Array, _, done) {
      const output = textOf(chunk);
      if (/^HTTP\/1\.1 [45]/.test(output)) outcome.resolve({ is: "rejected", reason: output });
      done();
    },
  });
  socket.on("error", () => {});
  server.emit("connection", socket);
  // Byte by byte: in one piece, a fault behind the request would make it forget the request.
  for (const byte of bytesOf(text)) {
    socket.push(Buffer.from([byte]));
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  for (let i = 0; i < 5; i++) await turn();
  outcome.resolve({ is: "incomplete" });
  socket.destroy();
  await turn();
  return outcome.promise;
}

/** What the engine makes of `text`, sent in one piece or as many as there are. */
export async function ourOutcome(...pieces: string[]): Promise<Outcome> {
  const client = new ClientEnd();
  let outcome: Outcome = { is: "incomplete" };
  const done = serveHttp(client.server, async (request) => {
    const { method, url } = request;
    const headers = [...request.headers];
    const bodyless = method === "GET" || method === "HEAD";
    const body = bodyless ? "" : textOf(await request.bytes());
    if (outcome.is === "incomplete") {
      // The engine gives no more than the URL: the target is what follows the host of the request.
      const origin = `http://${request.headers.get("host") || client.server.localAddr.hostname}`;
      const path = url.startsWith(`${origin}/`) ? url.slice(origin.length) : url;
      const target = method === "OPTIONS" && path === "/*" ? "*" : path;
      outcome = { is: "accepted", request: { method, target, headers, body } };
    }
    return new Response(null);
  });
  for (const piece of pieces) {
    client.send(piece);
    if (pieces.length > 1) await turn();
  }
  await turn();
  await turn();
  if (outcome.is === "incomplete" && /^HTTP\/1\.1 [45]/m.test(client.text)) {
    outcome = { is: "rejected", reason: client.text.split("\r\n\r\n").at(-1)!.trim() };
  }
  client.reset();
  await done;
  return outcome;
}
