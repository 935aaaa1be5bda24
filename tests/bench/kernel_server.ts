// What a user would otherwise run: the same services on the kernel's TCP, by Deno.serve and
// Deno.listen. TCP 7 echo, 9 discard, 19 chargen (or goodbye), 80 HTTP, 8080 HTTP with a large body,
// 8081 HTTP with a timer.
//
//   kernel_server.ts ADDRESS [GOODBYE]

import hello from "./hello.ts";
import large from "./large.ts";
import timer from "./timer.ts";

const [hostname = "0.0.0.0", goodbye] = Deno.args;

async function serve(port: number, flow: (conn: Deno.TcpConn) => Promise<void>): Promise<void> {
  for await (const conn of Deno.listen({ hostname, port })) {
    conn.setNoDelay();
    flow(conn).catch(() => {}).finally(() => {
      try {
        conn.close();
      } catch {
        // Closed by the flow.
      }
    });
  }
}

async function writeAll(conn: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}

async function echo(conn: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(65_536);
  while (true) {
    const length = await conn.read(buffer);
    if (length === null) return;
    await writeAll(conn, buffer.subarray(0, length));
  }
}

async function discard(conn: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(65_536);
  while (await conn.read(buffer) !== null);
}

/** The pattern of RFC 864, ten periods of it. */
const PATTERN = new TextEncoder().encode(
  Array.from(
    { length: 950 },
    (_, line) =>
      String.fromCharCode(...Array.from({ length: 72 }, (_, i) => 32 + (line + i) % 95)) + "\r\n",
  ).join(""),
);

async function chargen(conn: Deno.TcpConn): Promise<void> {
  while (true) await writeAll(conn, PATTERN);
}

async function sayGoodbye(conn: Deno.TcpConn): Promise<void> {
  await writeAll(conn, new TextEncoder().encode(goodbye!));
}

serve(7, echo);
serve(9, discard);
serve(19, goodbye === undefined ? chargen : sayGoodbye);
Deno.serve({ hostname, port: 8080, onListen: () => {} }, large.fetch);
Deno.serve({ hostname, port: 8081, onListen: () => {} }, timer.fetch);
Deno.serve({
  hostname,
  port: 80,
  onListen: () => Deno.stderr.writeSync(new TextEncoder().encode(`serving on ${hostname}\n`)),
}, hello.fetch);
Deno.addSignalListener("SIGTERM", () => Deno.exit(0));
