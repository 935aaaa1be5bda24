// ICMP errors that name a TCP connection (RFC 5927, RFC 1122 section 4.2.3.9, RFC 1191).
import { assertEquals } from "@std/assert";
import { gone } from "../../runtime/testing/gone.ts";
import { encodePacket } from "../../runtime/testing/packet_encode.ts";
import { patternBytes } from "../../runtime/testing/segment_script.ts";
import { type Scenario, scenario } from "../../runtime/testing/scenario.ts";
import type { ReceivedSegment, ScriptedPeer } from "../../runtime/testing/scripted_peer.ts";
import { established } from "../support/established.ts";

const HOST_UNREACHABLE = 1;
const PROTOCOL_UNREACHABLE = 2;
const PORT_UNREACHABLE = 3;
const FRAGMENTATION_NEEDED = 4;

/** A router on the way reports that a segment of ours could not be delivered. */
function unreachable(
  t: Scenario,
  peer: ScriptedPeer,
  segment: ReceivedSegment,
  code: number,
  mtu = 0,
): void {
  const quoted = encodePacket({
    ethernet: { source: t.mac, destination: peer.mac },
    ip: { source: t.address, destination: peer.address },
    tcp: segment,
  }).subarray(14, 14 + 20 + 8);
  t.deliver(encodePacket({
    ethernet: { source: peer.mac, destination: t.mac },
    ip: { source: "10.0.0.254", destination: t.address },
    icmp: { type: 3, code, rest: mtu, payload: quoted },
  }));
}

/** A connection with 5000 bytes in flight, and its first segment. */
function inFlight() {
  const all = established();
  all.app.write(patternBytes(1, 5000));
  const first = all.peer.lose("ACK seq=1 len=1460");
  while (all.peer.discard() !== undefined);
  return { ...all, first };
}

Deno.test("an open whose port is reported unreachable is refused", () => {
  const t = scenario();
  const peer = t.peer({ port: 80 });
  const attempt = t.connect(peer);
  unreachable(t, peer, peer.expect("SYN seq=0"), PORT_UNREACHABLE);
  assertEquals(attempt.outcomes, ["refused"]);
  gone(t.stack);
});

Deno.test("an open whose protocol is reported unreachable fails as unreachable", () => {
  const t = scenario();
  const peer = t.peer({ port: 80 });
  const attempt = t.connect(peer);
  unreachable(t, peer, peer.expect("SYN seq=0"), PROTOCOL_UNREACHABLE);
  assertEquals(attempt.outcomes, ["unreachable"]);
  gone(t.stack);
});

Deno.test("a soft error lets the open go on, and is its reason when it fails in the end", () => {
  const t = scenario();
  const peer = t.peer({ port: 80 });
  const attempt = t.connect(peer);
  unreachable(t, peer, peer.expect("SYN seq=0"), HOST_UNREACHABLE);
  assertEquals(attempt.outcomes, []);
  t.advance(200_000);
  assertEquals(attempt.outcomes, ["unreachable"]);
});

Deno.test("an error about a segment that is not in flight is ignored", () => {
  const t = scenario();
  const peer = t.peer({ port: 80 });
  const attempt = t.connect(peer);
  const syn = peer.expect("SYN seq=0");
  for (const seq of [syn.seq - 1, syn.seq + 1, syn.seq + 100_000]) {
    unreachable(t, peer, { ...syn, seq: seq >>> 0 }, PORT_UNREACHABLE);
  }
  unreachable(t, peer, { ...syn, destinationPort: 81 }, PORT_UNREACHABLE);
  unreachable(t, peer, { ...syn, sourcePort: syn.sourcePort ^ 1 }, PORT_UNREACHABLE);
  assertEquals(attempt.outcomes, []);
  assertEquals(t.stack.counters.tcp.icmpErrorsIgnored, 5);
});

