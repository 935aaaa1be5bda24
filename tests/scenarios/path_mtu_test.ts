// The largest segment that a path takes: black holes without ICMP (RFC 4821 and RFC 8899 in spirit).
import { assert, assertEquals } from "@std/assert";
import type { Flow } from "../../runtime/listener.ts";
import { network, type TestNetwork } from "../../runtime/testing/network.ts";
import { established } from "../support/established.ts";

const HEADERS = 14 + 20 + 20 + 12;
const FULL = 1448;

/** A client that writes to a server, on a path that drops frames with more than `limit` of payload. */
class Path {
  limit = Infinity;
  received = 0;
  /** Frames lost for their size. */
  dropped = 0;
  readonly net: TestNetwork;
  flow!: Flow;

  constructor() {
    this.net = network({ seed: 1, path: { delay: 10 } });
  }

  async open(): Promise<void> {
    const { net } = this;
    await net.server.serve(9, {
      flow: async (flow) => {
        for await (const bytes of flow.readable) this.received += bytes.length;
      },
    });
    await net.run(async () => {
      this.flow = await net.client.connect({ hostname: net.server.address, port: 9 });
    });
    net.client.impair({
      delay: 10,
      drop: ({ length }) => {
        if (length - HEADERS <= this.limit) return false;
        this.dropped++;
        return true;
      },
    });
  }

  /** Writes so much, and lets time pass. */
  async write(bytes: number, ms: number): Promise<void> {
    this.flow.write(new Uint8Array(bytes)).catch(() => {});
    await this.net.advance(ms);
  }

  get mss(): number {
    return this.flow.info().mss;
  }

  get counters() {
    return this.net.client.stack.counters.tcp;
  }
}

Deno.test("a path that swallows full segments without a word gets smaller ones", async () => {
  for (const [limit, mss] of [[1400, 1024], [1000, 512]] as const) {
    const path = new Path();
    await using _net = path.net;
    await path.open();
    path.limit = limit;
    await path.write(200_000, 8000);
    assertEquals([path.received, path.mss], [200_000, mss]);
    assertEquals(path.counters.blackHolesSuspected, mss === 1024 ? 1 : 2);
  }
});

Deno.test("segments are not made smaller for two timeouts", async () => {
  const path = new Path();
  await using _net = path.net;
  await path.open();
  path.limit = 1400;
  await path.write(FULL, 700);
  path.limit = Infinity;
  await path.net.advance(1000);
  assertEquals([path.received, path.mss], [FULL, FULL]);
  assertEquals(path.counters.retransmissionTimeouts, 2);
});

Deno.test("when nothing at all comes through, the size is what it was", async () => {
  const path = new Path();
  await using _net = path.net;
  await path.open();
  path.limit = -1000;
  await path.write(20_000, 30_000);
  assertEquals([path.mss, path.counters.blackHolesDismissed], [FULL, 1]);
  path.limit = Infinity;
  await path.net.advance(60_000);
  assertEquals([path.received, path.mss], [20_000, FULL]);
});

Deno.test("an interruption that ends just then costs the former size for ten seconds only", async () => {
  const path = new Path();
  await using _net = path.net;
  await path.open();
  path.limit = -1000;
  await path.write(20_000, 1000);
  for (let i = 0; path.mss === FULL && i < 100; i++) await path.net.advance(100);
  assertEquals(path.mss, 1024);
  path.limit = Infinity;
  await path.net.advance(8000);
  assertEquals([path.received, path.mss], [20_000, 512]);
  await path.net.advance(12_000);
  await path.write(20_000, 1000);
  assertEquals([path.received, path.mss, path.counters.pathMtuRaised], [40_000, FULL, 1]);
});

Deno.test("on a path with a black hole the former size is tried once, and then every ten minutes", async () => {
  const path = new Path();
  await using _net = path.net;
  await path.open();
  path.limit = 1400;
  await path.write(20_000, 20_000);
  const before = path.dropped;
  const timeouts = path.counters.retransmissionTimeouts;
  for (let seconds = 0; seconds < 500; seconds += 10) await path.write(20_000, 10_000);
  assertEquals([path.mss, path.dropped - before], [1024, 1]);
  for (let seconds = 0; seconds < 700; seconds += 10) await path.write(20_000, 10_000);
  assertEquals([path.mss, path.dropped - before], [1024, 2]);
  assertEquals(path.received, 20_000 * 121);
  assertEquals(path.counters.retransmissionTimeouts, timeouts, "a lost probe is found without one");
});

Deno.test("small segments that are lost are not made smaller", () => {
  const { t, peer, app } = established();
  app.write(new Uint8Array(500));
  t.advance(20_000);
  assert(t.stack.counters.tcp.retransmissionTimeouts > 4);
  assertEquals([app.connection.info().mss, t.stack.counters.tcp.blackHolesSuspected], [1460, 0]);
  peer.drain();
});
