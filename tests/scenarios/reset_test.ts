// TCP-SCENARIOS.md section C: RST, blind attacks, challenge ACKs (RFC 5961).
import { assert, assertEquals } from "@std/assert";
import { gone } from "../../runtime/testing/gone.ts";
import { scenario } from "../../runtime/testing/scenario.ts";
import {
  closing,
  countOf,
  established,
  finWait1,
  finWait2,
  lastAck,
} from "../support/established.ts";

Deno.test("R1: an exact RST ends an Established connection at once, without an answer", () => {
  const { t, peer, app } = established();
  app.write(new Uint8Array(200_000));
  peer.drain();
  peer.send("PSH ACK seq=1 ack=1", "unread");
  peer.send("RST seq=7");
  assertEquals([app.reasons, app.connection.state], [["reset"], "Closed"]);
  assertEquals([app.connection.ended, app.write("x")], [false, 0]);
  assertEquals(app.connection.closeReason, "reset");
  t.advance(600_000);
  peer.expectNothing();
  gone(t.stack);
});

Deno.test("R1: an exact RST ends a connection in every later state", () => {
  for (const { t, peer, app } of [finWait1(), finWait2(), closing(), lastAck()]) {
    peer.send("RST");
    assertEquals(app.reasons, ["reset"]);
    peer.expectNothing();
    gone(t.stack);
  }
});

Deno.test("R2: a storm of resets is one transition", () => {
  const { t, peer, app } = established();
  const transitions = t.log.length;
  for (let i = 0; i < 100; i++) {
    peer.send("RST seq=1");
    peer.send("RST ACK seq=1 ack=1", "why not a payload");
  }
  t.advance(1000);
  peer.expectNothing();
  assertEquals([t.log.length - transitions, app.reasons], [1, ["reset"]]);
  assertEquals(t.stack.counters.tcp.connectionsReset, 1);
  gone(t.stack);
});

Deno.test("R2: a RST with a payload is as good as one without", () => {
  const { peer, app } = established();
  peer.send("RST ACK seq=1 ack=1", "reason in plain text");
  assertEquals(app.reasons, ["reset"]);
  peer.expectNothing();
});

Deno.test("R3: data, FIN, and a RST for each answer, 2,000 times: the table is empty, nothing grows", () => {
  const t = scenario({
    listen: 80,
    accept: (connection) => {
      connection.observer = {
        readable() {
          connection.read(new Uint8Array(100));
          connection.write(new Uint8Array(3000));
          if (connection.ended) connection.close();
        },
        writable() {},
        closed() {},
      };
    },
  });
  for (let i = 0; i < 2000; i++) {
    const peer = t.peer({ port: 1024 + i, isn: i * 1000 });
    peer.open();
    peer.send("PSH ACK seq=1 ack=1", "GET /");
    peer.send("FIN ACK seq=6 ack=1");
    for (const _ of peer.drain()) peer.send("RST seq=7");
    peer.expectNothing();
    gone(t.stack);
  }
  assertEquals(t.stack.counters.tcp.connectionsReset, 2000);
});

Deno.test("R4: a RST in the window but not exact is challenged; outside it is silence", () => {
  const { t, peer, app } = established();
  peer.send("RST seq=10");
  peer.expect("ACK seq=1 ack=1");
  peer.send("RST seq=65535");
  peer.expect("ACK seq=1 ack=1");
  peer.send("RST seq=65537");
  peer.send("RST seq=0");
  peer.send("RST seq=-1000000");
  peer.expectNothing();
  assertEquals([app.connection.state, app.reasons], ["Established", []]);
  peer.send("RST seq=1");
  assertEquals(app.reasons, ["reset"]);
  gone(t.stack);
});

