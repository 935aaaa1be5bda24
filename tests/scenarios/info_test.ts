// What a connection says about itself, and what a stack tells of its connections' sending.
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { network } from "../../runtime/testing/network.ts";
import { scenario } from "../../runtime/testing/scenario.ts";
import type { CongestionEvent } from "../../stack/tcp/congestion_event.ts";
import { established } from "../support/established.ts";

const MSS = 1460;

/** Events of a stack that sends ten segments of which one is lost, to a peer with SACK. */
function lossy(): { events: CongestionEvent[]; t: ReturnType<typeof scenario> } {
  const events: CongestionEvent[] = [];
  const t = scenario({ listen: 80, observe: (event) => events.push(event) });
  return { events, t };
}

Deno.test("info: what is in flight, reported, lost and delivered", () => {
  const { t, peer, app } = established({}, { options: "sackok" });
  const info = () => app.connection.info();
  assertEquals([info().sack, info().timestamps, info().ecn, info().sendScale], [
    true,
    false,
    false,
    undefined,
  ]);
  app.write(new Uint8Array(10 * MSS));
  assertEquals(peer.drain().length, 10);
  assertEquals([info().inFlight, info().sacked, info().lost], [10 * MSS, 0, 0]);
  t.advance(50);
  peer.send(`ACK ack=1 sack=${1 + MSS}-${1 + 5 * MSS}`);
  assertEquals([info().sacked, info().delivered, info().phase], [4 * MSS, 4 * MSS, "recovery"]);
  assertEquals([info().lost, info().lostInAll], [MSS, MSS]);
  peer.drain();
  assertEquals(info().retransmissions, 1);
  t.advance(50);
  peer.send(`ACK ack=${1 + 10 * MSS}`);
  assertEquals([info().inFlight, info().lost, info().delivered, info().phase], [
    0,
    0,
    10 * MSS,
    "open",
  ]);
  assertEquals([info().bytesAcknowledged, info().lostInAll], [10 * MSS, MSS]);
  assertAlmostEquals(info().deliveryRate, 6 * MSS / 0.05); // since the last one was sent again
});

Deno.test("info: what is received ahead, and what waits to be read", () => {
  const { peer, app } = established({}, { options: "sackok" });
  peer.send("ACK len=100");
  peer.send("ACK seq=301 len=50");
  peer.send("ACK seq=401 len=60");
  const { receiveQueued, receiveAhead } = app.connection.info();
  assertEquals([receiveQueued, receiveAhead], [100, 110]);
});

Deno.test("info: what held the sender back, and for how long", () => {
  const { t, peer, app } = established();
  const info = () => app.connection.info();
  assertEquals(info().limit, "idle");
  app.write(new Uint8Array(100_000));
  peer.drain();
  assertEquals(info().limit, "congestion");
  t.advance(30);
  peer.send(`ACK ack=${1 + 10 * MSS} win=2920`);
  assertEquals(peer.drain().length, 2);
  assertEquals(info().limit, "receiver");
  t.advance(20);
  peer.send(`ACK ack=${1 + 12 * MSS} win=65535`);
  for (let sent = peer.drain(); sent.length > 0; sent = peer.drain()) {
    const last = sent.at(-1)!;
    peer.send(`ACK ack=${((last.seq - peer.remoteIsn!) | 0) + last.payload.length} win=65535`);
  }
  assertEquals([info().limit, info().inFlight], ["idle", 0]);
  t.advance(500);
  app.write("the last word");
  peer.expect("PSH ACK", "the last word");
  assertEquals(info().limit, "application");
  const { limited } = info();
  assertEquals([limited.congestion, limited.receiver, limited.idle], [30, 20, 500]);
});

Deno.test("info: the account goes on while nothing happens, and while the connection rests", async () => {
  await using net = network({ path: { delay: 10 } });
  net.server.serve(9, { flow: (flow) => flow.readable.pipeTo(new WritableStream()) });
  const flow = await net.run(() => net.client.connect({ hostname: net.server.address, port: 9 }));
  await net.run(() => flow.write(new Uint8Array(100)));
  await net.advance(100);
  const { idle } = flow.info().limited;
  for (const seconds of [1, 2, 3, 4, 5, 6, 7, 8]) {
    await net.advance(1000);
    const { limit, limited } = flow.info();
    assertEquals(limit, "idle");
    // At rest milliseconds are whole, and it begins where the answer came.
    assertAlmostEquals(limited.idle, idle + seconds * 1000, 100);
  }
});

