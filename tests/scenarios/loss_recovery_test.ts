// Loss recovery with SACK: RACK-TLP (RFC 8985).
import { assert, assertEquals } from "@std/assert";
import { network } from "../../runtime/testing/network.ts";
import { read32 } from "../../stack/wire/bytes.ts";
import type { Frame } from "../../stack/wire/frame.ts";

const DELAY = 20;
const RTT = 2 * DELAY;
const SEGMENT = 1448;
const SEGMENTS = 100;
/** Index of the sequence number: behind the headers of Ethernet, IPv4 and the ports. */
const SEQUENCE = 14 + 20 + 4;

/** Sends a hundred segments, of which one is lost, and tells how long it took to be sent again. */
async function transfer(lost: number | undefined) {
  await using net = network({ seed: 1, path: { delay: DELAY } });
  let received = 0;
  net.server.serve(80, {
    async flow(flow) {
      const buffer = new Uint8Array(65536);
      for (let n = await flow.read(buffer); n !== null; n = await flow.read(buffer)) received += n;
    },
  });
  let index = 0;
  let dropped: { seq: number; at: number } | undefined;
  let again = 0;
  const drop = (frame: Frame, _index: number, now: number): boolean => {
    if (frame.length < SEGMENT) return false;
    const seq = read32(frame.bytes, frame.offset + SEQUENCE);
    if (seq === dropped?.seq) again = now - dropped.at;
    if (index++ !== lost) return false;
    dropped = { seq, at: now };
    return true;
  };
  await net.run(async () => {
    const flow = await net.client.connect({ hostname: net.server.address, port: 80 });
    net.client.impair({ delay: DELAY, drop });
    await flow.write(new Uint8Array(SEGMENT * SEGMENTS));
    flow.close();
    await flow.closed;
  });
  assertEquals(received, SEGMENT * SEGMENTS);
  return { again, counters: net.client.stack.counters.tcp };
}

Deno.test("without a loss nothing is sent twice, and nothing is probed", async () => {
  const { counters } = await transfer(undefined);
  assertEquals([counters.segmentsRetransmitted, counters.tailLossProbes], [0, 0]);
});

Deno.test("any one lost segment of 100 is sent again within a round trip and a probe, never by timeout", async () => {
  for (let lost = 0; lost < SEGMENTS; lost++) {
    const { again, counters } = await transfer(lost);
    const where = `segment ${lost}, sent again after ${again} ms`;
    assertEquals(counters.retransmissionTimeouts, 0, where);
    assert(again > 0, where);
    // The last one alone leaves nothing to go by but the probe, which allows for a delayed ACK.
    const probe = 2 * RTT + (lost === SEGMENTS - 1 ? 200 : 20 + RTT / 4);
    assert(again <= RTT + probe, where);
    assert(counters.segmentsRetransmitted <= 2, where);
  }
});
