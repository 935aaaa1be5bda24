// TCP-SCENARIOS.md section A: active and simultaneous opens (L18, L19), ports (D13).
import { assert, assertEquals, assertThrows } from "@std/assert";
import { gone } from "../../runtime/testing/gone.ts";
import { scenario } from "../../runtime/testing/scenario.ts";
import { IpAddress } from "../../stack/ip/address.ts";
import { StackError } from "../../stack/error.ts";
import { connected, timesOf } from "../support/established.ts";

/** The stack's SYN to port 80 of a peer is out. */
function synSent() {
  const t = scenario();
  const peer = t.peer({ port: 80 });
  const attempt = t.connect(peer);
  peer.expect("SYN seq=0 mss=1460 ws=*");
  return { t, peer, attempt };
}

Deno.test("L18: a refused open fails at once", () => {
  const { t, peer, attempt } = synSent();
  peer.send("RST ACK seq=0 ack=1");
  assertEquals([attempt.outcomes, t.now], [["refused"], 0]);
  peer.expectNothing();
  gone(t.stack);
});

Deno.test("L18: a RST that does not acknowledge our SYN is ignored", () => {
  const { t, peer, attempt } = synSent();
  peer.send("RST ACK seq=0 ack=2");
  peer.send("RST ACK seq=0 ack=0");
  peer.send("RST seq=0");
  peer.expectNothing();
  assertEquals(attempt.outcomes, []);
  peer.send("SYN ACK seq=0 ack=1");
  peer.expect("ACK seq=1 ack=1");
  assertEquals([attempt.outcomes, t.accepted.length], [["established"], 0]);
});

Deno.test("L18: an ACK of something else is answered with RST, and the open goes on", () => {
  const { peer, attempt } = synSent();
  peer.send("ACK seq=0 ack=5");
  peer.expect("RST seq=5");
  peer.send("SYN ACK seq=0 ack=0");
  peer.expect("RST seq=0");
  assertEquals(attempt.outcomes, []);
  peer.send("SYN ACK seq=0 ack=1");
  peer.expect("ACK seq=1 ack=1");
  assertEquals(attempt.outcomes, ["established"]);
});

Deno.test("L18: an ACK of our SYN without a SYN of its own changes nothing", () => {
  const { peer, attempt } = synSent();
  peer.send("ACK seq=0 ack=1");
  peer.send("FIN ACK seq=0 ack=1");
  peer.expectNothing();
  assertEquals(attempt.outcomes, []);
});

Deno.test("L19: an open that is answered succeeds, once", () => {
  const { t, peer, attempt } = synSent();
  t.advance(300);
  peer.send("SYN ACK seq=0 ack=1 mss=1000 win=4000");
  peer.expect("ACK seq=1 ack=1");
  peer.send("SYN ACK seq=0 ack=1 mss=1000 win=4000");
  peer.expect("ACK seq=1 ack=1");
  assertEquals(attempt.outcomes, ["established"]);
  const { connection } = attempt.connection!;
  assertEquals(connection.state, "Established");
  assertEquals(connection.remote.port, 80);
  attempt.connection!.write(new Uint8Array(5000));
  assertEquals(peer.drain().map(({ payload }) => payload.length), [1000, 1000, 1000, 1000]);
});

Deno.test("L19: an open that nobody answers fails, once, after the last SYN was given its time", () => {
  const { t, peer, attempt } = synSent();
  t.advance(122_999);
  assertEquals(attempt.outcomes, []);
  t.advance(1);
  assertEquals(attempt.outcomes, ["timeout"]);
  assertEquals(timesOf(peer.drain()), [1000, 3000, 7000, 15_000, 31_000, 63_000]);
  gone(t.stack);
});

Deno.test("L19: an open that is given up fails, once, and a late answer is refused", () => {
  const { t, peer, attempt } = synSent();
  attempt.cancel();
  attempt.cancel();
  assertEquals(attempt.outcomes, ["aborted"]);
  peer.send("SYN ACK seq=0 ack=1");
  peer.expect("RST seq=1");
  gone(t.stack);
});

