// Opens keep-alive connections, each with one request answered, and holds them until the server
// ends them.
//
//   hold.ts HOST PORT COUNT
//
// Prints "open" when all are open, then {"ended": with FIN, "reset": with RST}.

import { print } from "./output.ts";

/** What is printed at the end. */
export interface HoldResult {
  ended: number;
  reset: number;
}

const [hostname, port, count] = Deno.args;
const request = new TextEncoder().encode(`GET / HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`);
const result: HoldResult = { ended: 0, reset: 0 };
const buffer = new Uint8Array(65_536);
const decoder = new TextDecoder();

async function open(): Promise<Deno.TcpConn> {
  const conn = await Deno.connect({ hostname: hostname!, port: Number(port) });
  await conn.write(request);
  const length = await conn.read(buffer);
  const head = decoder.decode(buffer.subarray(0, length ?? 0));
  if (!head.startsWith("HTTP/1.1 200 ")) throw new Error(`not served: ${head}`);
  return conn;
}

async function hold(conn: Deno.TcpConn): Promise<void> {
  const own = new Uint8Array(4096);
  try {
    while (await conn.read(own) !== null);
    result.ended++;
  } catch {
    result.reset++;
  }
  conn.close();
}

const conns: Deno.TcpConn[] = [];
for (let i = 0; i < Number(count); i++) conns.push(await open());
print("open");
await Promise.all(conns.map(hold));
print(JSON.stringify(result));
