// TCP-SCENARIOS.md section A: the bug that Taproom was written against (L1, L2).
import { assert, assertEquals } from "@std/assert";
import type { Flow, Listener } from "../../runtime/listener.ts";
import { gone } from "../../runtime/testing/gone.ts";
import { scenario } from "../../runtime/testing/scenario.ts";
import type { ReceivedSegment, ScriptedPeer } from "../../runtime/testing/scripted_peer.ts";
import { countOf } from "../support/established.ts";

const GOODBYE = "I made a string!";

/** The listener of the bug: it logs the peer, writes, and closes, all at once. */
function goodbye(entries: string[], note: (line: string) => void = () => {}): Listener["flow"] {
  return (flow: Flow) => {
    entries.push(flow.state);
    note(`new connection from ${flow.remoteAddr.hostname}:${flow.remoteAddr.port}`);
    flow.write(new TextEncoder().encode(GOODBYE));
    flow.close();
  };
}

/** Text, FINs and SYNs of what came. */
function summary(peer: ScriptedPeer, segments: ReceivedSegment[]) {
  return {
    text: new TextDecoder().decode(peer.received()),
    fins: countOf(segments, "FIN"),
    syns: countOf(segments, "SYN"),
    resets: countOf(segments, "RST"),
  };
}

Deno.test("L1: the listener is called once, in Established, and its goodbye leaves at once", async () => {
  const entries: string[] = [];
  const t = scenario({ listen: 19, flow: goodbye(entries) });
  const peer = t.peer();
  peer.send("SYN seq=0 mss=1460");
  peer.expect("SYN ACK seq=0 ack=1");
  await t.settle();
  assertEquals(entries, []);
  peer.send("ACK seq=1 ack=1");
  await t.settle();
  assertEquals(entries, ["Established"]);
  const all = [peer.expect("PSH FIN ACK seq=1 ack=1", GOODBYE)];
  peer.send("ACK seq=1 ack=18");
  peer.send("FIN ACK seq=1 ack=18");
  peer.expect("ACK seq=18 ack=2");
  assertEquals([t.now, t.stack.census().timeWait], [0, 1]);
  await t.elapse(59_999);
  assertEquals(t.stack.census().timeWait, 1);
  await t.elapse(1);
  all.push(...peer.drain());
  assertEquals(summary(peer, all), { text: GOODBYE, fins: 1, syns: 0, resets: 0 });
  assertEquals(entries, ["Established"]);
  gone(t.stack);
});

Deno.test("L1: so it is for who takes connections from the stack itself, with no promise between", () => {
  const entries: string[] = [];
  const t = scenario({
    listen: 19,
    accept(connection) {
      entries.push(connection.state);
      connection.write(new TextEncoder().encode(GOODBYE));
      connection.close();
    },
  });
  const peer = t.peer();
  peer.send("SYN seq=0 mss=1460");
  peer.expect("SYN ACK seq=0 ack=1");
  assertEquals(entries, []);
  peer.send("ACK seq=1 ack=1");
  assertEquals(entries, ["Established"]);
  const all = [peer.expect("PSH FIN ACK seq=1 ack=1", GOODBYE)];
  peer.send("FIN ACK seq=1 ack=18");
  peer.expect("ACK seq=18 ack=2");
  assertEquals(t.now, 0);
  t.advance(60_000);
  all.push(...peer.drain());
  assertEquals(summary(peer, all), { text: GOODBYE, fins: 1, syns: 0, resets: 0 });
  gone(t.stack);
});

Deno.test("L1: so it does for 128 peers at once that say hi and never close first", async () => {
  const entries: string[] = [];
  const t = scenario({ listen: 19, flow: goodbye(entries) });
  const peers = Array.from({ length: 128 }, () => t.peer());
  for (const peer of peers) peer.send("SYN seq=0 mss=1460");
  for (const peer of peers) peer.expect("SYN ACK seq=0 ack=1");
  for (const peer of peers) {
    peer.send("ACK seq=1 ack=1");
    peer.send("PSH ACK seq=1 ack=1", "hi mom\n");
  }
  await t.settle();
  const segments = peers.map((peer) => peer.drain());
  for (const [i, peer] of peers.entries()) {
    assertEquals(summary(peer, segments[i]!), { text: GOODBYE, fins: 1, syns: 0, resets: 0 });
  }
  assertEquals(t.now, 0);
  // Each peer, as nc does, closes when it has seen the end.
  for (const peer of peers) peer.send("FIN ACK");
  await t.settle();
  for (const [i, peer] of peers.entries()) {
    peer.expect("ACK seq=18 ack=9");
    segments[i]!.push(...peer.drain());
  }
  await t.elapse(60_000);
  assertEquals(peers.reduce((sum, peer) => sum + peer.waiting, 0), 0);
  assertEquals(segments.reduce((sum, all) => sum + countOf(all, "FIN"), 0), 128);
  assertEquals(entries, new Array(128).fill("Established"));
  assertEquals(t.host.log, []);
  gone(t.stack);
});