Deno.test("no error ends a connection that works", () => {
  const { t, peer, app, first } = inFlight();
  for (const code of [HOST_UNREACHABLE, PROTOCOL_UNREACHABLE, PORT_UNREACHABLE]) {
    unreachable(t, peer, first, code);
  }
  assertEquals([app.reasons, t.stack.counters.tcp.icmpErrorsAccepted], [[], 3]);
  t.advance(200);
  peer.expect("ACK seq=1 len=1460");
  peer.send("ACK seq=1 ack=5001");
  assertEquals(app.connection.info().inFlight, 0);
});

Deno.test("a smaller MTU on the path makes smaller segments, at once", () => {
  const { t, peer, app, first } = inFlight();
  unreachable(t, peer, first, FRAGMENTATION_NEEDED, 1000);
  assertEquals(app.connection.info().mss, 960);
  const again = peer.expect("ACK seq=1 len=960");
  assertEquals(again.payload, patternBytes(1, 960));
  for (let rounds = 0; rounds < 100 && peer.rcvNxt < 5001; rounds++) {
    for (const { payload } of peer.drain()) assertEquals(payload.length <= 960, true);
    peer.send("ACK");
    t.advance(100);
  }
  assertEquals(peer.received(), patternBytes(1, 5000));
});

Deno.test("an MTU that no IPv4 path has, or a larger one, changes nothing", () => {
  const { t, peer, app, first } = inFlight();
  for (const mtu of [1, 67, 1500, 9000]) {
    unreachable(t, peer, first, FRAGMENTATION_NEEDED, mtu);
  }
  assertEquals(app.connection.info().mss, 1460);
  peer.expectNothing();
});

Deno.test("a router that does not say its MTU makes segments a step smaller, however many it dropped", () => {
  const { t, peer, app, first } = inFlight();
  const next = { ...first, seq: first.seq + 1460 };
  for (const segment of [first, next]) unreachable(t, peer, segment, FRAGMENTATION_NEEDED, 0);
  assertEquals(app.connection.info().mss, 1452);
  const again = peer.lose("ACK seq=1 len=1452");
  for (const segment of [again, first]) unreachable(t, peer, segment, FRAGMENTATION_NEEDED, 0);
  assertEquals(app.connection.info().mss, 966);
});

Deno.test("on a path that takes less than 552 bytes segments may be fragmented, and stay worth it", () => {
  for (const mtu of [296, 68]) {
    const { t, peer, app, first } = inFlight();
    assertEquals(first.df, true);
    unreachable(t, peer, first, FRAGMENTATION_NEEDED, mtu);
    const [again] = peer.drain();
    assertEquals([again!.payload.length, again!.df], [500, false]);
    // What was on the way before is reported as well, and changes nothing any more.
    unreachable(t, peer, first, FRAGMENTATION_NEEDED, mtu);
    peer.expectNothing();
    for (let rounds = 0; rounds < 100 && peer.rcvNxt < 5001; rounds++) {
      peer.send("ACK");
      for (const { payload, df } of peer.drain()) {
        assertEquals([payload.length <= 500, df], [true, false]);
      }
      t.advance(100);
    }
    assertEquals(peer.received(), patternBytes(1, 5000));
    const { pathMtuTiny, pathMtuLowered } = t.stack.counters.tcp;
    assertEquals([app.connection.info().mss, pathMtuTiny, pathMtuLowered], [500, 1, 1]);
  }
});

Deno.test("ten minutes later a whole segment is tried, and when it comes through nothing is fragmented", () => {
  const { t, peer, app, first } = inFlight();
  unreachable(t, peer, first, FRAGMENTATION_NEEDED, 296);
  for (let rounds = 0; rounds < 100 && peer.rcvNxt < 5001; rounds++) {
    peer.drain();
    peer.send("ACK");
    t.advance(100);
  }
  const packets = () => {
    app.write(new Uint8Array(2000));
    const segments = peer.drain();
    peer.send("ACK");
    return segments.map(({ payload, df }) => [payload.length, df]);
  };
  t.advance(600_000);
  assertEquals(packets(), [[1460, true], [500, false], [40, false]]);
  assertEquals(packets(), [[1460, true], [540, true]]);
});

