// Explicit congestion notification: RFC 3168 section 6.1, RFC 8511.
import { assert, assertEquals } from "@std/assert";
import { CONGESTION_NAMES } from "../../stack/tcp/congestion.ts";
import { network } from "../../runtime/testing/network.ts";
import { scenario, type ScenarioOptions } from "../../runtime/testing/scenario.ts";
import type { ScriptedPeer } from "../../runtime/testing/scripted_peer.ts";
import type { ObservedConnection } from "../../runtime/testing/observed_connection.ts";

const ECT = 2;
const MARKED = { ip: { tos: 3 } };

/** A connection on which both sides have agreed to react to marks. */
function agreed(options: ScenarioOptions = {}): { peer: ScriptedPeer; app: ObservedConnection } {
  const t = scenario({ listen: 80, ...options });
  const peer = t.peer();
  peer.send("SYN ECE CWR seq=0 mss=1460");
  const synAck = peer.expect("SYN ACK ECE seq=0 ack=1");
  assertEquals(synAck.ecn, 0); // section 6.1.1: no SYN-ACK is markable
  peer.send("ACK seq=1 ack=1 win=65535");
  return { peer, app: t.accepted[0]! };
}

Deno.test("ECN: a peer that offers it gets ECE in the SYN-ACK, and new data that may be marked", () => {
  const { peer, app } = agreed();
  app.write("hello");
  const data = peer.expect("PSH ACK seq=1 ack=1", "hello");
  assertEquals(data.ecn, ECT);
  peer.send("ACK seq=1 ack=6 len=10");
  assertEquals(peer.drain().map(({ ecn }) => ecn), []);
});

Deno.test("ECN: neither acknowledgments nor retransmissions nor window probes may be marked", () => {
  const t = scenario({ listen: 80 });
  const peer = t.peer();
  peer.send("SYN ECE CWR seq=0 mss=1460");
  peer.expect("SYN ACK ECE seq=0 ack=1");
  peer.send("ACK seq=1 ack=1 win=65535");
  peer.send("ACK len=1460");
  peer.send("ACK len=1460");
  assertEquals(peer.expect("ACK ack=2921").ecn, 0);
  t.accepted[0]!.write("lost");
  assertEquals(peer.lose("PSH ACK", "lost").ecn, ECT);
  t.advance(1500);
  assertEquals(peer.expect("PSH ACK", "lost").ecn, 0);
  peer.drain();
  peer.send("ACK ack=5 win=0");
  t.accepted[0]!.write("more");
  t.advance(5000);
  for (const probe of peer.drain()) assertEquals(probe.ecn, 0);
});

Deno.test("ECN: is not agreed on with who does not offer it, or offers half of it, or where it is off", () => {
  for (
    const [syn, ecn] of [["SYN", "accept"], ["SYN ECE", "accept"], ["SYN ECE CWR", "off"]] as const
  ) {
    const t = scenario({ listen: 80, tcp: { ecn } });
    const peer = t.peer();
    peer.send(`${syn} seq=0 mss=1460`);
    peer.expect("SYN ACK seq=0 ack=1");
    peer.send("ACK seq=1 ack=1 win=65535");
    t.accepted[0]!.write("hello");
    assertEquals(peer.expect("PSH ACK", "hello").ecn, 0);
    peer.send("ACK seq=1 ack=6 len=10", undefined, MARKED);
    t.advance(100);
    peer.expect("ACK ack=11"); // and no ECE
    assertEquals(t.stack.counters.tcp.congestionMarksReceived, 0);
  }
});

Deno.test("ECN: a SYN repeated without the offer takes it back", () => {
  const t = scenario({ listen: 80 });
  const peer = t.peer();
  peer.send("SYN ECE CWR seq=0 mss=1460");
  peer.lose("SYN ACK ECE seq=0 ack=1");
  peer.send("SYN seq=0 mss=1460");
  peer.expect("SYN ACK seq=0 ack=1");
  peer.send("ACK seq=1 ack=1 win=65535");
  t.accepted[0]!.write("hello");
  assertEquals(peer.expect("PSH ACK", "hello").ecn, 0);
});