Deno.test("info: to be asked does not keep a connection from resting", async () => {
  await using net = network({ path: { delay: 10 } });
  net.server.serve(9, { flow: (flow) => flow.readable.pipeTo(new WritableStream()) });
  const flow = await net.run(() => net.client.connect({ hostname: net.server.address, port: 9 }));
  const resting = () => net.client.stack.census().resting;
  await net.advance(6000);
  assertEquals(resting(), 1);
  flow.info();
  assertEquals(resting(), 0);
  await net.advance(6000);
  assertEquals(resting(), 1);
});

Deno.test("info: a writer that waits for room in the send buffer is told so", () => {
  const { t, peer, app } = established({ tcp: { sendBuffer: 8 * MSS + 10 } }, {
    options: "sackok",
  });
  const info = () => app.connection.info();
  app.write(new Uint8Array(8 * MSS + 10));
  peer.drain();
  assertEquals(info().limit, "application");
  t.advance(100);
  assertEquals(app.connection.write(new Uint8Array(1)), 0);
  t.advance(20);
  const { limit, limited } = info();
  assertEquals([limit, limited.application, limited.buffer], ["buffer", 100, 20]);
});

Deno.test("info: the smallest round-trip time is none larger than the mean, the handshake counts", () => {
  const { t, peer, app } = established();
  const { rtt } = app.connection.info();
  app.write("after a second");
  peer.drain();
  t.advance(100);
  peer.send("ACK");
  const info = app.connection.info();
  assert(info.rtt > rtt && info.rtt < 50, `${info.rtt}`);
  assert(info.minRtt <= info.rtt, `${info.minRtt} > ${info.rtt}`);
});

Deno.test("events: a recovery is entered and left, with the figures of the moment", () => {
  const { events, t } = lossy();
  const peer = t.peer();
  const app = peer.open({ options: "sackok" });
  app.write(new Uint8Array(10 * MSS));
  peer.drain();
  t.advance(50);
  const before = app.connection.info().cwnd;
  peer.send(`ACK ack=1 sack=${1 + MSS}-${1 + 5 * MSS}`);
  peer.drain();
  t.advance(50);
  peer.send(`ACK ack=${1 + 10 * MSS}`);
  assertEquals(events.map(({ type }) => type), ["recovery-entered", "recovery-left"]);
  const [entered, left] = events;
  assertEquals([entered!.port, entered!.peer, entered!.lost], [80, `10.0.0.1:${peer.port}`, MSS]);
  assertEquals(entered!.ssthresh, 0.7 * before);
  assertEquals(left!.time - entered!.time, 50);
  assertEquals([left!.inFlight, left!.lost], [0, 0]);
});

Deno.test("events: a probe, a timeout, and that it was needless", () => {
  const { events, t } = lossy();
  const peer = t.peer();
  peer.send("SYN seq=0 mss=1460 sackok ts=1:0");
  const option = peer.expect("SYN ACK").options.find(({ kind }) => kind === "ts");
  const sent = option?.kind === "ts" ? option.value : 0;
  t.advance(20);
  peer.send(`ACK seq=1 ack=1 win=65535 ts=1:${sent}`);
  const app = t.accepted[0]!;
  app.write(new Uint8Array(2 * 1448));
  peer.drain();
  t.advance(500);
  assertEquals(events.map(({ type }) => type), ["tail-loss-probe", "timeout"]);
  // Both were on their way all the time: the echo is that of the first transmission.
  peer.send(`ACK ack=${1 + 2 * 1448} ts=2:${sent + 20}`);
  assertEquals(events.at(-1)!.type, "undone");
  assert(app.connection.info().ssthresh === Infinity);
});

Deno.test("events: a mark", () => {
  const { events, t } = lossy();
  const peer = t.peer();
  peer.send("SYN ECE CWR seq=0 mss=1460");
  peer.expect("SYN ACK ECE");
  peer.send("ACK seq=1 ack=1 win=65535");
  t.accepted[0]!.write(new Uint8Array(5 * MSS));
  peer.drain();
  peer.send(`ACK ECE ack=${1 + MSS}`);
  assertEquals(events.map(({ type }) => type), ["mark"]);
});
