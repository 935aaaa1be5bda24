// TCP-SCENARIOS.md section D: windows in both directions (D1 to D5).
import { assert, assertEquals } from "@std/assert";
import { gone } from "../../runtime/testing/gone.ts";
import { patternBytes } from "../../runtime/testing/segment_script.ts";
import { established, timesOf } from "../support/established.ts";

const SMALL = { tcp: { receiveBuffer: 8192 } };

Deno.test("D1: a reader that pauses closes the window, and its reading opens it by itself", () => {
  const { t, peer, app } = established(SMALL);
  for (let i = 0; i < 8; i++) peer.send("ACK len=1024");
  peer.expect("ACK seq=1 ack=8193 win=0");
  peer.expectNothing();
  // Less than a segment's worth is not worth a word (RFC 9293 section 3.8.6.2.2).
  app.read(1000);
  t.advance(1000);
  peer.expectNothing();
  app.read(460);
  peer.expect("ACK seq=1 ack=8193 win=1460");
  app.read();
  peer.expect("ACK seq=1 ack=8193 win=8192");
  peer.expectNothing();
});

Deno.test("D1: 100 MB through a small window to a slow reader", () => {
  const { t, peer, app } = established({ tcp: { receiveBuffer: 60_000 } });
  const total = 100_000_000;
  let window = 60_000;
  let read = 0;
  const buffer = new Uint8Array(20_000);
  for (let rounds = 0; read < total; rounds++) {
    assert(rounds < 20_000, `the transfer stands still after ${read} bytes`);
    while (window >= 1000 && peer.sndNxt <= total) {
      const length = Math.min(1460, window, total + 1 - peer.sndNxt);
      peer.send(`ACK len=${length}`);
      window -= length;
    }
    const from = read + 1;
    const count = app.connection.read(buffer);
    read += count;
    if (rounds % 100 === 0) {
      assertEquals(buffer.subarray(0, count), patternBytes(from, count));
    }
    t.advance(50);
    const last = peer.drain().at(-1);
    if (last !== undefined) {
      window = last.window - (peer.sndNxt - ((last.ack - peer.isn) | 0));
    }
  }
  assertEquals(app.connection.info().bytesReceived, total);
});

Deno.test("D2: a probe of a closed window is answered at once and changes nothing", () => {
  const { t, peer, app } = established(SMALL);
  for (let i = 0; i < 8; i++) peer.send("ACK len=1024");
  peer.expect("ACK seq=1 ack=8193 win=0");
  for (let i = 0; i < 3; i++) {
    peer.send("ACK seq=8193 ack=1 len=1");
    peer.expect("ACK seq=1 ack=8193 win=0");
    t.advance(1000);
    peer.expectNothing();
  }
  peer.send("RST seq=8195");
  peer.send("RST seq=8192");
  peer.expectNothing();
  assertEquals(app.reasons, []);
  assertEquals(app.read(), patternBytes(1, 8192));
  peer.expect("ACK seq=1 ack=8193 win=8192");
  peer.send("ACK seq=8193 ack=1 len=1");
  t.advance(100);
  peer.expect("ACK seq=1 ack=8194");
  assertEquals(app.read(), patternBytes(8193, 1));
});

Deno.test("D2: with a closed window an acknowledgment, a FIN and an exact RST still count", () => {
  const full = () => {
    const all = established(SMALL);
    for (let i = 0; i < 8; i++) all.peer.send("ACK len=1024");
    all.peer.expect("ACK seq=1 ack=8193 win=0");
    return all;
  };
  const acked = full();
  acked.app.write("hello");
  acked.peer.expect("PSH ACK seq=1 ack=8193 win=0", "hello");
  acked.peer.send("ACK seq=8193 ack=6");
  assertEquals(acked.app.connection.info().inFlight, 0);
  acked.peer.send("FIN ACK seq=8193 ack=6");
  acked.peer.expect("ACK seq=6 ack=8194");
  assertEquals(acked.app.connection.state, "Close_wait");
  const reset = full();
  reset.peer.send("RST seq=8193");
  assertEquals(reset.app.reasons, ["reset"]);
});

