// Loss recovery rule by rule: RACK-TLP (RFC 8985), F-RTO (RFC 5682), undo (RFC 3522, 3708, 4015).
import { assert, assertEquals } from "@std/assert";
import type { ObservedConnection } from "../../runtime/testing/observed_connection.ts";
import { patternBytes } from "../../runtime/testing/segment_script.ts";
import { type Scenario, scenario, type ScenarioOptions } from "../../runtime/testing/scenario.ts";
import type { ReceivedSegment, ScriptedPeer } from "../../runtime/testing/scripted_peer.ts";

const MSS = 1000;
/** Sequence number of segment `i`. */
const at = (i: number): number => 1 + i * MSS;
/** A SACK block of segments `from` to `to`, the last not included. */
const block = (from: number, to = from + 1): string => `${at(from)}-${at(to)}`;

interface Sending {
  t: Scenario;
  peer: ScriptedPeer;
  app: ObservedConnection;
}

/** A connection with SACK, and without timestamps, whose handshake took `rtt` milliseconds. */
function sending(rtt = 100, options: ScenarioOptions = {}): Sending {
  const t = scenario({ listen: 80, ...options });
  const peer = t.peer();
  peer.send(`SYN seq=0 mss=${MSS} sackok`);
  peer.expect("SYN ACK seq=0 ack=1 sackok");
  t.advance(rtt);
  peer.send("ACK seq=1 ack=1");
  return { t, peer, app: t.accepted[0]! };
}

/** A connection with SACK and timestamps, over a path of 100 ms, and our clock when it began. */
function withTimestamps(): Sending & { clock: number } {
  const t = scenario({ listen: 80 });
  const peer = t.peer();
  peer.send("SYN seq=0 mss=1012 sackok ts=1:0");
  const synAck = peer.expect("SYN ACK seq=0 ack=1");
  const stamp = synAck.options.find(({ kind }) => kind === "ts");
  const clock = stamp?.kind === "ts" ? stamp.value : 0;
  t.advance(100);
  peer.send(`ACK seq=1 ack=1 ts=1:${clock}`);
  return { t, peer, app: t.accepted[0]!, clock };
}

/** Writes segments `from` to `to` and lets each be lost: the script says which arrived. */
function write({ app, peer }: Sending, from: number, to: number): void {
  app.write(patternBytes(at(from), (to - from) * MSS));
  for (let i = from; i < to; i++) peer.lose(`ACK seq=${at(i)} len=${MSS}`);
  peer.expectNothing();
}

/** Numbers of the segments that have come. */
function segmentsOf(segments: readonly ReceivedSegment[], peer: ScriptedPeer): number[] {
  return segments.filter(({ payload }) => payload.length > 0)
    .map(({ seq }) => (((seq - peer.remoteIsn!) | 0) - 1) / MSS);
}

/** Takes what has come, as lost, and tells which segments it was. */
function sent({ peer }: Sending): number[] {
  const segments: ReceivedSegment[] = [];
  for (let next = peer.discard(); next !== undefined; next = peer.discard()) segments.push(next);
  return segmentsOf(segments, peer);
}

Deno.test("F-RTO: where there is nothing new to send, what is lost is sent again at once", () => {
  const s = sending();
  const { t, peer, app } = s;
  write(s, 0, 10);
  t.advance(1000);
  // The tail is probed, and then the timer expires.
  assertEquals(sent(s), [9, 0]);
  peer.send(`ACK ack=${at(1)}`);
  assertEquals(sent(s), [1, 2]);
  peer.send(`ACK ack=${at(3)}`);
  assertEquals(sent(s), [3, 4, 5, 6]);
  peer.send(`ACK ack=${at(10)}`);
  assertEquals(app.connection.info().inFlight, 0);
});

Deno.test("F-RTO: where the peer's window has no room for more, what is lost is sent again", () => {
  const s = sending();
  const { t, peer, app } = s;
  app.write(patternBytes(1, 10 * MSS));
  sent(s);
  app.write(patternBytes(at(10), 5 * MSS));
  t.advance(1000);
  sent(s);
  peer.send(`ACK ack=${at(1)} win=${9 * MSS}`);
  assertEquals(sent(s), [1, 2]);
});

