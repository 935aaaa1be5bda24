// TCP-SCENARIOS.md section B: the goodbye, whoever says it first.
import { assert, assertEquals } from "@std/assert";
import { gone } from "../../runtime/testing/gone.ts";
import {
  closeWait,
  closing,
  connected,
  countOf,
  established,
  finWait1,
  finWait2,
  lastAck,
  lastState,
  timesOf,
  timeWait,
} from "../support/established.ts";

Deno.test("C2: an active close: one FIN, one ACK of the peer's FIN, gone after 2 MSL", () => {
  const { t, peer, app } = established();
  app.connection.close();
  peer.expect("FIN ACK seq=1 ack=1");
  assertEquals(app.connection.state, "Fin_wait_1");
  peer.send("ACK seq=1 ack=2");
  assertEquals([app.connection.state, app.reasons], ["Fin_wait_2", []]);
  peer.send("FIN ACK seq=1 ack=2");
  peer.expect("ACK seq=2 ack=2");
  assertEquals([app.connection.state, app.reasons], ["Time_wait", ["closed"]]);
  assertEquals(t.stack.census().timeWait, 1);
  t.advance(59_999);
  assertEquals(t.stack.census().timeWait, 1);
  t.advance(1);
  peer.expectNothing();
  gone(t.stack);
  const s = peer.remoteIsn!;
  const n = (count: number) => (s + count) >>> 0;
  assertEquals(
    t.log,
    [
      `{ Closed }  - Passive_open ->  { Listen }`,
      `{ Listen }  - Send_synack ${n(0)} ->  { Syn_rcvd ${n(0)} }`,
      `{ Syn_rcvd ${n(0)} }  - Recv_ack ${n(1)} ->  { Established }`,
      `{ Established }  - Send_fin ${n(1)} ->  { Fin_wait_1 ${n(1)} }`,
      `{ Fin_wait_1 ${n(1)} }  - Recv_ack ${n(2)} ->  { Fin_wait_2 0 }`,
      `{ Fin_wait_2 0 }  - Recv_fin ->  { Time_wait }`,
      `{ Time_wait }  - Timeout ->  { Closed }`,
    ].map((line) => `10.0.0.1:40000 ${line}`),
  );
});

Deno.test("a passive close: the peer first, then we, gone with the peer's ACK", () => {
  const { t, peer } = lastAck();
  peer.send("ACK seq=2 ack=2");
  gone(t.stack);
  t.advance(200_000);
  peer.expectNothing();
  const fin = (peer.remoteIsn! + 1) >>> 0;
  assertEquals(t.log.slice(3), [
    `10.0.0.1:40000 { Established }  - Recv_fin ->  { Close_wait }`,
    `10.0.0.1:40000 { Close_wait }  - Send_fin ${fin} ->  { Last_ack ${fin} }`,
    `10.0.0.1:40000 { Last_ack ${fin} }  - Recv_ack ${fin + 1} ->  { Closed }`,
  ]);
});

Deno.test("C3: the peer's FIN and its ACK of ours in one segment lead to TIME_WAIT", () => {
  const { t, peer, app } = finWait1();
  peer.send("FIN ACK seq=1 ack=2");
  peer.expect("ACK seq=2 ack=2");
  assertEquals([app.connection.state, app.reasons], ["Time_wait", ["closed"]]);
  t.advance(60_000);
  peer.expectNothing();
  gone(t.stack);
});

Deno.test("C4: both close at once: Fin_wait_1, Closing, Time_wait, gone within 2 MSL", () => {
  const { t, peer, app } = connected();
  app.connection.close();
  peer.expect("FIN ACK seq=1 ack=1");
  peer.send("FIN ACK seq=1 ack=1");
  peer.expect("ACK seq=2 ack=2");
  assertEquals(app.connection.state, "Closing");
  peer.send("ACK seq=2 ack=2");
  assertEquals([app.connection.state, app.reasons], ["Time_wait", ["closed"]]);
  t.advance(60_000);
  peer.expectNothing();
  gone(t.stack);
});

Deno.test("C5: a RST one below what the peer's FIN consumed ends Close_wait, Closing and Last_ack", () => {
  for (const { t, peer, app } of [closeWait(), closing(), lastAck()]) {
    peer.send("RST seq=1");
    assertEquals(app.reasons, ["reset"]);
    peer.expectNothing();
    gone(t.stack);
  }
});

Deno.test("C5: in Established the same RST is outside the window and dropped; the exact one counts", () => {
  const { t, peer, app } = established();
  peer.send("PSH ACK seq=1 ack=1", "x");
  t.advance(1000);
  peer.expect("ACK seq=1 ack=2");
  peer.send("RST seq=1");
  peer.expectNothing();
  assertEquals(app.connection.state, "Established");
  peer.send("RST seq=2");
  assertEquals(app.reasons, ["reset"]);
  gone(t.stack);
});

