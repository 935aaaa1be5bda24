// TCP-SCENARIOS.md section A: what happens before a listener gets a flow.
import { assert, assertEquals } from "@std/assert";
import { gone } from "../../runtime/testing/gone.ts";
import { scenario } from "../../runtime/testing/scenario.ts";
import { timesOf } from "../support/established.ts";

Deno.test("L3: a third segment outside the window delivers nothing and is answered with an ACK", () => {
  const t = scenario({ listen: 80 });
  const peer = t.peer();
  peer.send("SYN seq=0 mss=1460");
  peer.expect("SYN ACK seq=0 ack=1");
  peer.send("ACK seq=1+200000 ack=1");
  peer.expect("ACK seq=1 ack=1");
  assertEquals([t.accepted.length, t.stack.census().halfOpen], [0, 1]);
  peer.send("ACK seq=1 ack=1");
  peer.expectNothing();
  assertEquals(t.accepted.length, 1);
  assertEquals(t.accepted[0]!.stateAtEntry, "Established");
  assertEquals(t.stack.census().halfOpen, 0);
});

Deno.test("L3: the same with payload: nothing of it is ever delivered", () => {
  const t = scenario({ listen: 80 });
  const peer = t.peer();
  peer.send("SYN seq=0");
  peer.expect("SYN ACK seq=0 ack=1");
  peer.send("PSH ACK seq=1+200000 ack=1", "too far");
  peer.expect("ACK seq=1 ack=1");
  assertEquals(t.accepted.length, 0);
  peer.send("ACK seq=1 ack=1");
  assertEquals(t.accepted[0]!.connection.readableBytes, 0);
});

Deno.test("L4: a wrong acknowledgment is answered with RST and the half-open connection stays", () => {
  const t = scenario({ listen: 80 });
  const peer = t.peer();
  peer.send("SYN seq=0");
  peer.expect("SYN ACK seq=0 ack=1");
  for (const ack of [2, 0, 100_000, -5]) {
    peer.send(`ACK seq=1 ack=${ack}`);
    peer.expect(`RST seq=${ack}`);
    assertEquals([t.accepted.length, t.stack.census().halfOpen], [0, 1]);
  }
  peer.send("ACK seq=1 ack=1");
  peer.expectNothing();
  assertEquals(t.accepted.length, 1);
});

Deno.test("L6: when the third ACK is lost, the first data completes the handshake", () => {
  const t = scenario({ listen: 80 });
  const peer = t.peer();
  peer.send("SYN seq=0");
  peer.expect("SYN ACK seq=0 ack=1");
  peer.send("PSH ACK seq=1 ack=1", "GET / HTTP/1.1\r\n");
  assertEquals(t.accepted.length, 1);
  const app = t.accepted[0]!;
  assertEquals([app.stateAtEntry, app.readText()], ["Established", "GET / HTTP/1.1\r\n"]);
  t.advance(1000);
  peer.expect("ACK seq=1 ack=17");
  peer.expectNothing();
});

Deno.test("L7: payload on the third ACK is the first that is read", () => {
  const t = scenario({ listen: 80 });
  const peer = t.peer();
  peer.send("SYN seq=0");
  peer.expect("SYN ACK seq=0 ack=1");
  peer.send("ACK seq=1 ack=1", "0123456789");
  assertEquals(t.accepted.length, 1);
  assertEquals(t.accepted[0]!.readText(), "0123456789");
  t.advance(1000);
  peer.expect("ACK seq=1 ack=11");
  peer.expectNothing();
});

Deno.test("L8: FIN and payload on the third ACK: data, then the end, and we may still write", () => {
  const t = scenario({ listen: 80 });
  const peer = t.peer();
  peer.send("SYN seq=0");
  peer.expect("SYN ACK seq=0 ack=1");
  peer.send("FIN ACK seq=1 ack=1", "bye!\n");
  assertEquals(t.accepted.length, 1);
  const app = t.accepted[0]!;
  assert(["Established", "Close_wait"].includes(app.stateAtEntry), app.stateAtEntry);
  peer.expect("ACK seq=1 ack=7");
  assertEquals([app.connection.state, app.connection.ended], ["Close_wait", false]);
  assertEquals([app.readText(), app.connection.ended], ["bye!\n", true]);
  assertEquals(app.write("ok"), 2);
  peer.expect("PSH ACK seq=1 ack=7", "ok");
  app.connection.close();
  peer.expect("FIN ACK seq=3 ack=7");
  assertEquals(app.connection.state, "Last_ack");
  peer.send("ACK seq=7 ack=4");
  peer.expectNothing();
  assertEquals(app.reasons, ["closed"]);
  gone(t.stack);
});

