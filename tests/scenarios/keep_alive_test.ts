// TCP-SCENARIOS.md section C: keepalive, peers that vanish (R8, R10, R11).
import { assertEquals } from "@std/assert";
import { gone } from "../../runtime/testing/gone.ts";
import { established, timesOf } from "../support/established.ts";

Deno.test("R8: a peer that vanishes in the middle of a transfer is given up after the last try", () => {
  const { t, peer, app } = established();
  app.write(new Uint8Array(3000));
  peer.drain();
  t.advance(24 * 3_600_000);
  const gaps = timesOf(peer.drain()).map((time, i, all) => time - (all[i - 1] ?? 0));
  assertEquals(gaps, [
    200,
    400,
    800,
    1600,
    3200,
    6400,
    12_800,
    25_600,
    51_200,
    ...new Array(6).fill(60_000),
  ]);
  assertEquals(app.reasons, ["timeout"]);
  gone(t.stack);
});

Deno.test("R8: nobody waits that long for a connection that was closed", () => {
  const { t, peer, app } = established();
  app.write(new Uint8Array(3000));
  app.connection.close();
  peer.drain();
  t.advance(24 * 3_600_000);
  assertEquals(peer.drain().length, 8);
  assertEquals(app.reasons, ["timeout"]);
  gone(t.stack);
});

Deno.test("R10: after close there are no keepalive probes", () => {
  const { t, peer, app } = established();
  app.connection.setKeepAlive(true);
  app.connection.close();
  peer.expect("FIN ACK seq=1 ack=1");
  peer.send("FIN ACK seq=1 ack=2");
  peer.expect("ACK seq=2 ack=2");
  t.advance(3 * 3_600_000);
  peer.expectNothing();
  gone(t.stack);
});

Deno.test("R10: a RST in answer to a probe ends the connection at once", () => {
  const { t, peer, app } = established();
  app.connection.setKeepAlive({ idle: 1000, interval: 1000, probes: 3 });
  t.advance(1000);
  peer.expect("ACK seq=0 ack=1");
  peer.send("RST seq=1");
  assertEquals(app.reasons, ["reset"]);
  gone(t.stack);
});

Deno.test("R11: a dead peer gets exactly so many probes, then the connection ends", () => {
  const { t, peer, app } = established();
  app.connection.setKeepAlive({ idle: 1000, interval: 1000, probes: 3 });
  t.advance(3999);
  for (const time of [1000, 2000, 3000]) {
    assertEquals(peer.expect("ACK seq=0 ack=1").time, time);
  }
  assertEquals(app.reasons, []);
  t.advance(1);
  assertEquals(app.reasons, ["timeout"]);
  t.advance(100_000);
  peer.expectNothing();
  assertEquals(t.stack.counters.tcp.keepAliveProbes, 3);
  gone(t.stack);
});

Deno.test("R11: a clock that jumps does not make up for the probes that it missed", () => {
  const { t, peer, app } = established();
  app.connection.setKeepAlive({ idle: 1000, interval: 1000, probes: 3 });
  for (let i = 0; i < 3; i++) {
    t.jump(1_000_000);
    peer.expect("ACK seq=0 ack=1");
    peer.expectNothing();
  }
  t.jump(1_000_000);
  peer.expectNothing();
  assertEquals(app.reasons, ["timeout"]);
});

Deno.test("R11: a peer that answers is never given up, and its data counts as an answer", () => {
  const { t, peer, app } = established();
  app.connection.setKeepAlive({ idle: 10_000, interval: 1000, probes: 2 });
  for (let i = 0; i < 20; i++) {
    t.advance(10_000);
    peer.expect("ACK seq=0 ack=1");
    peer.send("ACK seq=1 ack=1");
  }
  peer.expectNothing();
  t.advance(9000);
  peer.send("PSH ACK seq=1 ack=1", "x");
  t.advance(9000);
  peer.expect("ACK seq=1 ack=2");
  peer.expectNothing();
  assertEquals(app.reasons, []);
});

Deno.test("keepalive that is switched off sends nothing", () => {
  const { t, peer, app } = established();
  app.connection.setKeepAlive({ idle: 1000, interval: 1000, probes: 3 });
  app.connection.setKeepAlive(false);
  t.advance(100_000);
  peer.expectNothing();
  assertEquals(app.connection.state, "Established");
  assertEquals(t.stack.nextDeadline(), Infinity);
});

Deno.test("keepalive with the stack's times: two hours, then nine probes 75 seconds apart", () => {
  const { t, peer, app } = established();
  app.connection.setKeepAlive(true);
  t.advance(7_200_000 + 9 * 75_000);
  assertEquals(timesOf(peer.drain()), Array.from({ length: 9 }, (_, i) => 7_200_000 + i * 75_000));
  assertEquals(app.reasons, ["timeout"]);
});

Deno.test("what may come from a stranger does not keep a dead peer alive", () => {
  const { t, peer, app } = established();
  app.connection.setKeepAlive({ idle: 10_000, interval: 1000, probes: 3 });
  for (let i = 0; i < 20; i++) {
    t.advance(900);
    peer.send("RST seq=70000");
    peer.send("ACK seq=90000 ack=1");
    peer.send("ACK seq=1 ack=90000");
  }
  assertEquals(app.reasons, ["timeout"]);
  gone(t.stack);
});
