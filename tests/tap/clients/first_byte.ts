// Opens connections to a port that speaks first, one after the other, and says how long the first
// byte of each took.
//
//   first_byte.ts HOST PORT COUNT
//
// Prints {"texts": [what each said, each once], "slowest": ms from connect to the first byte}.

import { print } from "./output.ts";

/** What is printed. */
export interface FirstByteResult {
  texts: string[];
  slowest: number;
}

const [hostname, port, count] = Deno.args;
const result: FirstByteResult = { texts: [], slowest: 0 };

async function visit(): Promise<void> {
  const started = performance.now();
  using conn = await Deno.connect({ hostname, port: Number(port) });
  const buffer = new Uint8Array(1024);
  const decoder = new TextDecoder();
  let text = "";
  for (let first = true;; first = false) {
    const length = await conn.read(buffer);
    if (first) result.slowest = Math.max(result.slowest, performance.now() - started);
    if (length === null) break;
    text += decoder.decode(buffer.subarray(0, length));
  }
  if (!result.texts.includes(text)) result.texts.push(text);
}

for (let visits = 0; visits < Number(count); visits++) await visit();
print(JSON.stringify(result));
