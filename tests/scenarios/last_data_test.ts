// TCP-SCENARIOS.md section B: data around the FIN, and what close does with what is not sent yet.
import { assert, assertEquals } from "@std/assert";
import { gone } from "../../runtime/testing/gone.ts";
import { patternBytes } from "../../runtime/testing/segment_script.ts";
import { closeWait, countOf, established, finWait2 } from "../support/established.ts";

Deno.test("C12: after our FIN the peer's data and FIN are taken and readable", () => {
  const { t, peer, app } = established();
  app.connection.closeWrite();
  peer.expect("FIN ACK seq=1 ack=1");
  peer.send("ACK seq=1 ack=2");
  for (let i = 0; i < 10; i++) peer.send("ACK ack=2 len=1024");
  peer.send("FIN ACK ack=2");
  assertEquals(peer.drain().at(-1)!.ack, (peer.isn + 10_242) >>> 0);
  assertEquals(app.read(), patternBytes(1, 10_240));
  assertEquals(app.connection.ended, true);
  assertEquals(app.reasons, ["closed"]);
  t.advance(60_000);
  gone(t.stack);
});

Deno.test("C12: what was received may still be read after the connection has ended", () => {
  const { t, peer, app } = established();
  app.connection.closeWrite();
  peer.expect("FIN ACK seq=1 ack=1");
  peer.send("FIN ACK seq=1 ack=2", "last words");
  t.advance(100_000);
  gone(t.stack);
  assertEquals([app.readText(), app.connection.ended], ["last words", true]);
});

Deno.test("C13: after the peer's FIN: the data, the end, and we may still write", () => {
  const { t, peer, app } = established();
  peer.send("FIN ACK seq=1 ack=1", "bye!");
  peer.expect("ACK seq=1 ack=6");
  assertEquals([app.readText(), app.connection.ended], ["bye!", true]);
  assertEquals(app.connection.state, "Close_wait");
  app.write("ok");
  peer.expect("PSH ACK seq=1 ack=6", "ok");
  peer.send("ACK");
  app.connection.close();
  peer.expect("FIN ACK seq=3 ack=6");
  assertEquals(app.connection.state, "Last_ack");
  peer.send("ACK");
  gone(t.stack);
});

Deno.test("C14: a segment lost in Close_wait is sent again, then the FIN", () => {
  const { t, peer, app } = closeWait();
  const data = patternBytes(1, 20_000);
  app.write(data);
  app.connection.close();
  const flight = peer.drain.bind(peer);
  peer.expect("ACK seq=1 len=1460");
  peer.expect("ACK seq=1461 len=1460");
  peer.lose("ACK seq=2921 len=1460");
  for (let rounds = 0; rounds < 50 && app.reasons.length === 0; rounds++) {
    const before = peer.rcvNxt;
    const count = flight().length;
    // An ACK for each, as a receiver gives where something is missing.
    for (let i = 0; i < Math.max(count, 1); i++) peer.send("ACK");
    if (count === 0 && peer.rcvNxt === before) t.advance(100);
  }
  assertEquals(peer.received(), data);
  assertEquals(app.reasons, ["closed"]);
  assertEquals(t.stack.counters.tcp.segmentsRetransmitted, 1);
  gone(t.stack);
});

Deno.test("C15: a FIN needs no window", () => {
  const { t, peer, app } = established();
  app.write("hello");
  peer.expect("PSH ACK seq=1 ack=1", "hello");
  peer.send("ACK seq=1 ack=6 win=0");
  app.connection.close();
  peer.lose("FIN ACK seq=6 ack=1");
  t.advance(200);
  peer.lose("FIN ACK seq=6 ack=1");
  t.advance(400);
  peer.expect("FIN ACK seq=6 ack=1");
  peer.send("FIN ACK seq=1 ack=7 win=0");
  peer.expect("ACK seq=7 ack=2");
  assertEquals(app.connection.state, "Time_wait");
});

