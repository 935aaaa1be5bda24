// Peers that hold on to what costs us: closed windows, goodbyes without end, tiny segments, and
// acknowledgments that are cheaper than what they acknowledge.
import { assert, assertEquals } from "@std/assert";
import { gone } from "../../runtime/testing/gone.ts";
import { scenario } from "../../runtime/testing/scenario.ts";
import { patternBytes } from "../../runtime/testing/segment_script.ts";
import type { ScriptedPeer } from "../../runtime/testing/scripted_peer.ts";
import { closeWait, established, finWait2 } from "../support/established.ts";

/** Forgets what has come; how much that was. */
function discardAll(peer: ScriptedPeer): number {
  let count = 0;
  while (peer.discard() !== undefined) count++;
  return count;
}

/** Peers with so many bytes waiting for each, of which they take nothing, in a MiB of memory. */
function hoarders(...sizes: number[]) {
  const t = scenario({ listen: 80, tcp: { memoryLimit: 1 << 20 } });
  const peers = sizes.map(() => t.peer());
  const apps = peers.map((peer) => peer.open({ win: 0 }));
  sizes.forEach((size, i) => assertEquals(apps[i]!.write(new Uint8Array(size)), size));
  /** Time passes; the peers answer window probes. */
  const pass = (seconds: number) => {
    for (let second = 0; second < seconds; second++) {
      t.advance(1000);
      peers.forEach((peer, i) => {
        const probed = discardAll(peer) > 0;
        if (probed && apps[i]!.reasons.length === 0) peer.send("ACK seq=1 win=0");
      });
    }
  };
  return { t, peers, apps, pass };
}

const PART = 131_072;

Deno.test("while memory is scarce, peers that take nothing for a minute are reset, until it is plentiful", () => {
  const { t, peers, apps, pass } = hoarders(5000, PART, PART, PART, PART, PART, PART);
  const { tcp } = t.stack.counters;
  assertEquals(t.stack.census().memory, 8192 + 6 * PART); // more than three quarters
  // Three get on, slowly; one takes a byte a second.
  const slow = peers.slice(4);
  for (const peer of slow) peer.send("ACK seq=1 ack=1 win=20000");
  peers[1]!.send("ACK seq=1 ack=1 win=1000");
  let seconds = 0;
  for (; tcp.hoardersReset === 0 && seconds < 100; seconds++) {
    t.advance(1000);
    if (seconds === 30) { for (const peer of slow) peer.send("ACK seq=1 ack=10001 win=20000"); }
    peers[1]!.send(`ACK seq=1 ack=${2 + seconds} win=0`);
  }
  assertEquals([seconds, tcp.hoardersReset], [60, 3]);
  // The largest first: then memory is plentiful, and the smallest stays.
  assertEquals(apps.map(({ reasons }) => reasons.length), [0, 1, 1, 1, 0, 0, 0]);
  assertEquals(apps[1]!.reasons, ["aborted"]);
  assert(peers[1]!.drain().some(({ flags }) => flags.includes("RST")));
  const newcomer = t.peer().open();
  assert(newcomer.write(new Uint8Array(1 << 20)) >= PART, "there is room again");
  newcomer.connection.abort();
  pass(600);
  assertEquals(tcp.hoardersReset, 3);
});

Deno.test("as long as memory is not scarce nobody is reset for what he does not take", () => {
  const { t, apps, pass } = hoarders(PART, PART, PART, PART, PART, PART); // three quarters
  pass(600);
  assertEquals(apps.flatMap(({ reasons }) => reasons), []);
  assertEquals(t.stack.counters.tcp.hoardersReset, 0);
  for (const { connection } of apps) connection.abort();
  t.advance(0);
  gone(t.stack);
});

Deno.test("after close a peer that keeps its window closed is given up, however often it answers", () => {
  const { t, peer, app } = established();
  peer.send("ACK seq=1 ack=1 win=0");
  app.write(new Uint8Array(1000));
  const minute = () => {
    t.advance(60_000);
    for (let count = discardAll(peer); count > 0; count--) peer.send("ACK seq=1 ack=1 win=0");
  };
  for (let i = 0; i < 60; i++) minute();
  assertEquals(app.reasons, [], "nobody gives up what the application still has");
  app.connection.close();
  let minutes = 0;
  for (; app.reasons.length === 0 && minutes < 60; minutes++) minute();
  assertEquals(app.reasons, ["timeout"]);
  assert(minutes >= 1 && minutes <= 15, `${minutes} minutes`);
  assertEquals(t.stack.counters.tcp.orphansTimedOut, 1);
  gone(t.stack);
});

