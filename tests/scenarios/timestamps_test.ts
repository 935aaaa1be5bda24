// Timestamps (RFC 7323): negotiation, RTTM, TS.Recent, PAWS; reuse of TIME_WAIT (RFC 6191).
import { assert, assertEquals } from "@std/assert";
import { patternBytes } from "../../runtime/testing/segment_script.ts";
import { type Scenario, scenario, type ScenarioOptions } from "../../runtime/testing/scenario.ts";
import type { ReceivedSegment } from "../../runtime/testing/scripted_peer.ts";
import { encodePacket } from "../../runtime/testing/packet_encode.ts";

/** TSval and TSecr of a segment. */
function timestampsOf(segment: ReceivedSegment): { value: number; echo: number } | undefined {
  const option = segment.options.find(({ kind }) => kind === "ts");
  return option?.kind === "ts" ? { value: option.value, echo: option.echo } : undefined;
}

/** A connection with timestamps; the peer's clock stands at `clock`. */
function withTimestamps(clock = 1000, options: ScenarioOptions = {}) {
  const t = scenario({ listen: 80, ...options });
  const peer = t.peer();
  peer.send(`SYN seq=0 mss=1012 ts=${clock}:0`);
  const synAck = peer.expect("SYN ACK seq=0 ack=1");
  const { value } = timestampsOf(synAck)!;
  peer.send(`ACK seq=1 ack=1 ts=${clock}:${value}`);
  return { t, peer, app: t.accepted[0]!, first: value };
}

const counters = (t: Scenario) => t.stack.counters.tcp;

Deno.test("timestamps are used when both SYNs have them, and then in every segment", () => {
  const { t, peer, app, first } = withTimestamps(77);
  app.write(new Uint8Array(1500));
  t.advance(0);
  for (const segment of peer.drain()) {
    assertEquals(timestampsOf(segment), { value: first, echo: 77 });
    assert(segment.payload.length <= 1000, "the option takes its room from the payload");
  }
  t.advance(10);
  peer.send(`ACK ts=90:${first}`);
  app.connection.close();
  assertEquals(timestampsOf(peer.expect("FIN ACK")), { value: (first + 10) >>> 0, echo: 90 });
});

Deno.test("timestamps that the SYN does not offer are not in the SYN-ACK, and never used", () => {
  const t = scenario({ listen: 80 });
  const peer = t.peer();
  peer.send("SYN seq=0 mss=1000");
  peer.expect("SYN ACK seq=0 ack=1 ts=none");
  peer.send("ACK seq=1 ack=1 ts=1:1");
  t.accepted[0]!.write(new Uint8Array(1000));
  peer.expect("ACK seq=1 len=1000 ts=none");
});

Deno.test("our own SYN offers timestamps, and a SYN-ACK without them turns them off", () => {
  for (const offered of [true, false]) {
    const t = scenario();
    const peer = t.peer({ port: 80 });
    const attempt = t.connect(peer);
    const { value, echo } = timestampsOf(peer.expect("SYN seq=0"))!;
    assertEquals(echo, 0);
    peer.send(`SYN ACK seq=0 ack=1 mss=1000 ${offered ? `ts=5:${value}` : ""}`);
    const ack = peer.expect("ACK seq=1 ack=1");
    assertEquals(timestampsOf(ack), offered ? { value, echo: 5 } : undefined);
    assertEquals(attempt.connection!.connection.info().mss, offered ? 988 : 1000);
  }
});

Deno.test("options can be turned off: then nothing is offered", () => {
  const t = scenario({ tcp: { timestamps: false, sack: false } });
  const peer = t.peer({ port: 80 });
  t.connect(peer);
  peer.expect("SYN seq=0 ts=none sackok=none");
});

Deno.test("each connection's timestamps begin elsewhere, but move on with the clock", () => {
  const t = scenario({ listen: 80 });
  const values = [1, 2].map(() => {
    const peer = t.peer();
    peer.send("SYN seq=0 ts=1:0");
    return timestampsOf(peer.expect("SYN ACK seq=0 ack=1"))!.value;
  });
  assert(Math.abs(values[0]! - values[1]!) > 1000);
});

Deno.test("once timestamps are agreed on, a segment without one is dropped, but a RST is not", () => {
  const { t, peer, app } = withTimestamps();
  peer.send("ACK len=100");
  peer.expectNothing();
  assertEquals([counters(t).droppedNoTimestamp, app.connection.readableBytes], [1, 0]);
  peer.send("RST seq=1");
  assertEquals(app.connection.state, "Closed");
});

Deno.test("a SYN in the middle is answered with a challenge ACK, with or without a timestamp", () => {
  const { t, peer } = withTimestamps();
  peer.send("SYN seq=1");
  peer.expect("ACK seq=1 ack=1");
  peer.send("SYN seq=1 ts=5:0");
  peer.expect("ACK seq=1 ack=1");
  assertEquals(counters(t).challengeAcksSent, 2);
});

Deno.test("PAWS: a segment with an older timestamp is dropped and answered, whatever its number", () => {
  const { t, peer, app } = withTimestamps(1000);
  peer.send("ACK seq=1 len=100 ts=999:0");
  peer.expect("ACK seq=1 ack=1 sack=none");
  assertEquals([counters(t).droppedOldTimestamp, app.connection.readableBytes], [1, 0]);
  peer.send("ACK seq=1 len=100 ts=1000:0");
  assertEquals(app.connection.readableBytes, 100);
});