Deno.test("C16: close after a big write: every byte in order, then exactly one FIN", () => {
  const { t, peer, app } = established();
  const data = patternBytes(1, 200_000);
  assertEquals(app.write(data), 200_000);
  app.connection.close();
  let fins = 0;
  for (let rounds = 0; rounds < 1000 && fins === 0; rounds++) {
    const flight = peer.drain();
    fins += countOf(flight, "FIN");
    for (const { flags, seq, payload } of flight) {
      if (!flags.includes("FIN")) continue;
      assertEquals((seq - peer.remoteIsn! + payload.length) >>> 0, 200_001);
    }
    t.advance(10);
    peer.send("ACK");
  }
  assertEquals([fins, peer.received().length], [1, 200_000]);
  assertEquals(peer.received(), data);
  peer.send("FIN ACK");
  peer.expect("ACK seq=200002 ack=2");
  assertEquals(t.stack.counters.tcp.segmentsRetransmitted, 0);
  t.advance(60_000);
  gone(t.stack);
});

Deno.test("C17: a RST while close waits for the window ends it: no FIN, no data after it", () => {
  const { t, peer, app } = established({}, { win: 1000 });
  app.write(new Uint8Array(100_000));
  app.connection.close();
  peer.expect("ACK seq=1 ack=1 len=1000");
  peer.send("RST seq=1");
  assertEquals(app.reasons, ["reset"]);
  t.advance(600_000);
  peer.expectNothing();
  gone(t.stack);
});

Deno.test("C18: two closes while the window is shut: one FIN when it opens", () => {
  const { t, peer, app } = established({}, { win: 1000 });
  const data = patternBytes(1, 100_000);
  app.write(data);
  app.connection.close();
  app.connection.close();
  peer.expect("ACK seq=1 ack=1 len=1000");
  peer.send("ACK seq=1 ack=1001 win=0");
  app.connection.close();
  t.advance(100);
  peer.win = 65_535;
  let fins = 0;
  for (let rounds = 0; rounds < 1000 && fins === 0; rounds++) {
    peer.send("ACK");
    fins += countOf(peer.drain(), "FIN");
    t.advance(1);
  }
  assertEquals([fins, peer.received().length], [1, 100_000]);
  peer.send("FIN ACK");
  peer.expect("ACK seq=100002 ack=2");
  app.connection.close();
  assertEquals(app.reasons, ["closed"]);
  t.advance(60_000);
  peer.expectNothing();
  gone(t.stack);
});

Deno.test("C19: close after a reset or a timeout is harmless and silent", () => {
  const reset = established();
  reset.peer.send("RST seq=1");
  const lost = established({ tcp: { retransmissions: 2 } });
  lost.app.write("x");
  lost.t.advance(60_000);
  lost.peer.drain();
  assertEquals([reset.app.reasons, lost.app.reasons], [["reset"], ["timeout"]]);
  for (const { t, peer, app } of [reset, lost]) {
    app.connection.close();
    app.connection.closeWrite();
    app.connection.abort();
    app.connection.setNoDelay(true);
    app.connection.setKeepAlive(true);
    assertEquals([app.write("y"), app.connection.writableBytes], [0, 0]);
    t.advance(10_000_000);
    peer.expectNothing();
    assertEquals(app.reasons.length, 1);
    gone(t.stack);
  }
});

Deno.test("C22: a FIN ahead of its data is no end before the data is there", () => {
  const { t, peer, app } = established();
  peer.send("FIN ACK seq=101 ack=1");
  peer.expect("ACK seq=1 ack=1");
  assertEquals([app.connection.ended, app.connection.state], [false, "Established"]);
  peer.send("ACK seq=1 ack=1 len=100");
  peer.expect("ACK seq=1 ack=102");
  assertEquals([app.connection.ended, app.connection.state], [false, "Close_wait"]);
  assertEquals(app.read(), patternBytes(1, 100));
  assertEquals(app.connection.ended, true);
  t.advance(1000);
  peer.expectNothing();
});