Deno.test("F-RTO: after the first acknowledgment only new data leaves; an old segment reported then means that the timeout was needless", () => {
  const s = sending();
  const { t, peer, app } = s;
  write(s, 0, 10);
  app.write(patternBytes(at(10), 10 * MSS)); // What the window has no room for yet.
  const { cwnd } = app.connection.info();
  t.advance(600);
  // The probe is something new, which the peer does not get.
  assertEquals(sent(s), [10, 0]);
  assert(app.connection.info().cwnd === MSS);
  // The originals were only late.
  peer.send(`ACK ack=${at(1)}`);
  assertEquals(sent(s), [11, 12], "new data and no retransmission");
  peer.send(`ACK ack=${at(2)}`);
  assertEquals(t.stack.counters.tcp.recoveriesUndone, 1);
  assert(app.connection.info().cwnd >= cwnd, "the window is what it was");
  assertEquals(app.connection.info().ssthresh, Infinity);
  assertEquals(segmentsOf(peer.drain(), peer).filter((i) => i < 10), []);
  peer.send(`ACK ack=${at(13)}`);
  assertEquals(t.stack.counters.tcp.segmentsRetransmitted, 1);
});

Deno.test("F-RTO: a duplicate ACK after the new data means that the loss was real", () => {
  const s = sending();
  const { t, peer, app } = s;
  write(s, 0, 10);
  app.write(patternBytes(at(10), 10 * MSS));
  t.advance(600);
  sent(s);
  peer.send(`ACK ack=${at(1)}`);
  assertEquals(sent(s), [11, 12]);
  peer.send(`ACK ack=${at(1)} sack=${block(11)}`);
  assertEquals(t.stack.counters.tcp.recoveriesUndone, 0);
  assertEquals(sent(s)[0], 1);
});

Deno.test("RACK: its second look comes when it is due, however much is sent in the meantime", () => {
  const s = sending();
  const { t, peer, app } = s;
  app.connection.setNoDelay(true);
  write(s, 0, 4);
  t.advance(100);
  peer.send(`ACK ack=${at(0)} sack=${block(1)}`);
  for (let i = 0; i < 10; i++) {
    app.write(new Uint8Array(MSS));
    t.advance(5);
  }
  // A quarter of a round trip, not the timeout.
  const again = s.peer.drain().find(({ seq }) => ((seq - peer.remoteIsn!) | 0) === at(0));
  assertEquals(again?.time, 100 + 100 + 25);
});

Deno.test("RACK: two holes reported at once are no reordering: the highest block is not the only one in order", () => {
  const s = sending();
  const { t, peer } = s;
  write(s, 0, 8);
  t.advance(100);
  // The ACK that would have reported segment 1 alone was lost.
  peer.send(`ACK ack=${at(0)} sack=${block(3)},${block(1)}`);
  assertEquals(sent(s), []);
  peer.send(`ACK ack=${at(0)} sack=${block(5)},${block(3)},${block(1)}`);
  assertEquals(sent(s), [0], "three segments beyond the hole, no reordering seen");
});

Deno.test("TLP: what the peer sends in the meantime does not put the probe off", () => {
  const s = sending();
  const { t, peer } = s;
  write(s, 0, 4);
  for (let i = 0; i < 55; i++) {
    t.advance(5);
    peer.send(`ACK ack=${at(0)} len=100`);
  }
  const probe = s.peer.drain().find(({ payload }) => payload.length > 0);
  assertEquals(probe?.time, 100 + 2 * 100 + 60);
});

Deno.test("RACK: a lost retransmission is found and sent again within a round trip, without a timeout", () => {
  const s = sending();
  const { t, peer, app } = s;
  write(s, 0, 10);
  app.write(patternBytes(at(10), 10 * MSS));
  t.advance(100);
  peer.send(`ACK ack=1 sack=${block(1, 4)}`);
  const first = sent(s);
  assertEquals(first[0], 0, "retransmitted, and lost again");
  peer.send(`ACK ack=1 sack=${block(1, 10)}`);
  const more = sent(s);
  assert(more.length > 0 && more.every((i) => i >= 10));
  t.advance(100);
  peer.send(`ACK ack=1 sack=${block(10, 10 + more.length)},${block(1, 10)}`);
  assertEquals(sent(s)[0], 0);
  assertEquals(t.stack.counters.tcp.retransmissionTimeouts, 0);
});