Deno.test("D3: a closed window is probed at growing intervals until it opens", () => {
  const { t, peer, app } = established();
  app.write("x");
  peer.expect("PSH ACK seq=1 ack=1", "x");
  peer.send("ACK seq=1 ack=2 win=0");
  const data = patternBytes(2, 5000);
  const start = t.now;
  app.write(data);
  peer.expectNothing();
  t.advance(120_000);
  const probes = [];
  for (let probe = peer.discard(); probe !== undefined; probe = peer.discard()) {
    assertEquals([probe.seq, probe.payload], [(peer.remoteIsn! + 2) >>> 0, data.subarray(0, 1)]);
    probes.push(probe);
    // The peer answers each, with a window that is still closed; it does not take the byte.
  }
  const gaps = timesOf(probes).map((time, i, all) => time - (all[i - 1] ?? start));
  assertEquals(gaps.slice(0, 9), [200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 51_200]);
  peer.send("ACK seq=1 ack=2 win=65535");
  peer.drain();
  assertEquals(peer.received().subarray(1), data);
});

Deno.test("D3: a peer that answers the probes may keep its window closed for days", () => {
  const { t, peer, app } = established();
  peer.send("ACK seq=1 ack=1 win=0");
  app.write(new Uint8Array(1000));
  for (let i = 0; i < 3000; i++) {
    t.advance(60_000);
    while (peer.discard() !== undefined) peer.send("ACK seq=1 ack=1 win=0");
  }
  assertEquals([app.reasons, app.connection.state], [[], "Established"]);
  peer.send("ACK seq=1 ack=1 win=65535");
  peer.expect("PSH ACK seq=1 ack=1 len=1000");
});

Deno.test("D3: a peer that is gone behind its closed window is given up", () => {
  const { t, peer, app } = established();
  peer.send("ACK seq=1 ack=1 win=0");
  app.write(new Uint8Array(1000));
  t.advance(24 * 3_600_000);
  assertEquals(peer.drain().length, 15);
  assertEquals(app.reasons, ["timeout"]);
  gone(t.stack);
});

Deno.test("D3: a peer that takes the byte of a probe gets the rest from there", () => {
  const { t, peer, app } = established();
  peer.send("ACK seq=1 ack=1 win=0");
  const data = patternBytes(1, 1000);
  app.write(data);
  t.advance(200);
  peer.expect("ACK seq=1 ack=1 len=1");
  peer.send("ACK seq=1 ack=2 win=65535");
  peer.expect("PSH ACK seq=2 ack=1", data.subarray(1));
});

Deno.test("D4: data flows to a peer whose window is always smaller than a segment", () => {
  const { t, peer, app } = established({}, { win: 500 });
  const data = patternBytes(1, 5000);
  app.write(data);
  for (let i = 0; i < 10; i++) {
    peer.expect(`ACK seq=${1 + i * 500} ack=1 len=500`);
    peer.expectNothing();
    peer.send("ACK win=500");
  }
  assertEquals(peer.received(), data);
  assertEquals(t.now, 0);
});

Deno.test("D4: a window that has become smaller than a segment is used after the override timeout", () => {
  const { t, peer, app } = established();
  peer.send("ACK seq=1 ack=1 win=300");
  app.write(patternBytes(1, 1000));
  peer.expectNothing();
  t.advance(200);
  peer.lose("ACK seq=1 ack=1", patternBytes(1, 300));
  t.advance(200);
  peer.expect("ACK seq=1 ack=1", patternBytes(1, 300));
  peer.send("ACK win=65535");
  peer.expect("PSH ACK seq=301 ack=1", patternBytes(301, 700));
});

Deno.test("D5: a window update counts without a new acknowledgment", () => {
  const { peer, app } = established();
  peer.send("ACK seq=1 ack=1 win=0");
  app.write(new Uint8Array(3000));
  peer.expectNothing();
  peer.send("ACK seq=1 ack=1 win=2920");
  peer.expect("ACK seq=1 len=1460");
  peer.expect("ACK seq=1461 len=1460");
  peer.expectNothing();
  peer.send("ACK seq=1 ack=1 win=5000");
  peer.expect("PSH ACK seq=2921 len=80");
});

Deno.test("D5: the window of a segment that came late does not undo a newer one", () => {
  const { t, peer, app } = established();
  // Out of order, but its window is the newest that there is.
  peer.send("ACK seq=11 ack=1 win=10000 len=10");
  peer.expect("ACK seq=1 ack=1");
  peer.send("ACK seq=1 ack=1 win=0 len=10");
  peer.expect("ACK seq=1 ack=21");
  app.write(new Uint8Array(1000));
  peer.expect("PSH ACK seq=1 ack=21 len=1000");
  assertEquals(app.connection.info().sendWindow, 10_000, t.traceText());
});