Deno.test("data and FIN on the SYN-ACK's heels are delivered", () => {
  const { peer, attempt } = synSent();
  peer.send("SYN ACK seq=0 ack=1");
  peer.send("FIN ACK seq=1 ack=1", "hello");
  peer.expect("ACK seq=1 ack=7");
  const app = attempt.connection!;
  assertEquals([app.readText(), app.connection.ended], ["hello", true]);
});

Deno.test("a simultaneous open ends in Established on both sides", () => {
  const { t, peer, attempt } = synSent();
  peer.send("SYN seq=0 mss=1460");
  peer.expect("SYN ACK seq=0 ack=1");
  assertEquals(attempt.outcomes, []);
  peer.send("SYN ACK seq=0 ack=1 mss=1460");
  assertEquals(attempt.outcomes, ["established"], t.traceText());
  peer.drain();
  attempt.connection!.write("hi");
  peer.expect("PSH ACK seq=1 ack=1", "hi");
});

Deno.test("a simultaneous open whose second SYN is lost is completed by the plain ACK", () => {
  const { peer, attempt } = synSent();
  peer.send("SYN seq=0 mss=1460");
  peer.expect("SYN ACK seq=0 ack=1");
  peer.send("ACK seq=1 ack=1");
  assertEquals(attempt.outcomes, ["established"]);
});

Deno.test("the trace of an active open and close reads as RFC 9293 draws it", () => {
  const { t, peer, app } = connected();
  app.connection.close();
  peer.expect("FIN ACK seq=1 ack=1");
  peer.send("FIN ACK seq=1 ack=2");
  peer.expect("ACK seq=2 ack=2");
  t.advance(60_000);
  const s = peer.remoteIsn!;
  const n = (count: number) => (s + count) >>> 0;
  assertEquals(t.log.map((line) => line.slice(line.indexOf(" ") + 1)), [
    `{ Closed }  - Send_syn ${n(0)} ->  { Syn_sent ${n(0)} }`,
    `{ Syn_sent ${n(0)} }  - Recv_synack ${n(1)} ->  { Established }`,
    `{ Established }  - Send_fin ${n(1)} ->  { Fin_wait_1 ${n(1)} }`,
    `{ Fin_wait_1 ${n(1)} }  - Recv_ack ${n(2)} ->  { Fin_wait_2 0 }`,
    `{ Fin_wait_2 0 }  - Recv_fin ->  { Time_wait }`,
    `{ Time_wait }  - Timeout ->  { Closed }`,
  ]);
  assert(t.log.every((line) => line.startsWith("10.0.0.1:80 ")));
});

Deno.test("a local port that is asked for is used, and is refused while it is in use", () => {
  const t = scenario();
  const peer = t.peer({ port: 80 });
  t.connect(peer, 5000);
  assertEquals(peer.expect("SYN seq=0").sourcePort, 5000);
  assertEquals(assertThrows(() => t.connect(peer, 5000), StackError).code, "address-in-use");
});

Deno.test("an address that nothing leads to is refused", () => {
  const t = scenario();
  const connect = (address: string) => () =>
    t.stack.connect({ address: IpAddress.parse(address)!, port: 80 }, {
      established() {},
      failed() {},
    });
  for (const address of ["0.0.0.0", "255.255.255.255", "224.0.0.1", "10.0.0.255"]) {
    assertEquals(assertThrows(connect(address), StackError).code, "no-route", address);
  }
});

Deno.test("D13: when all local ports to a peer are in use, an open fails and does not spin", () => {
  const t = scenario();
  const peer = t.peer({ port: 80 });
  const target = { address: IpAddress.parse(peer.address)!, port: 80 };
  let failed = 0;
  const outcome = { established() {}, failed: () => void failed++ };
  for (let i = 0; i < 64_512; i++) t.stack.connect(target, outcome);
  const error = assertThrows(() => t.stack.connect(target, outcome), StackError);
  assertEquals([error.code, failed], ["ports-exhausted", 0]);
  // Another peer has ports of its own.
  const other = t.peer({ address: "10.0.0.9", port: 80 });
  t.connect(other);
  other.expect("SYN seq=0");
  t.stack.abort();
  assertEquals(failed, 64_512);
  gone(t.stack);
});