Deno.test("RTO: a lost retransmission is found by RACK also where the round trip is longer than the bound", () => {
  const s = sending(300);
  const { t, peer, app } = s;
  for (let i = 0; i < 40; i++) { // Until the variation is next to nothing.
    write(s, i, i + 1);
    t.advance(300);
    peer.send(`ACK ack=${at(i + 1)}`);
  }
  assert(app.connection.info().rto >= 500, "a delayed ACK is no loss");
  write(s, 40, 50);
  t.advance(300);
  peer.send(`ACK ack=${at(40)} sack=${block(41, 50)}`);
  assertEquals(sent(s), [40]);
  app.write(patternBytes(at(50), MSS));
  sent(s);
  t.advance(305);
  assertEquals(t.stack.counters.tcp.retransmissionTimeouts, 0);
});

Deno.test("reordering within a quarter of a round trip causes no retransmission", () => {
  const s = sending();
  const { t, peer } = s;
  write(s, 0, 10);
  t.advance(100);
  peer.send(`ACK ack=1 sack=${block(1, 3)}`);
  t.advance(24);
  assertEquals(sent(s), []);
  peer.send(`ACK ack=${at(3)}`);
  t.advance(20);
  peer.send(`ACK ack=${at(10)}`);
  t.advance(1000);
  assertEquals(sent(s), []);
  assertEquals(t.stack.counters.tcp.segmentsRetransmitted, 0);
});

Deno.test("TLP: the probe is something new if there is something, or else the last segment", () => {
  for (const fresh of [true, false]) {
    const s = sending();
    const { t, app } = s;
    write(s, 0, 10);
    if (fresh) app.write(patternBytes(at(10), MSS));
    t.advance(2 * 100 + 60 - 1);
    assertEquals(sent(s), []);
    t.advance(1);
    assertEquals(sent(s), [fresh ? 10 : 9]);
    assertEquals(t.stack.counters.tcp.tailLossProbes, 1);
  }
});

Deno.test("TLP: a probe that was needless reduces nothing, one that mended a loss does", () => {
  for (const needless of [true, false]) {
    const s = sending();
    const { t, peer, app } = s;
    write(s, 0, 4);
    t.advance(260);
    assertEquals(sent(s), [3]);
    peer.send(`ACK ack=${at(4)}`);
    if (needless) peer.send(`ACK ack=${at(4)} sack=${block(3)}`);
    write(s, 4, 5);
    t.advance(100);
    peer.send(`ACK ack=${at(5)}`);
    assertEquals(app.connection.info().ssthresh === Infinity, needless);
  }
});

Deno.test("undo: when all that was sent again is reported to have come twice, the window is as before", () => {
  const s = sending();
  const { t, peer, app } = s;
  write(s, 0, 10);
  t.advance(100);
  const { cwnd } = app.connection.info();
  peer.send(`ACK ack=1 sack=${block(1, 4)}`);
  assertEquals(sent(s), [0]);
  assertEquals(app.connection.info().ssthresh, 0.7 * cwnd);
  peer.send(`ACK ack=${at(4)}`); // The original was late.
  peer.send(`ACK ack=${at(4)} sack=${block(0)}`);
  assertEquals([app.connection.info().cwnd >= cwnd, app.connection.info().ssthresh], [
    true,
    Infinity,
  ]);
  assertEquals(t.stack.counters.tcp.recoveriesUndone, 1);
});

Deno.test("undo: the probe's duplicate does not undo a recovery that is needed", () => {
  const s = sending();
  const { t, peer } = s;
  write(s, 0, 10);
  t.advance(260);
  assertEquals(sent(s), [9], "the probe");
  // All but the first arrive late, and then the probe as well.
  peer.send(`ACK ack=1 sack=${block(1, 10)}`);
  assertEquals(sent(s), [0]);
  peer.send(`ACK ack=1 sack=${block(9)},${block(1, 10)}`);
  assertEquals(t.stack.counters.tcp.recoveriesUndone, 0);
});