Deno.test("C6: in Closing a peer that falls silent is given up", () => {
  const { t, peer, app } = closing();
  t.advance(600_000);
  const all = peer.drain();
  const fins = all.filter(({ flags }) => flags.includes("FIN"));
  // The first FIN's timer runs from time 0; the ACK between did not touch it.
  assertEquals(timesOf(fins), [200, 600, 1400, 3000, 6200, 12_600, 25_400, 51_000]);
  for (const { seq } of fins) assertEquals(seq, (peer.remoteIsn! + 1) >>> 0);
  assertEquals(app.reasons, ["timeout"]);
  gone(t.stack);
});

Deno.test("C7: a lost FIN is sent again with the same number, in Fin_wait_1", () => {
  const { t, peer, app } = established();
  app.connection.close();
  peer.lose("FIN ACK seq=1 ack=1");
  t.advance(199);
  peer.expectNothing();
  t.advance(1);
  peer.expect("FIN ACK seq=1 ack=1");
  peer.send("ACK seq=1 ack=2");
  peer.send("FIN ACK seq=1 ack=2");
  peer.expect("ACK seq=2 ack=2");
  t.advance(60_000);
  peer.expectNothing();
  gone(t.stack);
});

Deno.test("C7: a lost FIN is sent again with the same number, in Last_ack", () => {
  const { t, peer, app } = closeWait();
  app.connection.close();
  peer.lose("FIN ACK seq=1 ack=2");
  t.advance(200);
  peer.lose("FIN ACK seq=1 ack=2");
  t.advance(400);
  peer.expect("FIN ACK seq=1 ack=2");
  assertEquals(app.connection.state, "Last_ack");
  peer.send("ACK seq=2 ack=2");
  t.advance(60_000);
  peer.expectNothing();
  gone(t.stack);
});

Deno.test("C8: when the ACK of our FIN is lost, the peer's FIN brings it", () => {
  const { t, peer, app } = finWait1();
  t.advance(10);
  peer.send("FIN ACK seq=1 ack=2");
  peer.expect("ACK seq=2 ack=2");
  assertEquals(app.connection.state, "Time_wait");
  t.advance(60_000);
  peer.expectNothing();
  gone(t.stack);
});

Deno.test("C9: a repeated FIN is acknowledged again in Close_wait", () => {
  const { peer, app } = closeWait();
  for (let i = 0; i < 3; i++) {
    peer.send("FIN ACK seq=1 ack=1");
    peer.expect("ACK seq=1 ack=2");
  }
  peer.expectNothing();
  assertEquals(app.connection.state, "Close_wait");
});

Deno.test("C9: a repeated FIN is acknowledged again in Closing", () => {
  const { peer, app } = closing();
  for (let i = 0; i < 3; i++) {
    peer.send("FIN ACK seq=1 ack=1");
    peer.expect("ACK seq=2 ack=2");
  }
  peer.expectNothing();
  assertEquals(app.connection.state, "Closing");
});

Deno.test("C9: a repeated FIN is acknowledged again in Last_ack", () => {
  const { peer, app } = lastAck();
  for (let i = 0; i < 3; i++) {
    peer.send("FIN ACK seq=1 ack=1");
    peer.expect("ACK seq=2 ack=2");
  }
  peer.expectNothing();
  assertEquals(app.connection.state, "Last_ack");
});

Deno.test("C9: a repeated FIN is acknowledged again in Time_wait, and its wait begins anew", () => {
  const { t, peer } = timeWait();
  t.advance(30_000);
  peer.send("FIN ACK seq=1 ack=2");
  peer.expect("ACK seq=2 ack=2");
  t.advance(59_999);
  assertEquals(t.stack.census().timeWait, 1);
  t.advance(1);
  gone(t.stack);
});

Deno.test("C10: a peer that never closes is waited for a bounded time in Fin_wait_2", () => {
  const { t, peer, app } = finWait2();
  t.advance(59_999);
  assertEquals([app.connection.state, app.reasons], ["Fin_wait_2", []]);
  t.advance(1);
  assertEquals(app.reasons, ["closed"]);
  peer.expectNothing();
  assertEquals(t.stack.counters.tcp.finWait2Expired, 1);
  assert(t.log.at(-1)!.endsWith("- Timeout ->  { Closed }"));
  gone(t.stack);
});

Deno.test("C10: who has only closed its writing half waits for the peer as long as it takes", () => {
  const { t, peer, app } = established();
  app.connection.closeWrite();
  peer.expect("FIN ACK seq=1 ack=1");
  peer.send("ACK seq=1 ack=2");
  t.advance(3_600_000);
  assertEquals(app.connection.state, "Fin_wait_2");
  peer.send("PSH ACK seq=1 ack=2", "late");
  assertEquals(app.readText(), "late");
});