Deno.test("L9: the same SYN again gets the same SYN-ACK again", () => {
  const t = scenario({ listen: 80 });
  const peer = t.peer();
  peer.send("SYN seq=0 mss=1000 ws=7");
  const first = peer.expect("SYN ACK seq=0 ack=1");
  t.advance(10);
  peer.send("SYN seq=0 mss=1000 ws=7");
  const second = peer.expect("SYN ACK seq=0 ack=1");
  assertEquals({ ...second, time: 0 }, { ...first, time: 0 });
  assertEquals(t.stack.census().halfOpen, 1);
  peer.send("ACK seq=1 ack=1");
  peer.expectNothing();
  assertEquals(t.accepted.length, 1);
});

Deno.test("L10: a SYN with another number replaces the half-open connection and its timer", () => {
  const t = scenario({ listen: 80 });
  const old = t.peer({ isn: 1000 });
  old.send("SYN seq=0");
  old.expect("SYN ACK seq=0 ack=1");
  t.advance(500);
  const peer = t.peer({ port: old.port, isn: 70_000 });
  peer.send("SYN seq=0");
  peer.expect("SYN ACK seq=0 ack=1");
  assertEquals(t.stack.census().halfOpen, 1);
  peer.send("ACK seq=1 ack=1");
  assertEquals(t.accepted.length, 1);
  t.advance(200_000);
  peer.expectNothing();
  old.expectNothing();
  assertEquals(t.accepted[0]!.connection.state, "Established");
  assertEquals(t.stack.census().timers, 0);
});

Deno.test("L12: a SYN-ACK that is never answered is repeated with doubling gaps and given up", () => {
  const t = scenario({ listen: 80 });
  const peer = t.peer();
  peer.send("SYN seq=0");
  t.advance(600_000);
  const all = peer.drain();
  const synAcks = all.filter(({ flags }) => !flags.includes("RST"));
  assertEquals(timesOf(synAcks), [0, 1000, 3000, 7000, 15_000, 31_000]);
  assert(all.length - synAcks.length <= 1, "at most one RST says that it is over");
  assertEquals(t.accepted.length, 0);
  assertEquals(t.stack.counters.tcp.halfOpenTimedOut, 1);
  gone(t.stack);
});

Deno.test("L13: RST without ACK, as Linux sends it, ends a half-open connection at once", () => {
  const t = scenario({ listen: 80 });
  const peer = t.peer();
  peer.send("SYN seq=0");
  peer.expect("SYN ACK seq=0 ack=1");
  peer.send("RST seq=1");
  gone(t.stack);
  t.advance(120_000);
  peer.expectNothing();
  assertEquals(t.accepted.length, 0);
});

Deno.test("L14: a blind RST outside the window does not end a half-open connection", () => {
  const t = scenario({ listen: 80 });
  const peer = t.peer();
  peer.send("SYN seq=0");
  peer.expect("SYN ACK seq=0 ack=1");
  peer.send("RST ACK seq=1+1000000 ack=1");
  peer.send("RST ACK seq=-70000 ack=1");
  peer.expectNothing();
  assertEquals(t.stack.census().halfOpen, 1);
  peer.send("ACK seq=1 ack=1");
  assertEquals(t.accepted.length, 1);
});

Deno.test("C1: a stack that disconnects during a handshake says so with RST", () => {
  const t = scenario({ listen: 80 });
  const peer = t.peer();
  peer.send("SYN seq=0");
  peer.expect("SYN ACK seq=0 ack=1");
  t.stack.close();
  const [reset] = peer.drain();
  assert(reset?.flags.includes("RST"), t.traceText());
  assertEquals(reset?.seq, (peer.remoteIsn! + 1) >>> 0);
  peer.send("ACK seq=1 ack=1");
  peer.expect("RST seq=1");
  assertEquals(t.accepted.length, 0);
  gone(t.stack);
});