Deno.test("552 bytes and more are taken at their word", () => {
  const { t, peer, app, first } = inFlight();
  unreachable(t, peer, first, FRAGMENTATION_NEEDED, 552);
  assertEquals([app.connection.info().mss, peer.expect("ACK seq=1 len=512").df], [512, true]);
});

Deno.test("no forged MTU makes segments that have come through smaller, or has them fragmented", () => {
  const { t, peer, app } = established();
  app.write(patternBytes(1, 1460));
  peer.drain();
  peer.send("ACK");
  app.write(patternBytes(1461, 5000));
  const [forged] = peer.drain();
  unreachable(t, peer, forged!, FRAGMENTATION_NEEDED, 68);
  peer.send("ACK");
  app.write(patternBytes(6461, 1460));
  assertEquals(peer.expect("PSH ACK seq=6461 len=1460").df, true);
  assertEquals(app.connection.info().mss, 1460);
});

Deno.test("an MTU below what has come through is believed after a timeout (RFC 5927 section 7.2)", () => {
  const { t, peer, app } = established();
  app.write(patternBytes(1, 1460));
  peer.drain();
  peer.send("ACK");
  app.write(patternBytes(1461, 5000));
  const lost = peer.lose("ACK seq=1461 len=1460");
  while (peer.discard() !== undefined);
  unreachable(t, peer, lost, FRAGMENTATION_NEEDED, 1000);
  assertEquals(app.connection.info().mss, 1460);
  peer.expectNothing();
  t.advance(200);
  peer.expect("ACK seq=1461 len=960");
  const { pathMtuDoubted, pathMtuLowered } = t.stack.counters.tcp;
  assertEquals([app.connection.info().mss, pathMtuDoubted, pathMtuLowered], [960, 1, 1]);
});

Deno.test("an MTU below what has come through is forgotten when the segment comes through", () => {
  const { t, peer, app } = established();
  app.write(patternBytes(1, 1460));
  peer.drain();
  peer.send("ACK");
  app.write(patternBytes(1461, 1460));
  unreachable(t, peer, peer.expect("PSH ACK seq=1461 len=1460"), FRAGMENTATION_NEEDED, 1000);
  peer.send("ACK");
  app.write(patternBytes(2921, 1460));
  peer.lose("PSH ACK seq=2921 len=1460");
  t.advance(200);
  peer.expect("PSH ACK seq=2921 len=1460");
  assertEquals(app.connection.info().mss, 1460);
});

Deno.test("what small segments have proved is only their own size", () => {
  const { t, peer, app } = established();
  app.connection.setNoDelay(true);
  for (let i = 0; i < 20; i++) {
    app.write(new Uint8Array(100));
    peer.expect(`PSH ACK seq=${1 + i * 100} len=100`);
  }
  peer.send("ACK");
  app.write(new Uint8Array(3000));
  const lost = peer.lose("ACK seq=2001 len=1460");
  unreachable(t, peer, lost, FRAGMENTATION_NEEDED, 1000);
  assertEquals(app.connection.info().mss, 960);
});

Deno.test("ten minutes after ICMP made segments smaller the former size is tried, once", () => {
  const { t, peer, app, first } = inFlight();
  unreachable(t, peer, first, FRAGMENTATION_NEEDED, 1000);
  for (let rounds = 0; rounds < 100 && peer.rcvNxt < 5001; rounds++) {
    peer.drain();
    peer.send("ACK");
    t.advance(100);
  }
  const sizes = () => {
    app.write(new Uint8Array(4000));
    const segments = peer.drain();
    peer.send("ACK");
    return segments.map(({ payload }) => payload.length);
  };
  assertEquals(sizes(), [960, 960, 960, 960, 160]);
  t.advance(600_000);
  assertEquals(sizes(), [1460, 960, 960, 620]);
  assertEquals(sizes(), [1460, 1460, 1080]);
  assertEquals(t.stack.counters.tcp.pathMtuRaised, 1);
});
