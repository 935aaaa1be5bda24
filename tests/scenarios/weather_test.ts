// TCP-SCENARIOS.md section D: two of our stacks over bad lines (D1, D9, D16).
import { assert, assertEquals } from "@std/assert";
import { dropFrames, type Impairment } from "../../runtime/device/impairment.ts";
import type { Flow, Listener } from "../../runtime/listener.ts";
import { gone } from "../../runtime/testing/gone.ts";
import { network, type TestNetwork } from "../../runtime/testing/network.ts";
import { patternBytes } from "../../runtime/testing/segment_script.ts";
import type { Frame } from "../../stack/wire/frame.ts";

const echo: Listener = { flow: (flow) => flow.readable.pipeTo(flow.writable) };

/** Sends bytes and closes its half, and reads the answer to its end. */
async function exchange(flow: Flow, bytes: Uint8Array): Promise<Uint8Array> {
  const sent = flow.write(bytes).then(() => flow.closeWrite());
  const received = new Uint8Array(await new Response(flow.readable).arrayBuffer());
  await sent;
  return received;
}

/** Sends so many bytes through echo over a line; everything must come back, and nothing be left. */
async function echoes(path: Impairment, length: number, seed = 1): Promise<TestNetwork> {
  const net = network({ seed, path });
  await net.server.serve(7, echo);
  const data = patternBytes(1, length);
  const received = await net.run(async () =>
    exchange(await net.client.connect({ hostname: net.server.address, port: 7 }), data)
  );
  assertEquals(received.length, data.length);
  assertEquals(received, data);
  await net.advance(120_000);
  for (const { stack, log } of net.hosts) {
    gone(stack);
    assertEquals(log, []);
  }
  return net;
}

/** Bytes of an IPv4 packet behind its headers, TCP's included; 0 for anything else. */
function payloadOf({ bytes, offset }: Frame): number {
  const ip = offset + 14;
  if (bytes[offset + 12] !== 8 || bytes[ip + 9] !== 6) return 0;
  return bytes[ip + 2]! * 256 + bytes[ip + 3]! - 20 - (bytes[ip + 32]! >> 4) * 4;
}

Deno.test("D16: without any loss nothing is sent twice", async () => {
  await using net = await echoes({ delay: 5 }, 2_000_000);
  for (const { stack } of net.hosts) {
    assertEquals(stack.counters.tcp.segmentsRetransmitted, 0);
    assertEquals(stack.counters.tcp.droppedLinkFull, 0);
  }
});

Deno.test("D16: 1 % loss", async () => {
  await using net = await echoes({ delay: 5, loss: 0.01 }, 2_000_000);
  assert(net.server.stack.counters.tcp.segmentsRetransmitted > 0);
});

Deno.test("D16: 10 % of the frames without payload are lost", async () => {
  let dice = 0;
  const drop = (frame: Frame) => payloadOf(frame) === 0 && (dice = (dice * 7 + 3) % 101) < 10;
  await using net = await echoes({ delay: 5, drop }, 2_000_000);
  // Every later ACK says what a lost one said.
  assert(net.server.stack.counters.tcp.retransmissionTimeouts < 20);
});

Deno.test("D16: nothing goes through for a second after the first megabyte", async () => {
  let bytes = 0;
  let until = 0;
  const drop = (frame: Frame, _index: number, now: number) => {
    bytes += payloadOf(frame);
    if (until === 0 && bytes > 1_000_000) until = now + 1000;
    return now < until;
  };
  await using net = await echoes({ delay: 5, drop }, 2_000_000);
  assert(until > 0 && net.now > until);
});

Deno.test("D16: a burst of twenty segments is lost", async () => {
  await using _net = await echoes({ delay: 5, drop: dropFrames(200, 20) }, 1_000_000);
});

Deno.test("D16: everything bad at once", async () => {
  for (const seed of [1, 2, 3]) {
    await using _net = await echoes(
      {
        delay: 20,
        jitter: 20,
        loss: 0.03,
        burst: { enter: 0.002, exit: 0.3 },
        duplicate: 0.03,
        corrupt: 0.02,
        reorder: { probability: 0.05, delay: 15 },
        rate: 20_000_000,
        queue: 50_000,
      },
      300_000,
      seed,
    );
  }
});

Deno.test("D16: a line that is too slow for its queue", async () => {
  await using _net = await echoes({ delay: 30, rate: 1_000_000, queue: 20_000 }, 500_000);
});

Deno.test("L20: a hundred clients at once, over a bad line", async () => {
  await using net = network({ seed: 5, path: { delay: 10, loss: 0.02 } });
  await net.server.serve(7, echo);
  await net.run(() =>
    Promise.all(Array.from({ length: 100 }, async (_, i) => {
      const flow = await net.client.connect({ hostname: net.server.address, port: 7 });
      const data = patternBytes(i * 1000, 1000 + i * 100);
      assertEquals(await exchange(flow, data), data);
    }))
  );
  await net.advance(120_000);
  for (const { stack } of net.hosts) gone(stack);
});
