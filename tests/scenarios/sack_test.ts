// Selective acknowledgment (RFC 2018) and D-SACK (RFC 2883), both ways.
import { assert, assertEquals } from "@std/assert";
import { patternBytes } from "../../runtime/testing/segment_script.ts";
import { scenario } from "../../runtime/testing/scenario.ts";
import type { ReceivedSegment, ScriptedPeer } from "../../runtime/testing/scripted_peer.ts";
import { established } from "../support/established.ts";

const SACK = { options: "sackok" };

/** Relative numbers of the data segments that have come. */
function numbersOf(peer: ScriptedPeer, segments: readonly ReceivedSegment[]): number[] {
  return segments.filter(({ payload }) => payload.length > 0)
    .map(({ seq }) => (seq - peer.remoteIsn!) | 0);
}

Deno.test("SACK is used when both SYNs permit it", () => {
  for (const ours of [true, false]) {
    for (const theirs of [true, false]) {
      const t = scenario({ listen: 80, tcp: { sack: ours } });
      const peer = t.peer();
      peer.send(`SYN seq=0 mss=1460 ${theirs ? "sackok" : ""}`);
      peer.expect(`SYN ACK seq=0 ack=1 sackok${ours && theirs ? "" : "=none"}`);
      peer.send("ACK seq=1 ack=1");
      peer.send("ACK seq=101 len=100");
      peer.expect(`ACK seq=1 ack=1 sack=${ours && theirs ? "101-201" : "none"}`);
    }
  }
});

Deno.test("our own SYN permits SACK, and reports are sent only if the SYN-ACK does too", () => {
  for (const theirs of [true, false]) {
    const t = scenario();
    const peer = t.peer({ port: 80 });
    t.connect(peer);
    peer.expect("SYN seq=0 sackok");
    peer.send(`SYN ACK seq=0 ack=1 mss=1460 ${theirs ? "sackok" : ""}`);
    peer.expect("ACK seq=1 ack=1");
    peer.send("ACK seq=101 len=100");
    peer.expect(`ACK seq=1 ack=1 sack=${theirs ? "101-201" : "none"}`);
  }
});

Deno.test("the first block is the one that the latest segment is in, then those reported before it", () => {
  const { peer } = established({}, SACK);
  peer.send("ACK seq=101 len=100");
  peer.expect("ACK ack=1 sack=101-201");
  peer.send("ACK seq=301 len=100");
  peer.expect("ACK ack=1 sack=301-401,101-201");
  peer.send("ACK seq=501 len=100");
  peer.expect("ACK ack=1 sack=501-601,301-401,101-201");
  peer.send("ACK seq=401 len=50");
  peer.expect("ACK ack=1 sack=301-451,501-601,101-201");
  peer.send("ACK seq=451 len=50");
  peer.expect("ACK ack=1 sack=301-601,101-201");
  peer.send("ACK seq=1 len=100");
  peer.expect("ACK ack=201 sack=301-601");
  peer.send("ACK seq=201 len=100");
  peer.expect("ACK ack=601 sack=none");
});

Deno.test("four blocks fit, three beside timestamps; the oldest report gives way", () => {
  for (const ts of [false, true]) {
    const stamp = ts ? "ts=1:0" : "";
    const t = scenario({ listen: 80 });
    const peer = t.peer();
    peer.send(`SYN seq=0 sackok ${stamp}`);
    peer.expect("SYN ACK seq=0 ack=1");
    peer.send(`ACK seq=1 ack=1 ${stamp}`);
    for (const seq of [101, 301, 501, 701, 901]) peer.send(`ACK seq=${seq} len=100 ${stamp}`);
    const blocks = ["901-1001", "701-801", "501-601", "301-401"].slice(0, ts ? 3 : 4);
    const last = peer.drain().at(-1)!;
    const option = last.options.find(({ kind }) => kind === "sack");
    assert(option?.kind === "sack");
    assertEquals(
      option.blocks.map((edges) => edges.map((edge) => (edge - peer.isn) | 0).join("-")),
      blocks,
    );
    if (ts) continue;
    // A segment in a block reported before moves it to the front, and no other is forgotten.
    peer.send("ACK seq=601 len=50");
    peer.expect("ACK ack=1 sack=501-651,901-1001,701-801,301-401");
  }
});

Deno.test("D-SACK: what has come twice is reported, once, whole or in part", () => {
  const { peer } = established({}, SACK);
  peer.send("ACK seq=1 len=300");
  peer.send("ACK seq=1 len=100");
  peer.expect("ACK ack=301 sack=1-101");
  peer.send("ACK seq=201 len=200");
  peer.expect("ACK ack=401 sack=201-301");
  peer.send("ACK seq=601 len=100");
  peer.expect("ACK ack=401 sack=601-701");
  // Twice, ahead: the block that holds it follows (RFC 2883 section 4.1).
  peer.send("ACK seq=601 len=50");
  peer.expect("ACK ack=401 sack=601-651,601-701");
  peer.send("ACK seq=301 len=50");
  peer.expect("ACK ack=401 sack=301-351,601-701");
  peer.send("ACK seq=801 len=50");
  peer.expect("ACK ack=401 sack=801-851,601-701");
});

