// A connection on which nothing happens gives up most of its memory, and nobody can tell by anything
// that it says or does.
import { assert, assertEquals } from "@std/assert";
import { gone } from "../../runtime/testing/gone.ts";
import type { Scenario } from "../../runtime/testing/scenario.ts";
import { connected, type Established, established } from "../support/established.ts";

/** How long nothing happens before a connection rests, in milliseconds: the default. */
const REST_AFTER = 5_000;

/** Lets a connection come to rest. */
function rested(all: Established): Established {
  all.t.advance(REST_AFTER);
  assertEquals([all.t.stack.census().resting, all.t.stack.census().timers], [1, 0]);
  assertEquals(all.t.stack.nextDeadline(), Infinity);
  all.peer.expectNothing();
  return all;
}

function resting({ stack }: Scenario): number {
  return stack.census().resting;
}

Deno.test("at rest a connection is as it was: what comes is read, what is written leaves", () => {
  const { t, peer, app } = rested(established({}, { ws: 7, options: "sackok" }));
  peer.send("PSH ACK seq=1 ack=1", "hello");
  assertEquals([resting(t), app.readText()], [0, "hello"]);
  t.advance(40);
  peer.expect("ACK seq=1 ack=6");
  t.advance(REST_AFTER);
  assertEquals(resting(t), 1);
  app.write("well met");
  peer.expect("PSH ACK seq=1 ack=6", "well met");
  peer.send("ACK seq=6 ack=9");
  t.advance(REST_AFTER);
  assertEquals(resting(t), 1);
  const { bytesReceived, bytesAcknowledged, sendScale, sack } = app.connection.info();
  assertEquals([bytesReceived, bytesAcknowledged, sendScale, sack], [5, 8, 7, true]);
});

Deno.test("a connection goes to rest after each time that something has happened on it", () => {
  const { t, peer, app } = rested(connected());
  for (let i = 0; i < 3; i++) {
    peer.send(`PSH ACK seq=${1 + i} ack=1`, "x");
    assertEquals(app.readText(), "x");
    t.advance(REST_AFTER - 1);
    assertEquals(resting(t), 0);
    t.advance(50);
    assertEquals(resting(t), 1);
    peer.drain();
  }
});

Deno.test("both goodbyes and a reset find a connection at rest", () => {
  const first = rested(established());
  first.peer.send("FIN ACK seq=1 ack=1");
  first.peer.expect("ACK seq=1 ack=2");
  assertEquals([first.app.connection.state, first.app.connection.ended], ["Close_wait", true]);

  const second = rested(established());
  second.app.connection.close();
  second.peer.expect("FIN ACK seq=1 ack=1");
  second.peer.send("FIN ACK seq=1 ack=2");
  second.peer.expect("ACK seq=2 ack=2");
  assertEquals(second.app.reasons, ["closed"]);

  const third = rested(established());
  third.peer.send("RST seq=1");
  assertEquals([third.app.reasons, third.app.connection.state], [["reset"], "Closed"]);
  gone(third.t.stack);

  const fourth = rested(established());
  fourth.app.connection.abort();
  fourth.peer.expect("RST ACK seq=1 ack=1");
  gone(fourth.t.stack);
});

Deno.test("a stack that stops says goodbye on what rests, and one that breaks off resets it", () => {
  const polite = rested(established());
  polite.t.stack.close();
  polite.t.advance(0);
  polite.peer.expect("FIN ACK seq=1 ack=1");
  const rude = rested(established());
  rude.t.stack.abort();
  rude.peer.expect("RST ACK seq=1 ack=1");
  gone(rude.t.stack);
});

Deno.test("what is outside the window is answered at rest as it is else", () => {
  const { t, peer } = rested(established());
  peer.send("ACK seq=-1000 ack=1");
  peer.expect("ACK seq=1 ack=1");
  t.advance(REST_AFTER);
  assertEquals(resting(t), 1);
  peer.send("SYN seq=5");
  peer.expect("ACK seq=1 ack=1");
});

Deno.test("the limit of challenge ACKs is not forgotten by a rest", () => {
  const { t, peer } = established({ tcp: { restAfter: 100 } });
  for (let i = 0; i < 10; i++) peer.send("SYN seq=5");
  assertEquals(peer.drain().length, 10);
  t.advance(4_000);
  peer.send("SYN seq=5");
  peer.expectNothing();
  t.advance(2_000);
  assertEquals(resting(t), 1);
  peer.send("SYN seq=5");
  peer.expect("ACK seq=1 ack=1");
});

Deno.test("what was learnt of the path outlives a rest, the window but as RFC 5681 section 4.1 says", () => {
  const { t, peer, app } = established({}, { mss: 1000 });
  app.write(new Uint8Array(8_000));
  peer.drain();
  t.advance(30);
  // The first is lost, and what it was found by arrives.
  for (let i = 0; i < 3; i++) peer.send("ACK seq=1 ack=1");
  t.advance(1_000);
  peer.drain();
  peer.send("ACK seq=1 ack=8001");
  const before = app.connection.info();
  assert(before.retransmissions > 0 && before.ssthresh < Infinity);
  rested({ t, peer, app });
  const after = app.connection.info();
  for (const name of ["ssthresh", "retransmissions", "bytesAcknowledged", "mss"] as const) {
    assertEquals(after[name], before[name], name);
  }
  for (const name of ["rtt", "rttvar", "rto"] as const) {
    assert(Math.abs(after[name] - before[name]) < 0.01, `${name} ${after[name]}: ${before[name]}`);
  }
  assert(after.cwnd <= before.cwnd && after.cwnd <= 10_000);
});

Deno.test("nothing rests on which something is under way, or that somebody watches over", () => {
  const unread = established();
  unread.peer.send("PSH ACK seq=1 ack=1", "unread");
  const unacknowledged = established();
  unacknowledged.app.write("unacknowledged");
  const watched = established();
  watched.app.connection.setKeepAlive({ idle: 60_000, interval: 1_000, probes: 3 });
  const limited = established();
  limited.app.connection.setUserTimeout(30_000);
  const half = established();
  half.peer.send("FIN ACK seq=1 ack=1");
  for (const { t } of [unread, unacknowledged, watched, limited, half]) {
    t.advance(20_000);
    assertEquals(resting(t), 0);
  }
  watched.t.advance(40_000);
  watched.peer.drain();
  watched.t.advance(1_000);
  watched.peer.expect("ACK seq=0 ack=1"); // the second probe
});
