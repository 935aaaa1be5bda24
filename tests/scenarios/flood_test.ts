// TCP-SCENARIOS.md: many peers at once (L23), and a link or neighbor that does not answer (D14).
import { assert, assertEquals } from "@std/assert";
import { gone } from "../../runtime/testing/gone.ts";
import { scenario } from "../../runtime/testing/scenario.ts";
import { established } from "../support/established.ts";

Deno.test("L23: 10,000 SYNs that are never acknowledged keep nobody out, and the table drains", () => {
  const { t, peer, app } = established();
  for (let i = 0; i < 10_000; i++) {
    t.peer({ address: `192.0.${i >> 8}.${i & 255}`, port: 1024 + i }).send("SYN seq=0 mss=1460");
  }
  assertEquals(t.stack.census().halfOpen, 1024);
  assertEquals(t.stack.counters.tcp.synCookiesSent, 10_000 - 1024);
  peer.send("PSH ACK seq=1 ack=1", "still there?");
  assertEquals(app.readText(), "still there?");
  app.write("yes");
  peer.expect("PSH ACK seq=1 ack=13", "yes");
  peer.send("ACK");
  t.peer().open();
  assertEquals(t.accepted.length, 2, "a client gets in during the flood");
  t.advance(64_000);
  assertEquals(t.stack.census().halfOpen, 0);
  t.peer().open();
  assertEquals([t.accepted.length, t.stack.counters.tcp.synCookiesAccepted], [3, 1]);
});

Deno.test("L23: without cookies the SYNs of a flood are dropped, and it drains", () => {
  const t = scenario({ listen: 80, tcp: { synCookies: false } });
  for (let i = 0; i < 2000; i++) {
    t.peer({ address: `192.0.${i >> 8}.${i & 255}`, port: 1024 + i }).send("SYN seq=0 mss=1460");
  }
  assertEquals(t.stack.census().halfOpen, 1024);
  assertEquals(t.stack.counters.tcp.droppedHalfOpenFull, 2000 - 1024);
  t.advance(64_000);
  assertEquals(t.stack.census().halfOpen, 0);
  t.peer().open();
});

Deno.test("L23: one peer that is served makes room for the next", () => {
  const t = scenario({ listen: 80, tcp: { halfOpenLimit: 2, synCookies: false } });
  const [a, b, c] = [t.peer(), t.peer(), t.peer()];
  for (const peer of [a, b]) {
    peer.send("SYN seq=0");
    peer.expect("SYN ACK seq=0 ack=1");
  }
  c.send("SYN seq=0");
  c.expectNothing();
  a.send("ACK seq=1 ack=1");
  c.send("SYN seq=0");
  c.expect("SYN ACK seq=0 ack=1");
});

Deno.test("the number of connections is bounded, and drops are counted", () => {
  const t = scenario({ listen: 80, tcp: { connectionLimit: 10 } });
  for (let i = 0; i < 10; i++) t.peer().open();
  const late = t.peer();
  late.send("SYN seq=0");
  late.expectNothing();
  assertEquals(t.stack.counters.tcp.droppedTableFull, 1);
  t.accepted[0]!.connection.abort();
  late.send("SYN seq=0");
  late.expect("SYN ACK seq=0 ack=1");
});

Deno.test("D14: a SYN-ACK waits for the address of the peer and then leaves", () => {
  const t = scenario({ listen: 80, arp: false });
  const peer = t.peer();
  peer.send("SYN seq=0");
  peer.expectNothing();
  const requests = t.arp.filter(({ operation, targetIp }) =>
    operation === 1 && targetIp === peer.address
  );
  assertEquals(requests.length, 1);
  t.answerArp(peer.address);
  peer.expect("SYN ACK seq=0 ack=1");
  peer.send("ACK seq=1 ack=1");
  assertEquals(t.accepted.length, 1);
});

Deno.test("D14: a lost ARP request is repeated; a late answer still opens the way", () => {
  const t = scenario({ listen: 80, arp: false });
  const peer = t.peer();
  const before = t.arp.length;
  peer.send("SYN seq=0");
  t.advance(2500);
  assert(t.arp.length - before >= 2, "the request must be repeated");
  t.answerArp(peer.address);
  assert(peer.waiting >= 1, t.traceText());
  peer.expect("SYN ACK seq=0 ack=1");
});

Deno.test("D14: a peer whose address is never found is given up, and nothing is left", () => {
  const t = scenario({ listen: 80, arp: false });
  const peer = t.peer({ port: 80 });
  t.peer().send("SYN seq=0");
  const attempt = t.connect(peer);
  t.advance(600_000);
  assertEquals(attempt.outcomes.length, 1);
  peer.expectNothing();
  gone(t.stack);
});

Deno.test("a link that has no room loses the segment, and TCP sends it again", () => {
  const { t, peer, app } = established();
  t.linkUp = false;
  app.write("hello");
  t.advance(100);
  t.linkUp = true;
  peer.expectNothing();
  assert(t.stack.counters.tcp.droppedLinkFull > 0);
  t.advance(100);
  peer.expect("PSH ACK seq=1 ack=1", "hello");
});
