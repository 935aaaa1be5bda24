// SYN cookies (RFC 4987 section 3.6): a full half-open table keeps nobody out, and nothing is kept.
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { gone } from "../../runtime/testing/gone.ts";
import { network } from "../../runtime/testing/network.ts";
import { type Scenario, scenario, type ScenarioOptions } from "../../runtime/testing/scenario.ts";
import type { ReceivedSegment } from "../../runtime/testing/scripted_peer.ts";

/** A stack that has no room for half-open connections, so that every SYN gets a cookie. */
function full(options: ScenarioOptions = {}): Scenario {
  return scenario({ listen: 80, ...options, tcp: { halfOpenLimit: 0, ...options.tcp } });
}

const counters = (t: Scenario) => t.stack.counters.tcp;

function timestampOf(segment: ReceivedSegment): number {
  const option = segment.options.find(({ kind }) => kind === "ts");
  return option?.kind === "ts" ? option.value : 0;
}

Deno.test("a SYN that gets a cookie leaves nothing behind", () => {
  const t = full();
  for (let i = 0; i < 100; i++) {
    const peer = t.peer();
    peer.send("SYN seq=0 mss=1460 ws=7 sackok ts=1:0");
    peer.expect("SYN ACK seq=0 ack=1");
  }
  gone(t.stack);
  assertEquals([counters(t).synCookiesSent, counters(t).droppedHalfOpenFull], [100, 0]);
  t.advance(300_000);
  assertEquals(counters(t).segmentsRetransmitted, 0);
});

Deno.test("the acknowledgment of a cookie makes a connection by way of Syn_rcvd", () => {
  const t = full();
  const peer = t.peer();
  peer.send("SYN seq=0 mss=1460");
  const { seq } = peer.expect("SYN ACK seq=0 ack=1 mss=1460");
  assertEquals(t.log, []);
  t.advance(500);
  peer.send("ACK seq=1 ack=1");
  const name = `${peer.address}:${peer.port}`;
  assertEquals(t.log, [
    `${name} { Closed }  - Passive_open ->  { Listen }`,
    `${name} { Listen }  - Send_synack ${seq} ->  { Syn_rcvd ${seq} }`,
    `${name} { Syn_rcvd ${seq} }  - Recv_ack ${(seq + 1) >>> 0} ->  { Established }`,
  ]);
  const app = t.accepted[0]!;
  assertEquals(app.stateAtEntry, "Established");
  app.write("hello");
  peer.expect("PSH ACK seq=1 ack=1", "hello");
  peer.send("FIN ACK");
  app.connection.close();
  peer.expect("FIN ACK seq=6 ack=2");
  peer.send("ACK");
  gone(t.stack);
  assertEquals([counters(t).synCookiesAccepted, counters(t).connectionsEstablished], [1, 1]);
});

Deno.test("data and FIN on the acknowledgment of a cookie are not lost", () => {
  const t = full();
  const peer = t.peer();
  peer.send("SYN seq=0 mss=1460");
  peer.expect("SYN ACK seq=0 ack=1");
  peer.send("PSH FIN ACK seq=1 ack=1", "GET /");
  assertEquals([t.accepted.length, t.accepted[0]?.readText()], [1, "GET /"]);
  assertEquals(t.accepted[0]!.connection.ended, true);
  peer.expect("ACK seq=1 ack=7");
});

Deno.test("when the first acknowledgment is lost, the data behind it opens the connection", () => {
  const t = full();
  const peer = t.peer();
  peer.send("SYN seq=0 mss=1460");
  peer.expect("SYN ACK seq=0 ack=1");
  t.advance(1000);
  peer.send("PSH ACK seq=1 ack=1", "hello");
  assertEquals(t.accepted[0]!.readText(), "hello");
});

