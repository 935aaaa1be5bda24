/**
 * Character Generator Protocol (RFC 864): lines of 72 of the 95 printing characters, each line
 * beginning one character further on, until the peer closes. What the peer sends is discarded.
 *
 * @module
 */
import type { Flow, Listener } from "../mod.ts";

const PRINTING = 95;
const COLUMNS = 72;

/** Several periods of the pattern, so that one write keeps the stack busy. */
const block = pattern(9);

/** Where discarded bytes go, for all flows. */
const nowhere = new Uint8Array(4096);

export default {
  async flow(flow) {
    await Promise.race([generate(flow), untilClosed(flow)]);
  },
} satisfies Listener;

async function generate(flow: Flow): Promise<void> {
  while (true) await flow.write(block);
}

async function untilClosed(flow: Flow): Promise<void> {
  while (await flow.read(nowhere) !== null);
}

/** `periods` times 95 lines: the first begins with the space, and so does the one after the last. */
function pattern(periods: number): Uint8Array {
  let text = "";
  for (let line = 0; line < periods * PRINTING; line++) {
    for (let column = 0; column < COLUMNS; column++) {
      text += String.fromCharCode(0x20 + (line + column) % PRINTING);
    }
    text += "\r\n";
  }
  return new TextEncoder().encode(text);
}