Deno.test("D5: a retransmission that brings a new acknowledgment brings the newest window", () => {
  const { peer, app } = established({}, { win: 2920 });
  app.write(new Uint8Array(9000));
  peer.expect("ACK seq=1 len=1460");
  peer.expect("ACK seq=1461 len=1460");
  // Its first 100 bytes were lost on the way.
  peer.send("ACK seq=101 ack=1461 win=2920 len=100");
  peer.expect("ACK seq=2921 ack=1");
  peer.expect("ACK seq=2921 ack=1 len=1460");
  // Now they come: an old number, but what the segment says of the window is the newest.
  peer.send("ACK seq=1 ack=2921 win=1460 len=100");
  peer.expect("ACK seq=4381 ack=201");
  peer.expectNothing();
});

Deno.test("what was advertised is never taken back, however little is read", () => {
  const { t, peer, app } = established(SMALL);
  let edge = 8193;
  for (let i = 0; i < 200; i++) {
    const room = edge - peer.sndNxt;
    if (room > 0) peer.send(`ACK len=${Math.min(room, 1 + i % 700)}`);
    if (i % 3 === 0) app.read(i * 7 % 500);
    t.advance(40);
    for (const { ack, window } of peer.drain()) {
      const right = ((ack - peer.isn) | 0) + window;
      assert(right >= edge, `the right edge went back from ${edge} to ${right}`);
      edge = right;
    }
  }
  assert(edge > 15_000, `the right edge came only to ${edge}`);
});

Deno.test("data beyond the window is not taken", () => {
  const { peer, app } = established(SMALL);
  peer.send("ACK seq=1 ack=1 len=8192");
  peer.expect("ACK seq=1 ack=8193 win=0");
  peer.send("ACK seq=8193 ack=1 len=100");
  peer.expect("ACK seq=1 ack=8193 win=0");
  peer.send("ACK seq=8293 ack=1 len=100");
  peer.expect("ACK seq=1 ack=8193 win=0");
  assertEquals(app.connection.readableBytes, 8192);
});

Deno.test("of a segment that reaches beyond the window what lies within is taken", () => {
  const { t, peer, app } = established(SMALL);
  peer.send("ACK seq=1 ack=1 len=8000");
  peer.send("ACK seq=8001 ack=1 len=1000");
  t.advance(100);
  assertEquals(peer.drain().at(-1)!.ack, peer.isn + 8193);
  assertEquals(app.read(), patternBytes(1, 8192));
});

Deno.test("while a window is probed, what acknowledges and what resets has a number that fits it", () => {
  const probing = () => {
    const all = established();
    all.peer.send("ACK seq=1 ack=1 win=0");
    all.app.write(new Uint8Array(3000));
    all.t.advance(1500);
    all.peer.expect("ACK seq=1 len=1");
    all.peer.send("ACK seq=1 ack=1 win=0");
    all.peer.drain();
    return all;
  };
  const acknowledges = probing();
  acknowledges.peer.send("ACK seq=1 ack=1 win=0 len=2000");
  acknowledges.t.advance(50);
  acknowledges.peer.expect("ACK seq=1 ack=2001 len=0");

  const challenges = probing();
  challenges.peer.send("SYN seq=500");
  challenges.peer.expect("ACK seq=1 ack=1");

  const resets = probing();
  resets.app.connection.abort();
  resets.peer.expect("RST ACK seq=1 ack=1");
});

Deno.test("an acknowledgment lies in the window of a peer that has taken some of it back", () => {
  const { t, peer, app } = established();
  app.write(new Uint8Array(9000));
  t.advance(0);
  peer.drain();
  peer.send("ACK seq=1 ack=1 win=2000 len=100");
  t.advance(50);
  peer.expect("ACK seq=2001 ack=101");
});

Deno.test("with a closed window the acknowledgment of a peer that counts its probe is taken", () => {
  const { t, peer, app } = established(SMALL);
  app.write("hello");
  peer.expect("PSH ACK seq=1", "hello");
  for (let i = 0; i < 8; i++) peer.send("ACK len=1024 ack=1");
  peer.expect("ACK ack=8193 win=0");
  peer.send("ACK seq=8194 ack=6");
  t.advance(10_000);
  peer.expectNothing();
  assertEquals(app.connection.info().bytesAcknowledged, 5);
});