Deno.test("a cookie makes one connection: what comes late of it makes no other", () => {
  for (const age of [0, 30_000, 65_000]) {
    const t = full();
    const peer = t.peer();
    peer.send("SYN seq=0 mss=1460");
    peer.expect("SYN ACK seq=0 ack=1");
    t.advance(age);
    peer.send("PSH ACK seq=1 ack=1", "once");
    t.accepted[0]!.connection.abort();
    peer.drain();
    t.peer().send("SYN seq=0");
    for (const wait of [0, 40_000]) {
      t.advance(wait);
      peer.send("PSH ACK seq=1 ack=1", "once");
      peer.expect("RST seq=1");
    }
    assertEquals(t.accepted.length, 1);
  }
});

Deno.test("with timestamps a cookie keeps segment size, window scale and SACK", () => {
  for (const scale of [-1, 0, 7, 14]) {
    for (const sack of [false, true]) {
      const t = full({ tcp: { halfOpenLimit: 0, receiveBuffer: 1 << 20 } });
      const peer = t.peer();
      const words = `${scale < 0 ? "" : `ws=${scale}`} ${sack ? "sackok" : ""}`;
      peer.send(`SYN seq=0 mss=1400 ts=77:0 ${words}`);
      const synAck = peer.expect(
        `SYN ACK seq=0 ack=1 ${scale < 0 ? "ws=none" : "ws=5"} ${sack ? "sackok" : "sackok=none"}`,
      );
      peer.send(`ACK seq=1 ack=1 win=100 ts=78:${timestampOf(synAck)}`);
      const { connection } = t.accepted[0]!;
      assertEquals(connection.info().sendWindow, 100 << Math.max(scale, 0));
      assertEquals(connection.info().mss, 1360 - 12);
      peer.send(`ACK seq=11 ts=78:${timestampOf(synAck)}`, "ahead");
      const ack = peer.expect(`ACK ack=1 ${sack ? "sack=11-16" : "sack=none"}`);
      assert(timestampOf(ack) >= timestampOf(synAck), "time does not go back");
    }
  }
});

Deno.test("without timestamps nothing is offered that a cookie cannot keep, but the segment size", () => {
  const t = full();
  const peer = t.peer();
  peer.send("SYN seq=0 mss=1400 ws=7 sackok");
  peer.expect("SYN ACK seq=0 ack=1 mss=1460 ws=none sackok=none ts=none");
  peer.send("ACK seq=1 ack=1 win=100");
  const { sendWindow, mss } = t.accepted[0]!.connection.info();
  assertEquals([sendWindow, mss], [100, 1360]);
});

Deno.test("segments are as large as the largest size that a cookie knows and the peer allows", () => {
  const sizes = [[0, 536], [100, 64], [300, 256], [536, 536], [1000, 536], [1220, 1220]] as const;
  const more = [[1400, 1360], [1439, 1360], [1440, 1440], [1452, 1440], [1460, 1460]] as const;
  for (const [mss, expected] of [...sizes, ...more, [9000, 1460] as const]) {
    const t = full();
    const peer = t.peer();
    peer.send(`SYN seq=0 ${mss === 0 ? "" : `mss=${mss}`}`);
    peer.expect("SYN ACK seq=0 ack=1");
    peer.send("ACK seq=1 ack=1");
    assertEquals(t.accepted[0]!.connection.info().mss, expected, `for ${mss}`);
  }
});

Deno.test("what acknowledges no cookie is answered with RST, and counted", () => {
  const t = full();
  const peer = t.peer();
  peer.send("SYN seq=0 mss=1460 ts=1:0 ws=7");
  const { seq } = peer.expect("SYN ACK seq=0 ack=1");
  const echo = 0; // Not what the cookie says of window scale and SACK.
  for (const script of ["seq=1 ack=2", "seq=1 ack=0", "seq=2 ack=1", "seq=0 ack=1"]) {
    peer.send(`ACK ${script} ts=2:${echo}`);
    peer.expect(`RST seq=${/ack=(.*)/.exec(script)![1]}`);
  }
  peer.send(`ACK seq=1 ack=1 ts=2:${echo}`);
  peer.expect("RST seq=1");
  peer.send("ACK seq=1 ack=1");
  peer.expect("RST seq=1");
  const other = t.peer({ isn: peer.isn });
  other.send(`ACK seq=1 ack=@${(seq + 1) >>> 0}`);
  other.expect(`RST seq=@${(seq + 1) >>> 0}`);
  assertEquals([t.accepted.length, counters(t).synCookiesRejected], [0, 7]);
  gone(t.stack);
});