Deno.test("ECN: a mark is echoed in every segment until the peer says that it has slowed down", () => {
  const { peer, app } = agreed();
  peer.send("ACK len=100", undefined, MARKED);
  peer.expect("ACK ECE ack=101"); // at once
  peer.send("ACK len=1460");
  peer.send("ACK len=1460");
  peer.expect("ACK ECE ack=3021");
  app.write("x");
  peer.expect("PSH ACK ECE", "x");
  peer.send("ACK CWR ack=2 len=1460");
  peer.send("ACK len=1460");
  peer.expect("ACK ack=5941");
  // A mark on the segment that brings CWR begins it anew.
  peer.send("ACK len=10", undefined, MARKED);
  peer.expect("ACK ECE ack=5951");
  peer.send("ACK CWR len=10", undefined, MARKED);
  peer.send("ACK len=1460");
  peer.send("ACK len=1460");
  peer.expect("ACK ECE ack=8881");
});

Deno.test("ECN: an echo slows us down once for a window, and the next new data says so", () => {
  for (const [congestion, part] of [["cubic", 0.85], ["reno", 0.8]] as const) {
    const { peer, app } = agreed({ tcp: { congestion } });
    const info = () => app.connection.info();
    const before = info().cwnd;
    app.write(new Uint8Array(100_000));
    const flight = peer.drain();
    assertEquals(flight.length, before / 1460);
    peer.send(`ACK ECE ack=${1 + 1460}`);
    assertEquals(info().cwnd, Math.floor(before * part));
    // Nothing leaves before the window allows it; the echo goes on, which means the same mark.
    for (let i = 2; i <= 10; i++) {
      peer.send(`ACK ECE ack=${1 + i * 1460}`);
      assert(info().cwnd <= before * part, `window ${info().cwnd}`);
    }
    const next = peer.drain();
    assert(next.length > 0);
    assertEquals(next.map(({ flags }) => flags.includes("CWR")), next.map((_, i) => i === 0));
    // All of that window is acknowledged, and another mark has come since.
    const reduced = info().cwnd;
    peer.send(`ACK ECE ack=${1 + 10 * 1460}`);
    assertEquals(info().cwnd, reduced);
    peer.send(`ACK ECE ack=${1 + 11 * 1460}`);
    assert(info().cwnd <= Math.ceil(reduced * part), `window ${info().cwnd} after ${reduced}`);
  }
});

Deno.test("ECN: an active open offers it where that is asked for, and once only", () => {
  const t = scenario({ tcp: { ecn: "offer" } });
  const peer = t.peer({ port: 80 });
  const attempt = t.connect(peer);
  assertEquals(peer.expect("SYN ECE CWR seq=0").ecn, 0);
  peer.send("SYN ACK ECE seq=0 ack=1 mss=1460");
  peer.expect("ACK seq=1 ack=1");
  attempt.connection!.write("hello");
  assertEquals(peer.expect("PSH ACK", "hello").ecn, ECT);
  // A SYN that is not answered may have been dropped for what it asks.
  const second = t.peer({ port: 81 });
  const again = t.connect(second);
  second.lose("SYN ECE CWR seq=0");
  t.advance(1000);
  second.expect("SYN seq=0");
  second.send("SYN ACK ECE seq=0 ack=1 mss=1460");
  second.expect("ACK seq=1 ack=1");
  again.connection!.write("hello");
  assertEquals(second.expect("PSH ACK", "hello").ecn, 0);
  // By default nobody is asked.
  const plain = scenario();
  const third = plain.peer({ port: 80 });
  plain.connect(third);
  third.expect("SYN seq=0");
});

for (const congestion of CONGESTION_NAMES) {
  Deno.test(`ECN: a bottleneck that marks is filled without a loss, with ${congestion}`, async () => {
    await using net = network({
      path: { delay: 10, rate: 50_000_000, queue: 250_000, mark: 60_000 },
      tcp: { ecn: "offer", congestion },
    });
    await net.server.serve(9, {
      async flow(flow) {
        for await (const _ of flow.readable);
      },
    });
    const started = net.now;
    await net.run(async () => {
      const flow = await net.client.connect({ hostname: net.server.address, port: 9 });
      await flow.write(new Uint8Array(20_000_000));
      await flow.closeWrite();
      await new Response(flow.readable).arrayBuffer();
    });
    const rate = 20_000_000 * 8 / (net.now - started) / 1000;
    const { counters } = net.client.stack;
    assert(rate > 45, `${rate} Mbit/s`);
    assert(counters.tcp.congestionReductions > 0);
    assertEquals(counters.tcp.segmentsRetransmitted, 0);
  });
}