Deno.test("PAWS: timestamps wrap", () => {
  const { t, peer, app } = withTimestamps(0xffff_ffff);
  peer.send("ACK seq=1 len=100 ts=3:0");
  t.advance(50);
  assertEquals(timestampsOf(peer.expect("ACK seq=1 ack=101"))!.echo, 3);
  peer.send("ACK seq=101 len=100 ts=0xfffffff0:0");
  assertEquals([app.connection.readableBytes, counters(t).droppedOldTimestamp], [100, 1]);
});

Deno.test("PAWS: after 24 days without a word any timestamp holds, and is taken over", () => {
  const { t, peer, app } = withTimestamps(1000);
  t.jump(24 * 86_400_000 + 1);
  peer.drain();
  peer.send("ACK seq=1 len=100 ts=500:0");
  peer.send("ACK seq=101 len=100 ts=501:0");
  t.advance(50);
  assertEquals(app.connection.readableBytes, 200);
  assertEquals(timestampsOf(peer.expect("ACK ack=201"))!.echo, 500);
});

Deno.test("TS.Recent: what comes ahead of its turn is not echoed; what fills the gap is", () => {
  const { peer } = withTimestamps(1000);
  peer.send("ACK seq=101 len=100 ts=1005:0");
  assertEquals(timestampsOf(peer.expect("ACK ack=1"))!.echo, 1000);
  peer.send("ACK seq=1 len=100 ts=1003:0");
  assertEquals(timestampsOf(peer.expect("ACK ack=201"))!.echo, 1003);
});

Deno.test("TS.Recent: of segments acknowledged together the first is echoed", () => {
  const { t, peer } = withTimestamps(1000);
  peer.send("ACK seq=1 len=100 ts=1010:0");
  peer.send("ACK seq=101 len=100 ts=1020:0");
  t.advance(50);
  assertEquals(timestampsOf(peer.expect("ACK ack=201"))!.echo, 1010);
});

Deno.test("TS.Recent: data that overtakes the last ACK of the handshake does not make that ACK old", () => {
  // With the highest number that is positive as a signed one, and with a negative one.
  for (const isn of [1000, 0x9000_0000]) {
    const t = scenario({ listen: 80 });
    const peer = t.peer({ isn });
    peer.send("SYN seq=0 ts=10:0");
    peer.expect("SYN ACK seq=0 ack=1");
    peer.send("ACK seq=101 ack=1 len=100 ts=20:0");
    peer.send("ACK seq=1 ack=1 len=100 ts=15:0");
    assertEquals(t.accepted[0]!.connection.readableBytes, 200);
  }
});

Deno.test("RTTM: what was sent twice is measured by the echo", () => {
  const { t, peer, app } = withTimestamps();
  app.write("x");
  peer.lose("PSH ACK seq=1 len=1");
  t.advance(200);
  const again = peer.expect("PSH ACK seq=1 len=1");
  assertEquals(app.connection.info().rtt < 1, true);
  t.advance(80);
  peer.send(`ACK ts=2000:${timestampsOf(again)!.value}`);
  assertEquals(Math.round(app.connection.info().rtt), 80 / 8);
});

Deno.test("RFC 6191: in TIME_WAIT a later timestamp makes a SYN new, whatever its number; an earlier one does not", () => {
  for (const [clock, isNew] of [[2001, true], [1999, false]] as const) {
    const { t, peer, app } = withTimestamps(2000);
    app.connection.close();
    peer.expect("FIN ACK seq=1 ack=1");
    peer.send("FIN ACK seq=1 ack=2 ts=2000:0");
    peer.expect("ACK seq=2 ack=2");
    t.advance(10);
    const again = t.peer({ port: peer.port, isn: peer.isn - 100_000 });
    again.send(`SYN seq=0 mss=1000 ts=${clock}:0`);
    if (isNew) again.expect("SYN ACK seq=0 ack=1");
    else assertEquals(again.drain().map(({ flags }) => flags), [["ACK"]]);
    assertEquals(t.stack.census().timeWait, isNew ? 0 : 1);
  }
});

Deno.test("a smaller path MTU leaves room for the timestamps, and is no sign of congestion", () => {
  const { t, peer, app, first } = withTimestamps();
  app.write(patternBytes(1, 5000));
  const segment = peer.lose("ACK seq=1 len=1000");
  while (peer.discard() !== undefined);
  const { cwnd } = app.connection.info();
  // The quoted packet: as much of ours as an ICMP error has.
  const quoted = encodePacket({
    ethernet: { destination: peer.mac, source: t.mac },
    ip: { source: t.address, destination: peer.address },
    tcp: { ...segment },
  }).slice(14, 14 + 28);
  t.deliver(encodePacket({
    ethernet: { destination: t.mac, source: peer.mac },
    ip: { source: peer.address, destination: t.address },
    icmp: { type: 3, code: 4, rest: 600, payload: quoted },
  }));
  const again = peer.drain();
  assertEquals(again.map(({ payload }) => payload.length).slice(0, 2), [548, 548]);
  peer.send(`ACK ack=549 ts=1001:${first}`);
  assert(app.connection.info().cwnd >= cwnd && app.connection.info().ssthresh === Infinity);
});

Deno.test("a segment whose acknowledgment cannot be the peer's leaves no timestamp and no sign of life", () => {
  const { t, peer, app, first } = withTimestamps(1000);
  peer.send(`ACK seq=1 ack=1000000 len=10 ts=2000000000:${first}`);
  assertEquals(timestampsOf(peer.expect("ACK seq=1 ack=1"))?.echo, 1000);
  peer.send(`PSH ACK seq=1 ack=1 ts=1001:${first}`, "hello");
  t.advance(50);
  assertEquals(timestampsOf(peer.expect("ACK seq=1 ack=6"))?.echo, 1001);
  assertEquals(app.read(), new TextEncoder().encode("hello"));
});
