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
  for (let i = 0; i < 50; i++) {
    t.advance(5);
    peer.send(`ACK ack=${at(0)} len=100`);
  }
  const probe = s.peer.drain().find(({ payload }) => payload.length > 0);
  assertEquals(probe?.time, 100 + 2 * 100 + 20);
});