Deno.test("D-SACK: a duplicate is reported at once even if data takes the acknowledgment along", () => {
  const { t, peer, app } = established({}, SACK);
  peer.send("ACK seq=1 len=200");
  t.advance(50);
  peer.expect("ACK ack=201");
  app.write("answer");
  peer.send("ACK ack=1 seq=101 len=150");
  const [data, report] = peer.drain();
  assertEquals(data!.payload.length, 6);
  const option = report?.options.find(({ kind }) => kind === "sack");
  assert(option?.kind === "sack");
  assertEquals(option.blocks[0], [peer.isn + 101, peer.isn + 201]);
  peer.expectNothing();
});

Deno.test("a block of nothing is never sent: a segment that PAWS drops has not come twice", () => {
  const t = scenario({ listen: 80 });
  const peer = t.peer();
  peer.send("SYN seq=0 sackok ts=100:0");
  peer.expect("SYN ACK seq=0 ack=1");
  peer.send("ACK seq=1 ack=1 ts=100:0");
  peer.send("ACK seq=1 len=100 ts=99:0");
  peer.expect("ACK ack=1 sack=none");
});

Deno.test("exactly the holes are sent again", () => {
  const { t, peer, app } = established({}, { mss: 1000, ...SACK });
  app.write(patternBytes(1, 10_000));
  const all = Array.from({ length: 10 }, (_, i) => 1 + 1000 * i);
  for (const seq of all) {
    if ([2001, 3001, 6001].includes(seq)) peer.lose(`ACK seq=${seq} len=1000`);
    else peer.expect(`ACK seq=${seq} len=1000`);
  }
  t.advance(10);
  assertEquals(peer.rcvNxt, 2001);
  peer.send("ACK sack=4001-6001");
  peer.send("ACK sack=7001-8001,4001-6001");
  peer.send("ACK sack=7001-9001,4001-6001");
  peer.send("ACK sack=7001-10001,4001-6001");
  assertEquals(numbersOf(peer, peer.drain()), [2001, 3001, 6001]);
  assertEquals(peer.rcvNxt, 10_001);
  peer.send("ACK");
  t.advance(60_000);
  peer.expectNothing();
  assertEquals(t.stack.counters.tcp.retransmissionTimeouts, 0);
});

Deno.test("blocks of what was never sent, or upside down, or old, change nothing", () => {
  const { t, peer, app } = established({}, { mss: 1000, ...SACK });
  app.write(patternBytes(1, 5000));
  peer.drain();
  for (
    const blocks of ["5001-6001", "4001-90001", "3001-2001", "2001-2001", "1-1", "@0-@4294967295"]
  ) {
    peer.send(`ACK ack=1 sack=${blocks}`);
    assertEquals(app.connection.info().inFlight, 5000);
  }
  assertEquals(t.stack.counters.tcp.segmentsRetransmitted, 0);
  // A report of all would have kept the probe of the tail from being sent.
  t.advance(1000);
  assertEquals(numbersOf(peer, peer.drain())[0], 4001);
  peer.send("ACK ack=5001");
  assertEquals(app.connection.info().inFlight, 0);
});

Deno.test("a peer that forgets what it has reported gets it after the timeout (RFC 2018 section 8)", () => {
  const { t, peer, app } = established({}, { mss: 1000, ...SACK });
  app.write(patternBytes(1, 4000));
  while (peer.discard() !== undefined);
  peer.send("ACK ack=1 sack=1001-4001");
  while (peer.discard() !== undefined);
  peer.send("ACK ack=1001");
  assertEquals(app.connection.info().inFlight, 3000);
  t.advance(300);
  assertEquals(numbersOf(peer, peer.drain()), [1001]);
  // In slow start two leave for one: nothing that was reported counts any more.
  peer.send("ACK ack=2001");
  assertEquals(numbersOf(peer, peer.drain()), [2001, 3001]);
  peer.send("ACK ack=4001");
  assertEquals(app.connection.info().inFlight, 0);
});

Deno.test("blocks half the number space apart, each before the other, are worked through once", () => {
  const { peer, app } = established({}, SACK);
  app.write(new Uint8Array(2_000));
  peer.drain();
  const half = 2 ** 31;
  // 6 to 7 was sent. The other lies beyond, and ends where numbers are "less" than it again.
  peer.send(`ACK seq=1 ack=1 sack=${2 ** 30}-${half + 2_100},6-7`);
  peer.send(`ACK seq=1 ack=1 sack=6-7,${2 ** 30}-${half + 2_100},10-11`);
  peer.send("ACK seq=1 ack=2001");
  assertEquals(app.connection.info().inFlight, 0);
});

Deno.test("a peer that reports byte after byte with holes is believed a thousand times, and gets all of it", () => {
  const { t, peer, app } = established({}, { mss: 1000, ...SACK });
  const { tcp } = t.stack.counters;
  app.write(patternBytes(1, 10_000));
  while (peer.discard() !== undefined);
  for (let seq = 9_999; seq > 2_000; seq -= 8) {
    const bytes = [0, 2, 4, 6].map((below) => `${seq - below}-${seq - below + 1}`);
    peer.send(`ACK ack=1 sack=${bytes.join()}`);
    while (peer.discard() !== undefined);
  }
  assert(app.connection.info().sacked <= 1_024, `${app.connection.info().sacked} bytes`);
  assert(tcp.sackBlocksIgnored > 2_900, `${tcp.sackBlocksIgnored}`);
  // Nothing but acknowledgments in order from here on.
  for (let turn = 0; peer.rcvNxt! < 10_001 && turn < 20_000; turn++) {
    peer.drain();
    peer.send(`ACK ack=${peer.rcvNxt}`);
    t.advance(1);
  }
  assertEquals(peer.rcvNxt, 10_001);
  assertEquals(app.connection.info().inFlight, 0);
});
