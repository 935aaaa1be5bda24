// TCP-SCENARIOS.md section D: timers, loss recovery, congestion (D7, D8, D9).
import { assert, assertEquals } from "@std/assert";
import type { ObservedConnection } from "../../runtime/testing/observed_connection.ts";
import type { ScriptedPeer } from "../../runtime/testing/scripted_peer.ts";
import { patternBytes } from "../../runtime/testing/segment_script.ts";
import { type Scenario, scenario } from "../../runtime/testing/scenario.ts";
import { established, timesOf } from "../support/established.ts";

/** A connection whose handshake took `rtt` milliseconds. */
function withRtt(rtt: number) {
  const t = scenario({ listen: 80, tcp: { congestion: "reno" } });
  const peer = t.peer();
  peer.send("SYN seq=0 mss=1000");
  peer.expect("SYN ACK seq=0 ack=1");
  t.advance(rtt);
  peer.send("ACK seq=1 ack=1");
  return { t, peer, app: t.accepted[0]! };
}

/** Lets cwnd grow to `segments` segments of 1000 bytes: it does only while it is filled. */
function grow(t: Scenario, peer: ScriptedPeer, app: ObservedConnection, segments: number): void {
  while (app.connection.info().cwnd < segments * 1000) {
    const fits = Math.floor(app.connection.info().cwnd / 1000);
    app.write(patternBytes(peer.rcvNxt, fits * 1000));
    assertEquals(peer.drain().length, fits);
    t.advance(1);
    peer.send("ACK");
  }
}

Deno.test("D7: the timeout is R, 2R, 4R and so on from the measured round trip", () => {
  const { t, peer, app } = withRtt(100);
  assertEquals(app.connection.info().rto, 300); // 100 + 4 · 50
  const start = t.now;
  app.write("x");
  t.advance(40_000);
  const times = timesOf(peer.drain()).map((time) => time - start);
  assertEquals(times, [0, 300, 900, 2100, 4500, 9300, 18_900, 38_100]);
});

Deno.test("D7: the timeout has a lower and an upper bound", () => {
  const { t, peer, app } = withRtt(0);
  app.write("x");
  t.advance(10 * 60_000);
  const times = timesOf(peer.drain());
  const gaps = times.slice(1).map((time, i) => time - times[i]!);
  assertEquals(gaps[0], 200);
  assertEquals(Math.max(...gaps), 60_000);
});

Deno.test("D7: a handshake whose SYN-ACK was repeated starts data with three seconds", () => {
  const t = scenario({ listen: 80 });
  const peer = t.peer();
  peer.send("SYN seq=0 mss=1000");
  peer.lose("SYN ACK seq=0 ack=1");
  t.advance(1000);
  peer.expect("SYN ACK seq=0 ack=1");
  peer.send("ACK seq=1 ack=1");
  const app = t.accepted[0]!;
  assertEquals([app.connection.info().rto, app.connection.info().cwnd], [3000, 1000]);
  app.write(new Uint8Array(5000));
  peer.expect("ACK seq=1 len=1000");
  peer.expectNothing();
});

Deno.test("D7: an acknowledgment of what was sent twice is no measurement (Karn)", () => {
  const { t, peer, app } = withRtt(100);
  app.write("x");
  peer.lose("PSH ACK seq=1", "x");
  t.advance(300);
  peer.expect("PSH ACK seq=1", "x");
  t.advance(2);
  peer.send("ACK");
  assertEquals([app.connection.info().rtt, app.connection.info().rto], [100, 300]);
});

Deno.test("D7: after a timeout one segment is sent, and slow start begins anew", () => {
  const { t, peer, app } = withRtt(100);
  app.write(patternBytes(1, 20_000));
  for (let i = 0; i < 10; i++) peer.lose(`ACK seq=${1 + i * 1000} len=1000`);
  peer.expectNothing();
  t.advance(300);
  peer.expect("ACK seq=1 len=1000");
  peer.expectNothing();
  assertEquals([app.connection.info().cwnd, app.connection.info().ssthresh], [1000, 5000]);
  peer.send("ACK");
  peer.expect("ACK seq=1001 len=1000");
  peer.expect("ACK seq=2001 len=1000");
  peer.expectNothing();
  peer.send("ACK");
  assertEquals(peer.drain().length, 4);
});

Deno.test("D8: one of twenty segments is lost: one fast retransmit after three duplicate ACKs", () => {
  const { t, peer, app } = withRtt(100);
  grow(t, peer, app, 20);
  const base = peer.rcvNxt;
  const sent = t.stack.counters.tcp.segmentsRetransmitted;
  const cwnd = app.connection.info().cwnd;
  assertEquals(cwnd, 20_000);
  const data = patternBytes(base, 20_000);
  app.write(data);
  peer.lose(`ACK seq=${base} len=1000`);
  t.advance(50);
  for (let i = 1; i <= 2; i++) {
    peer.expect(`ACK seq=${base + i * 1000} len=1000`);
    peer.send("ACK");
  }
  assertEquals(t.stack.counters.tcp.fastRetransmits, 0);
  peer.expect(`ACK seq=${base + 3000} len=1000`);
  peer.send("ACK");
  assertEquals(t.stack.counters.tcp.fastRetransmits, 1);
  // Half of what was in flight (RFC 5681 section 3.2), which the window comes down to step by step
  // (RFC 9937): sixteen are in flight still, and one more may leave.
  assertEquals(
    [app.connection.info().ssthresh, app.connection.info().cwnd],
    [10_000, 17_000],
  );
  for (let i = 4; i < 20; i++) {
    peer.expect(`ACK seq=${base + i * 1000} len=1000`);
    peer.send("ACK");
  }
  peer.expect(`ACK seq=${base} len=1000`);
  peer.send("ACK");
  assertEquals(peer.rcvNxt, base + 20_000);
  assertEquals(t.stack.counters.tcp.segmentsRetransmitted - sent, 1);
  assertEquals(app.connection.info().ssthresh, 10_000);
  assert(app.connection.info().cwnd <= 10_000);
  t.advance(60_000);
  peer.expectNothing();
  assertEquals(t.stack.counters.tcp.retransmissionTimeouts, 0);
});