Deno.test("L1: a handler that awaits each step says the same goodbye", async () => {
  const t = scenario({
    listen: 19,
    async flow(flow) {
      await flow.write(new TextEncoder().encode(GOODBYE));
      await flow.closeWrite();
      assertEquals(await flow.read(new Uint8Array(10)), 7);
      assertEquals(await flow.read(new Uint8Array(10)), null);
    },
  });
  const peer = t.peer();
  peer.open();
  await t.settle();
  peer.expect("PSH FIN ACK seq=1 ack=1", GOODBYE);
  peer.send("PSH ACK", "hi mom\n");
  peer.send("FIN ACK");
  await t.settle();
  peer.expect("ACK seq=18 ack=9");
  await t.elapse(60_000);
  peer.expectNothing();
  assertEquals(t.host.log, []);
  gone(t.stack);
});

Deno.test("L2: the trace is in order: Established before the listener's first word", async () => {
  const t = scenario({ listen: 19, flow: goodbye([], (line) => t.note(line)) });
  const peer = t.peer();
  peer.open();
  await t.settle();
  peer.expect("PSH FIN ACK seq=1 ack=1", GOODBYE);
  peer.send("FIN ACK seq=1 ack=18");
  peer.expect("ACK seq=18 ack=2");
  await t.elapse(60_000);
  const s = peer.remoteIsn!;
  const n = (count: number) => (s + count) >>> 0;
  const transition = (text: string) => `10.0.0.1:40000 ${text}`;
  assertEquals(t.log, [
    transition(`{ Closed }  - Passive_open ->  { Listen }`),
    transition(`{ Listen }  - Send_synack ${n(0)} ->  { Syn_rcvd ${n(0)} }`),
    transition(`{ Syn_rcvd ${n(0)} }  - Recv_ack ${n(1)} ->  { Established }`),
    "new connection from 10.0.0.1:40000",
    transition(`{ Established }  - Send_fin ${n(17)} ->  { Fin_wait_1 ${n(17)} }`),
    transition(`{ Fin_wait_1 ${n(17)} }  - Recv_ack ${n(18)} ->  { Fin_wait_2 0 }`),
    transition(`{ Fin_wait_2 0 }  - Recv_fin ->  { Time_wait }`),
    transition(`{ Time_wait }  - Timeout ->  { Closed }`),
  ]);
  assert(!t.log.some((line) => line.includes("Close invoked on connection in state Syn_rcvd")));
});

Deno.test("L2: the stack's own callback comes after the line that says Established", () => {
  const t = scenario({
    listen: 19,
    accept(connection) {
      t.note(`new connection from ${connection.remote.address}:${connection.remote.port}`);
      connection.close();
    },
  });
  t.peer().open();
  t.pump();
  const s = t.log.findIndex((line) => line.endsWith("->  { Established }"));
  assertEquals(t.log.indexOf("new connection from 10.0.0.1:40000"), s + 1);
  assert(t.log[s + 2]!.includes("{ Established }  - Send_fin "), t.log.join("\n"));
});

Deno.test("L3: a third segment outside the window does not call the listener, the right one does", async () => {
  const entries: string[] = [];
  const t = scenario({ listen: 19, flow: goodbye(entries) });
  const peer = t.peer();
  peer.send("SYN seq=0 mss=1460");
  peer.expect("SYN ACK seq=0 ack=1");
  peer.send("ACK seq=1+200000 ack=1");
  await t.settle();
  peer.expect("ACK seq=1 ack=1");
  assertEquals([entries, t.stack.census().halfOpen], [[], 1]);
  peer.send("ACK seq=1 ack=1");
  await t.settle();
  assertEquals(entries, ["Established"]);
  peer.expect("PSH FIN ACK seq=1 ack=1", GOODBYE);
});

Deno.test("L4: a wrong acknowledgment does not call the listener, the right one does", async () => {
  const entries: string[] = [];
  const t = scenario({ listen: 19, flow: goodbye(entries) });
  const peer = t.peer();
  peer.send("SYN seq=0 mss=1460");
  peer.expect("SYN ACK seq=0 ack=1");
  peer.send("ACK seq=1 ack=2");
  await t.settle();
  peer.expect("RST seq=2");
  assertEquals(entries, []);
  peer.send("ACK seq=1 ack=1");
  await t.settle();
  assertEquals(entries, ["Established"]);
  peer.expect("PSH FIN ACK seq=1 ack=1", GOODBYE);
});
