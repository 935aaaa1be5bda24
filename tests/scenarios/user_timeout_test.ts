// The user timeout (RFC 9293 section 3.9.1.1, RFC 5482): what was written waits no longer than that.
import { assertEquals } from "@std/assert";
import { gone } from "../../runtime/testing/gone.ts";
import { established } from "../support/established.ts";

Deno.test("data that nobody acknowledges ends the connection when the user timeout has passed", () => {
  const { t, peer, app } = established();
  app.connection.setUserTimeout(5000);
  t.advance(3_600_000);
  app.write("hello");
  t.advance(4999);
  assertEquals([app.reasons, app.connection.state], [[], "Established"]);
  t.advance(1);
  assertEquals(app.reasons, ["timeout"]);
  const { userTimeouts, connectionsTimedOut } = t.stack.counters.tcp;
  assertEquals([userTimeouts, connectionsTimedOut], [1, 1]);
  for (const { flags } of peer.drain()) assertEquals(flags.includes("RST"), false);
  gone(t.stack);
});

Deno.test("the user timeout of the stack is that of each connection, which may choose another", () => {
  const { t, peer, app } = established({ tcp: { userTimeout: 10_000 } });
  const patient = t.peer().open();
  patient.connection.setUserTimeout(0);
  app.write("hello");
  patient.write("hello");
  t.advance(10_000);
  assertEquals([app.reasons, patient.reasons], [["timeout"], []]);
  t.advance(100_000);
  assertEquals(patient.reasons, []);
  peer.drain();
});

Deno.test("each acknowledgment of something begins the user timeout anew, a duplicate does not", () => {
  const { t, peer, app } = established();
  app.connection.setUserTimeout(5000);
  app.write("ab");
  t.advance(4000);
  peer.send("ACK seq=1 ack=2");
  t.advance(4000);
  peer.send("ACK seq=1 ack=2");
  assertEquals(app.reasons, []);
  t.advance(999);
  assertEquals(app.reasons, []);
  t.advance(1);
  assertEquals(app.reasons, ["timeout"]);
});

Deno.test("when all is acknowledged the connection may be idle for as long as it likes", () => {
  const { t, peer, app } = established({ tcp: { userTimeout: 1000 } });
  app.write("ab");
  peer.drain();
  peer.send("ACK");
  t.advance(100_000);
  app.write("cd");
  peer.drain();
  t.advance(999);
  peer.send("ACK");
  t.advance(100_000);
  assertEquals(app.reasons, []);
});

Deno.test("a peer that answers every probe and never opens its window runs into the user timeout", () => {
  const { t, peer, app } = established();
  app.connection.setUserTimeout(30_000);
  peer.send("ACK seq=1 ack=1 win=0");
  app.write("hello");
  for (let i = 0; i < 299; i++) {
    t.advance(100);
    // A window that opens a little and closes again is no progress, either.
    while (peer.discard() !== undefined) peer.send("ACK seq=1 ack=1 win=0");
    peer.send("ACK seq=1 ack=1 win=1");
    peer.send("ACK seq=1 ack=1 win=0");
  }
  assertEquals(app.reasons, []);
  t.advance(100);
  assertEquals(app.reasons, ["timeout"]);
});

Deno.test("a goodbye that nobody answers runs into the user timeout", () => {
  const { t, peer, app } = established();
  app.connection.setUserTimeout(3000);
  app.connection.close();
  peer.lose("FIN ACK");
  t.advance(2999);
  assertEquals(app.connection.state, "Fin_wait_1");
  t.advance(1);
  assertEquals(app.reasons, ["timeout"]);
  gone(t.stack);
});

Deno.test("a user timeout that is set while data waits counts from when it began to wait", () => {
  const { t, app } = established();
  app.write("hello");
  t.advance(6000);
  app.connection.setUserTimeout(10_000);
  t.advance(3999);
  assertEquals(app.reasons, []);
  t.advance(1);
  assertEquals(app.reasons, ["timeout"]);
});
