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

Deno.test("R7: challenge ACKs are limited in each second, for the whole stack", () => {
  const { t, peer } = established();
  const other = t.peer();
  other.open();
  t.advance(1000 - t.now % 1000);
  for (let i = 0; i < 500; i++) {
    peer.send("RST seq=10");
    other.send("SYN seq=10");
  }
  const sent = peer.drain().length + other.drain().length;
  assert(sent > 0 && sent <= 100, `${sent} challenge ACKs`);
  assertEquals(t.stack.counters.tcp.challengeAcksSent, sent);
  assertEquals(t.stack.counters.tcp.challengeAcksLimited, 1000 - sent);
  t.advance(1000);
  peer.send("RST seq=10");
  peer.expect("ACK seq=1 ack=1");
});

Deno.test("R12: the timers of a connection do not outlive it, whoever takes its 4-tuple", () => {
  const { t, peer, app } = established();
  app.connection.setKeepAlive({ idle: 1000, interval: 1000, probes: 1 });
  app.write(new Uint8Array(5000));
  peer.drain();
  peer.send("PSH ACK seq=1 ack=1", "to be acknowledged");
  peer.send("RST seq=19");
  assertEquals(app.reasons, ["reset"]);
  const again = t.peer({ port: peer.port, isn: 90_000 });
  const heir = again.open();
  t.advance(3_600_000);
  again.expectNothing();
  peer.expectNothing();
  assertEquals([heir.connection.state, t.stack.census().timers], ["Established", 0]);
});

Deno.test("abort says RST at once, with a number that the peer accepts, and all is released", () => {
  const { t, peer, app } = established();
  app.write("never to be sent");
  app.connection.abort();
  peer.expect("RST ACK seq=1 ack=1");
  app.connection.abort();
  assertEquals([app.reasons, app.connection.state], [["aborted"], "Closed"]);
  peer.expectNothing();
  gone(t.stack);
});

Deno.test("abort of the stack resets every connection, half-open ones too", () => {
  const { t, peer } = established();
  const halfOpen = t.peer();
  halfOpen.send("SYN seq=0");
  halfOpen.expect("SYN ACK seq=0 ack=1");
  t.stack.abort();
  peer.expect("RST ACK seq=1 ack=1");
  halfOpen.expect("RST ACK seq=1 ack=1");
  gone(t.stack);
});

Deno.test("a connection that an observer's callback aborts takes no other down with it", () => {
  const { t, peer, app } = established({ tcp: { retransmissions: 3 } });
  const other = t.peer();
  const victim = other.open();
  // Both time out in the same moment, and the first takes the second along.
  app.write("x");
  victim.write("y");
  app.closed = () => victim.connection.abort();
  victim.closed = () => app.connection.abort();
  t.advance(100_000);
  peer.drain();
  other.drain();
  gone(t.stack);
});