Deno.test("D8: two lost segments are each sent again once: the second on the partial ACK (RFC 6582)", () => {
  const { t, peer, app } = withRtt(100);
  grow(t, peer, app, 20);
  const base = peer.rcvNxt;
  app.write(patternBytes(base, 20_000));
  const seqs = Array.from({ length: 20 }, (_, i) => base + i * 1000);
  for (const seq of seqs) {
    if (seq === seqs[2] || seq === seqs[7]) peer.lose(`ACK seq=${seq} len=1000`);
    else {
      peer.expect(`ACK seq=${seq} len=1000`);
      peer.send("ACK");
    }
  }
  const again = peer.expect(`ACK seq=${seqs[2]} len=1000`);
  peer.send("ACK");
  peer.expect(`ACK seq=${seqs[7]} len=1000`);
  peer.send("ACK");
  assertEquals([peer.rcvNxt, Math.round(again.time)], [base + 20_000, t.now]);
  assertEquals(t.stack.counters.tcp.segmentsRetransmitted, 2);
  assertEquals(t.stack.counters.tcp.fastRetransmits, 1);
});

Deno.test("D8: three ACKs that also change the window are no duplicates", () => {
  const { t, peer, app } = withRtt(100);
  app.write(patternBytes(1, 10_000));
  peer.drain();
  for (let i = 0; i < 6; i++) peer.send(`ACK seq=1 ack=1001 win=${60_000 + i}`);
  assertEquals(t.stack.counters.tcp.fastRetransmits, 0);
  assertEquals(app.connection.info().retransmissions, 0);
});

Deno.test("D9: sequence numbers wrap on both sides in a transfer of 1 MB each way", () => {
  const t = scenario({ listen: 80 });
  // Our number for one pair of ends moves on by 250 each millisecond: wait for it to come to the end.
  const probe = t.peer({ isn: 0xfffffff0 });
  probe.send("SYN seq=0");
  const { seq } = probe.expect("SYN ACK seq=0 ack=1");
  probe.send("RST seq=1");
  t.advance(((0xffff_fff0 - seq) >>> 0) / 250);
  const peer = t.peer({ port: probe.port, isn: 0xfffffff0 });
  const app = peer.open();
  assert(peer.remoteIsn! > 0xffff_ff00, `our number is ${peer.remoteIsn}`);

  const total = 1_000_000;
  const got: Uint8Array[] = [];
  let written = 0;
  for (let rounds = 0; peer.rcvNxt <= total || peer.sndNxt <= total; rounds++) {
    assert(rounds < 5000, t.traceText());
    if (written < total) {
      const chunk = patternBytes(written + 1, Math.min(50_000, total - written));
      written += app.write(chunk);
    }
    for (let i = 0; i < 3 && peer.sndNxt <= total; i++) {
      peer.send(`ACK len=${Math.min(1460, total + 1 - peer.sndNxt)}`);
    }
    got.push(app.read());
    t.advance(1);
    peer.drain();
    peer.send("ACK");
  }
  got.push(app.read());
  assertEquals(peer.received(), patternBytes(1, total));
  assertEquals(
    new Uint8Array(got.flatMap((part) => [...part])),
    patternBytes(1, total),
  );
  assertEquals(t.stack.counters.tcp.segmentsRetransmitted, 0);
});

Deno.test("every second full segment is acknowledged at once, one alone within the delay", () => {
  const { t, peer } = established();
  peer.send("ACK len=1460");
  peer.expectNothing();
  t.advance(39);
  peer.expectNothing();
  t.advance(1);
  peer.expect("ACK seq=1 ack=1461");
  peer.send("ACK len=1460");
  peer.expectNothing();
  peer.send("ACK len=1460");
  peer.expect("ACK seq=1 ack=4381");
  // One decision for a whole batch.
  for (let i = 0; i < 10; i++) peer.send("ACK len=1460");
  peer.expect("ACK seq=1 ack=18981");
  peer.expectNothing();
});

Deno.test("Nagle: a short segment waits for an earlier short one; setNoDelay does not wait", () => {
  const { peer, app } = established();
  app.write("a");
  peer.expect("PSH ACK seq=1", "a");
  app.write("b");
  app.write("c");
  peer.expectNothing();
  peer.send("ACK");
  peer.expect("PSH ACK seq=2", "bc");
  app.write("d");
  peer.expectNothing();
  app.connection.setNoDelay(true);
  peer.expect("PSH ACK seq=4", "d");
  app.write("e");
  peer.expect("PSH ACK seq=5", "e");
});

Deno.test("the initial window is ten segments (RFC 6928)", () => {
  const { peer, app } = established();
  app.write(new Uint8Array(100_000));
  assertEquals(peer.drain().length, 10);
});
