// One connection that moves many bytes, and what became of them.
//
//   bulk.ts echo|chargen|discard HOST PORT BYTES
//
// Prints {"bytes", "sent", "received", "wrongAt", "ended", "ms"}: the SHA-256 of what was sent and
// received (echo), the first byte that is not chargen's pattern or -1 (chargen), and whether the
// stream ended well (echo, discard).

import { createHash } from "node:crypto";
import { print } from "./output.ts";

/** What {@link print} says. */
export interface BulkResult {
  bytes: number;
  sent: string;
  received: string;
  wrongAt: number;
  ended: boolean;
  ms: number;
}

const [mode, hostname, port, size] = Deno.args;
const total = Number(size);
const conn = await Deno.connect({ hostname, port: Number(port) });
const result: BulkResult = {
  bytes: 0,
  sent: "",
  received: "",
  wrongAt: -1,
  ended: false,
  ms: 0,
};
const started = performance.now();

async function writeAll(bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}

/** Sends `total` bytes that do not repeat (xorshift32), then the end of the stream. */
async function send(): Promise<void> {
  const hash = createHash("sha256");
  const words = new Uint32Array(16_384);
  let state = 0x9e3779b9;
  for (let left = total; left > 0;) {
    for (let i = 0; i < words.length; i++) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      words[i] = state;
    }
    const chunk = new Uint8Array(words.buffer).subarray(0, Math.min(left, words.byteLength));
    hash.update(chunk);
    await writeAll(chunk);
    left -= chunk.length;
  }
  await conn.closeWrite();
  result.sent = hash.digest("hex");
}

/** Receives to the end of the stream. */
async function receive(): Promise<void> {
  const hash = createHash("sha256");
  const buffer = new Uint8Array(262_144);
  while (true) {
    const length = await conn.read(buffer);
    if (length === null) break;
    result.bytes += length;
    hash.update(buffer.subarray(0, length));
  }
  result.ended = true;
  result.received = hash.digest("hex");
}

/** Compares `total` bytes with RFC 864's pattern and leaves. */
async function compare(): Promise<void> {
  const LINES = 95;
  const LINE = 74;
  const pattern = new Uint8Array(LINES * LINE);
  for (let line = 0; line < LINES; line++) {
    for (let column = 0; column < 72; column++) {
      pattern[line * LINE + column] = 32 + (line + column) % 95;
    }
    pattern[line * LINE + 72] = 13;
    pattern[line * LINE + 73] = 10;
  }
  const buffer = new Uint8Array(262_144);
  let at = 0;
  while (result.bytes < total) {
    const length = await conn.read(buffer);
    if (length === null) return;
    for (let i = 0; i < length; i++) {
      if (buffer[i] !== pattern[at] && result.wrongAt < 0) result.wrongAt = result.bytes + i;
      if (++at === pattern.length) at = 0;
    }
    result.bytes += length;
  }
}

if (mode === "echo") await Promise.all([send(), receive()]);
else if (mode === "discard") {
  await send();
  await receive();
} else await compare();
result.ms = Math.round(performance.now() - started);
conn.close();
print(JSON.stringify(result));
