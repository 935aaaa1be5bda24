// Opens connections, and says lines on them as it is told on standard input.
//
//   lines.ts HOST PORT COUNT
//
// Each line of standard input is "WHERE TEXT": the number of a connection, or * for all. After it a
// line is printed: its number and a JSON array of what each of them answered: a line, or "end" (FIN)
// or "reset". With the word "read" in place of a text nothing is said, only read, to the end.

import { print } from "./output.ts";

const [hostname, port, count] = Deno.args;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

async function say(conn: Deno.TcpConn, text: string): Promise<string> {
  const buffer = new Uint8Array(4096);
  try {
    await conn.write(encoder.encode(`${text}\n`));
    const length = await conn.read(buffer);
    return length === null ? "end" : decoder.decode(buffer.subarray(0, length)).trim();
  } catch {
    return "reset";
  }
}

async function readAll(conn: Deno.TcpConn): Promise<string> {
  try {
    return await new Response(conn.readable).text() + "end";
  } catch {
    return "reset";
  }
}

const conns: Deno.TcpConn[] = [];
for (let i = 0; i < Number(count); i++) {
  conns.push(await Deno.connect({ hostname: hostname!, port: Number(port) }));
}
print("open");

let number = 0;
let rest = "";
for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
  const lines = (rest + text).split("\n");
  rest = lines.pop()!;
  for (const line of lines) {
    const [where, what] = line.split(" ", 2) as [string, string];
    const chosen = where === "*" ? conns : [conns[Number(where)]!];
    const answers = chosen.map((conn) => what === "read" ? readAll(conn) : say(conn, what));
    print(`${++number} ${JSON.stringify(await Promise.all(answers))}`);
  }
}