Deno.test("in LAST_ACK a peer that answers without acknowledging our FIN is given up", () => {
  const { t, peer, app } = closeWait();
  app.connection.close();
  for (let seconds = 0; seconds < 600; seconds++) {
    for (let count = discardAll(peer); count > 0; count--) peer.send("ACK seq=2 ack=1 win=0");
    t.advance(1000);
  }
  assertEquals(app.reasons, ["timeout"]);
  gone(t.stack);
});

Deno.test("a peer that takes what is left after close, slowly, gets all of it", () => {
  const { t, peer, app } = established({}, { win: 100 });
  const data = patternBytes(1, 20_000);
  app.write(data);
  app.connection.close();
  for (let i = 0; peer.rcvNxt < 20_001 && i < 1000; i++) {
    peer.drain();
    peer.send("ACK win=0");
    t.advance(5000);
    peer.drain();
    peer.send("ACK win=100");
  }
  assertEquals(peer.received(), data);
  assertEquals(
    app.connection.state === "Fin_wait_1" || app.connection.state === "Fin_wait_2",
    true,
  );
});

Deno.test("one orphan too many resets the oldest, and TIME_WAIT counts as none", () => {
  const { t } = established({ tcp: { orphanLimit: 3 } });
  const peers = Array.from({ length: 5 }, () => t.peer());
  const apps = peers.map((peer) => peer.open());
  const goodbye = (i: number) => {
    apps[i]!.connection.close();
    peers[i]!.expect("FIN ACK seq=1 ack=1");
    peers[i]!.send("ACK seq=1 ack=2");
  };
  for (const i of [0, 1, 2]) goodbye(i);
  peers[0]!.send("FIN ACK seq=1 ack=2");
  assertEquals([apps[0]!.connection.state, t.stack.census().orphans], ["Time_wait", 2]);
  goodbye(3);
  assertEquals([t.stack.census().orphans, t.stack.counters.tcp.orphansReset], [3, 0]);
  goodbye(4);
  assertEquals([t.stack.census().orphans, t.stack.counters.tcp.orphansReset], [3, 1]);
  peers[1]!.expect("RST ACK seq=2 ack=1");
  assertEquals(apps.map(({ reasons }) => reasons), [["closed"], ["aborted"], [], [], []]);
});

Deno.test("an orphan that ends, in whatever way, is none any more", () => {
  for (const end of ["FIN", "RST", "timer", "abort"]) {
    const { t, peer, app } = finWait2();
    assertEquals(t.stack.census().orphans, 1);
    if (end === "FIN") peer.send("FIN ACK seq=1 ack=2");
    else if (end === "RST") peer.send("RST seq=1");
    else if (end === "timer") t.advance(60_000);
    else app.connection.abort();
    assertEquals(t.stack.census().orphans, 0, end);
  }
});

Deno.test("a hundred acknowledgments of a part grow the window no more than one of the whole", () => {
  for (const congestion of ["cubic", "reno"] as const) {
    const grown = [1, 146].map((parts) => {
      const { peer, app } = established({ tcp: { congestion } });
      app.write(new Uint8Array(200_000));
      const sent = peer.drain().length * 1460;
      const before = app.connection.info().cwnd;
      for (let i = 1; i <= parts; i++) peer.send(`ACK seq=1 ack=${1 + sent * i / parts}`);
      return app.connection.info().cwnd - before;
    });
    assert(grown[1]! <= 14_600, `${congestion}: ${grown}`);
    assert(grown[1]! > 0, `${congestion}: ${grown}`);
  }
});

Deno.test("acknowledgments of what was never sent do not grow the window", () => {
  const { t, peer, app } = established();
  app.write(new Uint8Array(200_000));
  const before = app.connection.info();
  for (let i = 1; i <= 5; i++) peer.send(`ACK seq=1 ack=${14_601 + i * 1460}`);
  assertEquals(app.connection.info(), before);
  assertEquals(t.stack.counters.tcp.droppedBadAck, 5);
});

Deno.test("a peer with tiny segments gets none smaller than 64 bytes", () => {
  const { peer, app } = established({}, { mss: 1 });
  app.write(new Uint8Array(10_000));
  for (const { payload } of peer.drain()) assertEquals(payload.length, 64);
});

Deno.test("LAND: a SYN that seems to come from ourselves is dropped, and counted", () => {
  const { t } = established();
  const before = t.framesOut;
  const peer = t.peer({ port: 80 });
  peer.send("SYN seq=0 mss=1460", undefined, { ip: { source: t.address } });
  t.advance(10_000);
  assertEquals(t.stack.counters.ipv4.droppedBadSource, 1);
  assertEquals([t.framesOut - before, t.stack.census().halfOpen], [0, 0]);
});