Deno.test("C22: a FIN with data ahead of a gap ends the stream when the gap is filled", () => {
  const { peer, app } = established();
  peer.send("FIN ACK seq=51 ack=1 len=50");
  peer.expect("ACK seq=1 ack=1");
  assertEquals(app.connection.readableBytes, 0);
  peer.send("ACK seq=1 ack=1 len=50");
  peer.expect("ACK seq=1 ack=102");
  assertEquals(app.read(), patternBytes(1, 100));
  assertEquals(app.connection.ended, true);
});

Deno.test("C23: data beyond the FIN is never delivered", () => {
  const { peer, app } = established();
  peer.send("FIN ACK seq=1 ack=1 len=10");
  peer.expect("ACK seq=1 ack=12");
  peer.send("PSH ACK seq=12 ack=1", "beyond");
  peer.send("PSH ACK seq=11 ack=1", "over the FIN");
  peer.send("PSH ACK seq=1 ack=1 len=40");
  assertEquals(app.read(), patternBytes(1, 10));
  assertEquals([app.connection.ended, app.connection.state], [true, "Close_wait"]);
  for (const { ack } of peer.drain()) assertEquals(ack, peer.isn + 12);
});

Deno.test("C23: data beyond the FIN that came before it is never delivered either", () => {
  const { t, peer, app } = established();
  peer.send("ACK seq=21 ack=1 len=10");
  peer.send("ACK seq=6 ack=1 len=30");
  peer.send("FIN ACK seq=1 ack=1 len=10");
  assertEquals(app.read(), patternBytes(1, 10), t.traceText());
  assertEquals([app.connection.ended, app.connection.state], [true, "Close_wait"]);
  assertEquals(peer.drain().at(-1)!.ack, peer.isn + 12);
});

Deno.test("C23: the FIN ahead of a gap and data beyond it: the stream ends at the FIN", () => {
  const { t, peer, app } = established();
  peer.send("ACK seq=6 ack=1 len=30");
  peer.send("FIN ACK seq=11 ack=1");
  peer.send("ACK seq=1 ack=1 len=5");
  assertEquals(app.read(), patternBytes(1, 10), t.traceText());
  assertEquals([app.connection.ended, app.connection.state], [true, "Close_wait"]);
});

Deno.test("G2: unread bytes and later ones do not turn the goodbye into a reset", () => {
  const { t, peer, app } = established();
  peer.send("PSH ACK seq=1 ack=1", "unread");
  app.write("our last words");
  app.connection.close();
  peer.expect("PSH FIN ACK seq=1 ack=7", "our last words");
  peer.send("PSH ACK seq=7 ack=16", "more of it");
  t.advance(100);
  peer.expect("ACK seq=16 ack=17");
  peer.send("FIN ACK seq=17 ack=16");
  peer.expect("ACK seq=16 ack=18");
  assertEquals(app.reasons, ["closed"]);
  assertEquals(app.connection.readableBytes, 0);
});

Deno.test("G2: a peer that goes on past the bound in bytes is reset", () => {
  const { t, peer, app } = finWait2({ tcp: { lingerBytes: 10_000 } });
  for (let i = 0; i < 10; i++) peer.send("ACK ack=2 len=1000");
  assertEquals(countOf(peer.drain(), "RST"), 0);
  peer.send("ACK ack=2 len=1");
  const [reset] = peer.drain();
  assert(reset?.flags.includes("RST"), t.traceText());
  assertEquals(app.reasons, ["aborted"]);
  gone(t.stack);
});

Deno.test("G2: a peer that goes on past the bound in time is reset", () => {
  const { t, peer, app } = finWait2();
  for (let i = 0; i < 12; i++) {
    peer.send("ACK ack=2 len=1");
    t.advance(10_000);
  }
  peer.send("ACK ack=2 len=1");
  assertEquals(app.connection.state, "Fin_wait_2");
  t.advance(1);
  peer.send("ACK ack=2 len=1");
  assertEquals(countOf(peer.drain(), "RST"), 1);
  assertEquals(app.reasons, ["aborted"]);
  gone(t.stack);
});