Deno.test("a cookie counts for a minute at least and for two at most", () => {
  for (const [age, accepted] of [[59_000, 1], [121_000, 0]] as const) {
    for (const phase of [0, 20_000, 40_000]) {
      const t = full();
      t.advance(phase);
      const peer = t.peer();
      peer.send("SYN seq=0 mss=1460");
      peer.expect("SYN ACK seq=0 ack=1");
      t.advance(age);
      if (accepted === 0) t.peer().send("SYN seq=0"); // So that cookies are still looked for.
      peer.send("ACK seq=1 ack=1");
      assertEquals(t.accepted.length, accepted, `${age} ms after a SYN at ${phase}`);
    }
  }
});

Deno.test("acknowledgments are not tried as cookies when none has been sent lately", () => {
  const t = full();
  const peer = t.peer();
  peer.send("ACK seq=1 ack=1".replace("ack=1", "ack=@5"));
  peer.expect("RST seq=@5");
  assertEquals(counters(t).synCookiesRejected, 0);
  peer.send("SYN seq=0");
  peer.lose("SYN ACK");
  t.advance(120_000);
  peer.send("ACK seq=1 ack=@5");
  peer.expect("RST seq=@5");
  assertEquals(counters(t).synCookiesRejected, 0);
});

Deno.test("the same SYN again gets the same cookie; another peer another one", () => {
  const t = full();
  const numbers = new Set<number>();
  const peer = t.peer();
  for (let i = 0; i < 3; i++) {
    peer.send("SYN seq=0 mss=1460");
    numbers.add(peer.lose("SYN ACK").seq);
    t.advance(1000);
  }
  assertEquals(numbers.size, 1);
  const other = t.peer();
  other.send("SYN seq=0 mss=1460");
  assertNotEquals(other.lose("SYN ACK").seq, [...numbers][0]);
});

Deno.test("the acknowledgment of a cookie waits outside while the connection table is full", () => {
  const t = full({ tcp: { connectionLimit: 1, halfOpenLimit: 0 } });
  const [a, b] = [t.peer(), t.peer()];
  for (const peer of [a, b]) {
    peer.send("SYN seq=0 mss=1460");
    peer.expect("SYN ACK seq=0 ack=1");
  }
  a.send("ACK seq=1 ack=1");
  b.send("ACK seq=1 ack=1");
  b.expectNothing();
  assertEquals([t.accepted.length, counters(t).droppedTableFull], [1, 1]);
  t.accepted[0]!.connection.abort();
  b.send("PSH ACK seq=1 ack=1", "still here");
  assertEquals(t.accepted[1]!.readText(), "still here");
});

Deno.test("a stack that is made of cookies serves our own client, with every option", async () => {
  await using net = network({ path: { delay: 5 }, tcp: { halfOpenLimit: 0 } });
  await net.server.serve(7, { flow: (flow) => flow.readable.pipeTo(flow.writable) });
  const text = "x".repeat(300_000);
  const echoed = await net.run(async () => {
    const flow = await net.client.connect({ hostname: net.server.address, port: 7 });
    const sent = new Response(text).body!.pipeTo(flow.writable);
    const received = await new Response(flow.readable).text();
    await sent;
    return received;
  });
  assertEquals(echoed, text);
  const { tcp } = net.server.stack.counters;
  assertEquals([tcp.synCookiesSent, tcp.synCookiesAccepted, tcp.resetsSent], [1, 1, 0]);
});
