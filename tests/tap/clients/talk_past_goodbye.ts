// Talks to a server that says goodbye without listening: sends before it reads, reads to the end,
// and goes on sending.
//
//   talk_past_goodbye.ts HOST PORT BYTES_BEFORE BYTES_AFTER
//
// Prints {"text": what the server said, "ended": it ended with FIN, "sent": bytes accepted after
// that, "reset": whether the connection was reset in the end}.

import { print } from "./output.ts";

/** What is printed. */
export interface TalkResult {
  text: string;
  ended: boolean;
  sent: number;
  reset: boolean;
}

const [hostname, port, before, after] = Deno.args;
const result: TalkResult = { text: "", ended: false, sent: 0, reset: false };
using conn = await Deno.connect({ hostname, port: Number(port) });
const chunk = new Uint8Array(65_536).fill(0x2e);

async function send(bytes: number): Promise<number> {
  let sent = 0;
  while (sent < bytes) sent += await conn.write(chunk.subarray(0, bytes - sent));
  return sent;
}

try {
  await send(Number(before));
  const buffer = new Uint8Array(4096);
  const decoder = new TextDecoder();
  while (true) {
    const length = await conn.read(buffer);
    if (length === null) break;
    result.text += decoder.decode(buffer.subarray(0, length));
  }
  result.ended = true;
  while (result.sent < Number(after)) {
    result.sent += await send(Math.min(chunk.length, Number(after) - result.sent));
  }
} catch (error) {
  if (!(error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe)) {
    throw error;
  }
  result.reset = true;
}
print(JSON.stringify(result));