Deno.test("undo: an acknowledgment that echoes a time before the retransmission is the original's (Eifel)", () => {
  for (const needless of [true, false]) {
    const s = withTimestamps();
    const { t, peer, app, clock } = s;
    write(s, 0, 10);
    t.advance(1000);
    sent(s); // A probe and a timeout.
    const timeout = t.stack.counters.tcp.retransmissionTimeouts;
    assert(timeout > 0);
    peer.send(`ACK ack=${at(1)} ts=2:${clock + (needless ? 100 : 1100)}`);
    assertEquals(t.stack.counters.tcp.recoveriesUndone, needless ? 1 : 0);
    assertEquals(app.connection.info().ssthresh === Infinity, needless);
  }
});

Deno.test("undo: an old echo speaks only of what it acknowledges; a second loss keeps the reduction", () => {
  const s = withTimestamps();
  const { t, peer, app, clock } = s;
  write(s, 0, 10);
  t.advance(100);
  peer.send(`ACK ack=1 sack=${block(1, 3)},${block(4, 10)} ts=2:${clock + 100}`);
  t.advance(10);
  peer.discard();
  // Segment 0 was only late, but segment 3 is lost.
  peer.send(`ACK ack=${at(3)} sack=${block(4, 10)} ts=2:${clock + 100}`);
  assertEquals(sent(s), [3]);
  t.advance(100);
  peer.send(`ACK ack=${at(3)} sack=${block(0)},${block(4, 10)} ts=2:${clock + 100}`);
  peer.send(`ACK ack=${at(10)} ts=3:${clock + 210}`);
  assertEquals(t.stack.counters.tcp.recoveriesUndone, 0);
  assert(app.connection.info().ssthresh < Infinity);
});

Deno.test("undo: three times in one window, however often the peer claims duplicates; then in the next", () => {
  const s = sending();
  const { t, peer, app } = s;
  const lie = (first: number, end: number, times: number) => {
    for (let i = 1; i <= times; i++) {
      t.advance(120);
      const byte = at(end) - 2 * i;
      peer.send(`ACK ack=${at(first)} sack=${byte}-${byte + 1}`);
      sent(s);
      peer.send(`ACK ack=${at(first)} sack=${byte}-${byte + 1},${byte}-${byte + 2}`);
      sent(s);
    }
  };
  write(s, 0, 10);
  lie(0, 10, 8);
  assertEquals(t.stack.counters.tcp.recoveriesUndone, 3);
  assert(app.connection.info().ssthresh < Infinity);
  peer.send(`ACK ack=${at(10)}`);
  write(s, 10, 17);
  lie(10, 17, 2);
  assertEquals(t.stack.counters.tcp.recoveriesUndone, 4);
});

Deno.test("after a recovery that was undone, three segments beyond a hole are no loss yet", () => {
  const s = sending();
  const { t, peer } = s;
  write(s, 0, 10);
  t.advance(100);
  peer.send(`ACK ack=1 sack=${block(1, 4)}`);
  assertEquals(sent(s), [0]);
  peer.send(`ACK ack=${at(4)}`); // The original was late.
  peer.send(`ACK ack=${at(4)} sack=${block(0)}`);
  peer.send(`ACK ack=${at(10)}`);
  assertEquals(t.stack.counters.tcp.recoveriesUndone, 1);
  write(s, 10, 20);
  t.advance(100);
  peer.send(`ACK ack=${at(10)} sack=${block(11, 14)}`);
  assertEquals(sent(s), []);
  peer.send(`ACK ack=${at(20)}`);
  assertEquals(t.stack.counters.tcp.segmentsRetransmitted, 1);
});

Deno.test("what the application does not use makes the window no wider", () => {
  const s = sending();
  const { t, peer, app } = s;
  const { cwnd } = app.connection.info();
  for (let i = 0; i < 100; i++) {
    write(s, i, i + 1);
    t.advance(100);
    peer.send(`ACK ack=${at(i + 1)}`);
  }
  assertEquals(app.connection.info().cwnd, cwnd);
});