Deno.test("R5: a SYN in a synchronized state is challenged, whatever its number", () => {
  const { t, peer, app } = established();
  for (const seq of [0, 1, 100, 70_000, -70_000]) {
    peer.send(`SYN seq=${seq}`);
    peer.expect("ACK seq=1 ack=1");
    peer.send(`SYN ACK seq=${seq} ack=1`);
    peer.expect("ACK seq=1 ack=1");
  }
  assertEquals([app.connection.state, t.accepted.length], ["Established", 1]);
});

Deno.test("R5: a peer that has lost its memory resets with the number of the challenge", () => {
  const { t, peer, app } = established();
  peer.send("SYN seq=-70000");
  peer.expect("ACK seq=1 ack=1");
  peer.send("RST seq=1");
  assertEquals(app.reasons, ["reset"]);
  gone(t.stack);
  peer.send("SYN seq=-70000");
  assertEquals(countOf(peer.drain(), "SYN"), 1);
});

Deno.test("R6: data with an acknowledgment older than any window is challenged, not delivered", () => {
  const { t, peer, app } = established({}, { win: 1000 });
  app.write(new Uint8Array(3000));
  for (let i = 0; i < 3; i++) {
    peer.drain();
    peer.send("ACK");
  }
  t.advance(1000);
  assertEquals(peer.rcvNxt, 3001);
  peer.send("PSH ACK seq=1 ack=2000", "blind");
  peer.expect("ACK seq=3001 ack=1");
  assertEquals(app.connection.readableBytes, 0);
  peer.send("PSH ACK seq=1 ack=2001", "late");
  assertEquals(app.readText(), "late");
});

Deno.test("R6: data that acknowledges what was never sent is challenged, not delivered", () => {
  const { peer, app } = established();
  peer.send("PSH ACK seq=1 ack=2", "blind");
  peer.expect("ACK seq=1 ack=1");
  assertEquals(app.connection.readableBytes, 0);
});

Deno.test("a segment without ACK in Established is dropped", () => {
  const { t, peer, app } = established();
  peer.send("PSH seq=1", "no ack");
  peer.send("FIN seq=1");
  t.advance(1000);
  peer.expectNothing();
  assertEquals([app.connection.readableBytes, app.connection.state], [0, "Established"]);
});

Deno.test("R7: a connection gets ten challenge ACKs in five seconds, whatever others do", () => {
  const { t, peer } = established();
  const other = t.peer();
  other.open();
  for (let i = 0; i < 500; i++) peer.send("RST seq=10");
  assertEquals(peer.drain().length, 10);
  for (let i = 0; i < 500; i++) other.send("SYN seq=10");
  assertEquals(other.drain().length, 10);
  const { challengeAcksSent, challengeAcksLimited, challengeAcksExhausted } = t.stack.counters.tcp;
  assertEquals([challengeAcksSent, challengeAcksLimited, challengeAcksExhausted], [20, 980, 0]);
  t.advance(4999);
  peer.send("RST seq=10");
  peer.expectNothing();
  t.advance(1);
  peer.send("RST seq=10");
  peer.expect("ACK seq=1 ack=1");
});

Deno.test("R7: a crowd gets another number of challenge ACKs each second (CVE-2016-5696)", () => {
  const { t } = established({ tcp: { challengeAcksPerSecond: 100 } });
  const counts = [];
  for (let second = 0; second < 10; second++) {
    const crowd = Array.from({ length: 20 }, () => t.peer());
    for (const peer of crowd) peer.open();
    let count = 0;
    for (const peer of crowd) {
      for (let i = 0; i < 10; i++) peer.send("RST seq=10");
      count += peer.drain().length;
    }
    counts.push(count);
    t.advance(1000);
  }
  for (const count of counts) assert(count >= 50 && count <= 150, counts.join());
  const spread = Math.max(...counts) - Math.min(...counts);
  assert(new Set(counts).size > 5 && spread > 20, counts.join());
  const { challengeAcksLimited, challengeAcksExhausted } = t.stack.counters.tcp;
  assertEquals(challengeAcksLimited, 0);
  assertEquals(challengeAcksExhausted, 2000 - counts.reduce((sum, count) => sum + count));
});