Deno.test("C11: duplicate ACKs do not keep Fin_wait_2 open", () => {
  const { t, peer, app } = finWait2();
  for (let i = 0; i < 11; i++) {
    t.advance(5000);
    peer.send("ACK seq=1 ack=2");
  }
  assertEquals([app.connection.state, lastState(t)], ["Fin_wait_2", "Fin_wait_2 11"]);
  t.advance(5000);
  assertEquals(app.reasons, ["closed"]);
  gone(t.stack);
});

Deno.test("C11: data keeps Fin_wait_2 open", () => {
  const { t, peer, app } = finWait2();
  for (let i = 0; i < 10; i++) {
    t.advance(11_000);
    peer.send("PSH ACK ack=2", "more");
    t.advance(100);
    peer.expect(`ACK seq=2 ack=${5 + 4 * i}`);
  }
  assertEquals(app.connection.state, "Fin_wait_2");
  t.advance(60_000);
  assertEquals(app.reasons, ["closed"]);
  gone(t.stack);
});

Deno.test("what comes out of order after close is reported, need not come twice, and takes no memory", () => {
  const { t, peer, app } = established({}, { options: "sackok" });
  peer.send("ACK seq=1001 len=1000");
  peer.expect("ACK ack=1 sack=1001-2001");
  app.connection.close();
  peer.expect("FIN ACK seq=1 ack=1");
  assertEquals(t.stack.census().memory, 0);
  peer.send("ACK seq=3001 ack=2 len=1000");
  peer.expect("ACK seq=2 ack=1 sack=3001-4001,1001-2001");
  assertEquals([t.stack.census().memory, t.stack.counters.tcp.lingerBytesDiscarded], [0, 0]);
  peer.send("ACK seq=1 ack=2 len=1000");
  peer.expect("ACK seq=2 ack=2001 sack=3001-4001");
  peer.send("FIN ACK seq=4001 ack=2");
  peer.expect("ACK seq=2 ack=2001 sack=3001-4001");
  peer.send("ACK seq=2001 ack=2 len=1000");
  peer.expect("ACK seq=2 ack=4002 sack=none");
  assertEquals(t.stack.counters.tcp.lingerBytesDiscarded, 4000);
  assertEquals([app.connection.state, app.reasons], ["Time_wait", ["closed"]]);
});

Deno.test("what lay out of order counts towards the bound of the lingering close once it is in order", () => {
  const { peer, app } = finWait2({ tcp: { lingerBytes: 10_000 } });
  for (let seq = 1001; seq < 12_001; seq += 1000) peer.send(`ACK seq=${seq} ack=2 len=1000`);
  assertEquals(app.reasons, []);
  peer.drain();
  peer.send("ACK seq=1 ack=2 len=1000");
  assert(peer.drain().some(({ flags }) => flags.includes("RST")));
  assertEquals(app.reasons, ["aborted"]);
});

Deno.test("C20: the FIN carries the ACK: no pure ACK repeats it", () => {
  const { t, peer, app } = established();
  peer.send("PSH ACK seq=1 ack=1", "hi mom\n");
  app.connection.close();
  peer.expect("FIN ACK seq=1 ack=8");
  t.advance(150);
  peer.expectNothing();
  peer.send("ACK seq=8 ack=2");
  peer.expectNothing();
  peer.send("FIN ACK seq=8 ack=2");
  peer.expect("ACK seq=2 ack=9");
  t.advance(100_000);
  peer.expectNothing();
});

Deno.test("C24: a FIN, a FIN again and a RST wake a reader once and end the connection once", () => {
  const { t, peer, app } = established();
  peer.send("FIN ACK seq=1 ack=1");
  peer.send("FIN ACK seq=1 ack=1");
  t.pump();
  assertEquals([app.readableCalls, app.connection.ended], [1, true]);
  peer.send("RST seq=2");
  peer.send("RST seq=2");
  assertEquals([app.readableCalls, app.reasons], [1, ["reset"]]);
  gone(t.stack);
});

Deno.test("C28: a stack that disconnects says FIN on every connection and refuses new ones", () => {
  const { t, peer, app } = established();
  const all = [{ peer, app }];
  for (let i = 0; i < 2; i++) {
    const other = t.peer();
    all.push({ peer: other, app: other.open() });
  }
  t.stack.close();
  for (const { peer } of all) {
    peer.expect("FIN ACK seq=1 ack=1");
    peer.send("FIN ACK seq=1 ack=2");
    peer.expect("ACK seq=2 ack=2");
  }
  const late = t.peer();
  late.send("SYN seq=0");
  late.expect("RST ACK seq=@0 ack=1");
  assertEquals(countOf(peer.drain(), "RST"), 0);
  t.advance(60_000);
  gone(t.stack);
  assertEquals(t.stack.census().listeners, 0);
});