Deno.test("after idleness the window is the initial one, though ACKs were sent in the meantime", () => {
  const s = sending();
  const { t, peer, app } = s;
  let next = 0;
  for (let i = 0; i < 3; i++) {
    const window = Math.floor(app.connection.info().cwnd / MSS);
    write(s, next, next + window);
    next += window;
    t.advance(100);
    peer.send(`ACK ack=${at(next)}`);
  }
  assert(app.connection.info().cwnd >= 40 * MSS);
  for (let i = 0; i < 50; i++) {
    peer.send(`ACK ack=${at(next)} len=100`);
    t.advance(100);
    app.read();
  }
  while (peer.discard() !== undefined);
  app.write(patternBytes(at(next), 40 * MSS));
  assertEquals(sent(s).length, 10);
});

Deno.test("after a timeout slow start leads to half way, and the connection goes on as before", () => {
  const s = sending(100, { tcp: { congestion: "reno" } });
  const { t, peer, app } = s;
  write(s, 0, 10);
  t.advance(1000);
  sent(s);
  assertEquals(app.connection.info().ssthresh, 5 * MSS);
  for (let ack = 1, more = 1; ack < 10; ack += more) {
    peer.send(`ACK ack=${at(ack)}`);
    more = sent(s).length;
    assert(more > 0 && more <= 6);
  }
  peer.send(`ACK ack=${at(10)}`);
  app.write(patternBytes(at(10), 20 * MSS));
  const burst = sent(s);
  assertEquals(burst.length, Math.floor(app.connection.info().cwnd / MSS));
  t.advance(100);
  // It is open again: a loss is found by RACK.
  peer.send(`ACK ack=${at(10)} sack=${block(11, 14)}`);
  assertEquals(sent(s)[0], 10);
  assertEquals(t.stack.counters.tcp.fastRetransmits, 1);
});

Deno.test("without SACK, duplicate ACKs after a timeout make no window grow", () => {
  const t = scenario({ listen: 80 });
  const peer = t.peer();
  const app = peer.open({ mss: MSS });
  app.write(patternBytes(1, 10 * MSS));
  while (peer.discard() !== undefined);
  t.advance(1000);
  const { cwnd } = app.connection.info();
  for (let i = 0; i < 20; i++) peer.send("ACK ack=1");
  assertEquals(app.connection.info().cwnd, cwnd);
});

Deno.test("a timeout after some progress is another loss, and halves once more (RFC 5681 section 3.1)", () => {
  const s = sending(100, { tcp: { congestion: "reno" } });
  const { t, peer, app } = s;
  write(s, 0, 10);
  t.advance(1000);
  sent(s);
  assertEquals(app.connection.info().ssthresh, 5 * MSS);
  peer.send(`ACK ack=${at(1)}`);
  sent(s);
  t.advance(1000);
  assertEquals(app.connection.info().ssthresh, 4.5 * MSS);
});

Deno.test("a loss halves what was not acknowledged in order, reported or not (RFC 6675 section 5)", () => {
  const s = sending(100, { tcp: { congestion: "reno" } });
  write(s, 0, 10);
  s.t.advance(100);
  s.peer.send(`ACK ack=1 sack=${block(1, 4)}`);
  assertEquals(s.app.connection.info().ssthresh, 5 * MSS);
});

Deno.test("without SACK, what waited behind a hole tells no round-trip time", () => {
  const t = scenario({ listen: 80 });
  const peer = t.peer();
  peer.send(`SYN seq=0 mss=${MSS}`);
  peer.expect("SYN ACK seq=0 ack=1");
  t.advance(100);
  peer.send("ACK seq=1 ack=1");
  const app = t.accepted[0]!;
  write({ t, peer, app }, 0, 10);
  t.advance(100);
  for (let i = 0; i < 9; i++) peer.send("ACK ack=1");
  t.advance(100);
  peer.send(`ACK ack=${at(10)}`);
  assertEquals(app.connection.info().rtt, 100);
});
