// TCP-SCENARIOS.md section B: TIME_WAIT and what may come in it.
import { assert, assertEquals } from "@std/assert";
import { gone } from "../../runtime/testing/gone.ts";
import { scenario } from "../../runtime/testing/scenario.ts";
import { countOf, established, finWait2, lastState, timeWait } from "../support/established.ts";

Deno.test("C21: late segments in Time_wait are never answered with RST", () => {
  const { t, peer } = timeWait();
  const late = [
    "ACK seq=2 ack=2",
    "ACK seq=1 ack=2",
    "ACK seq=1 ack=1",
    "ACK seq=2 ack=1",
    "ACK seq=2 ack=500",
    "PSH ACK seq=1 ack=1 len=1",
    "PSH ACK seq=2 ack=2 len=100",
    "FIN ACK seq=1 ack=2",
    "FIN ACK seq=1 ack=1",
    "none seq=2",
  ];
  for (const script of late) {
    peer.send(script);
    for (const { flags, seq, ack, payload } of peer.drain()) {
      assertEquals([flags, payload.length], [["ACK"], 0]);
      assertEquals([seq, ack], [(peer.remoteIsn! + 2) >>> 0, (peer.isn + 2) >>> 0]);
    }
    assertEquals(t.stack.census().timeWait, 1);
    t.advance(1000);
  }
  t.advance(60_000);
  gone(t.stack);
});

Deno.test("C25: a SYN with a later number begins a new connection, whose number is later than ours", () => {
  const { t, peer } = timeWait();
  const before = peer.remoteIsn!;
  t.advance(10);
  const again = t.peer({ port: peer.port, isn: peer.isn + 5000 });
  again.send("SYN seq=0 mss=1460");
  again.expect("SYN ACK seq=0 ack=1");
  assert(((again.remoteIsn! - before) | 0) > 2, "our new number must be beyond the old connection");
  again.send("ACK seq=1 ack=1");
  assertEquals(t.accepted.length, 2);
  assertEquals(t.accepted[1]!.connection.state, "Established");
  assertEquals(t.stack.census().timeWait, 0);
  t.advance(100_000);
  assertEquals(t.accepted[1]!.connection.state, "Established");
});

Deno.test("C25: our number is later than the old connection's even when that sent faster than the clock", () => {
  const t = scenario({ listen: 80 });
  const peer = t.peer({ isn: 1 });
  const app = peer.open();
  app.write(new Uint8Array(200_000));
  app.connection.close();
  for (let i = 0; i < 500 && app.connection.state !== "Fin_wait_2"; i++) {
    peer.drain();
    peer.send("ACK");
  }
  peer.send("FIN ACK");
  peer.drain();
  const end = (peer.remoteIsn! + peer.rcvNxt) >>> 0;
  const again = t.peer({ port: peer.port, isn: 1000 });
  again.send("SYN seq=0 mss=1460");
  again.expect("SYN ACK seq=0 ack=1");
  assert(((again.remoteIsn! - end) | 0) > 0, `${again.remoteIsn} does not come after ${end}`);
});

Deno.test("C25: a SYN with an old number is answered with an ACK, and Time_wait stays", () => {
  const { t, peer } = timeWait();
  peer.send("SYN seq=-500");
  peer.expect("ACK seq=2 ack=2");
  assertEquals([t.stack.census().timeWait, t.accepted.length], [1, 1]);
  t.advance(60_000);
  gone(t.stack);
});

Deno.test("C26: 200 requests from 64 ports in turn: every SYN is answered at once", () => {
  const t = scenario({
    listen: 80,
    accept: (connection) => {
      connection.observer = {
        readable() {
          connection.read(new Uint8Array(100));
          connection.write(new TextEncoder().encode("HTTP/1.0 200 OK\r\n\r\nhi"));
          connection.close();
        },
        writable() {},
        closed() {},
      };
    },
  });
  for (let i = 0; i < 200; i++) {
    const peer = t.peer({ port: 32_768 + i % 64, isn: 1000 + i * 40_000 });
    peer.send("SYN seq=0 mss=1460");
    peer.expect("SYN ACK seq=0 ack=1");
    peer.send("ACK seq=1 ack=1");
    peer.send("PSH ACK seq=1 ack=1", "GET / HTTP/1.0\r\n\r\n");
    peer.expect("PSH FIN ACK seq=1 ack=19", "HTTP/1.0 200 OK\r\n\r\nhi");
    peer.send("FIN ACK seq=19 ack=23");
    peer.expect("ACK seq=23 ack=20");
    t.advance(5);
    peer.expectNothing();
  }
  assertEquals(t.stack.census().timeWait, 64);
  t.advance(60_000);
  gone(t.stack);
});

Deno.test("C27: a RST in Time_wait is ignored and does not shorten it (RFC 1337)", () => {
  const { t, peer } = timeWait();
  t.advance(59_000);
  for (const seq of [1, 2, 3]) {
    peer.send(`RST seq=${seq}`);
    peer.send(`RST ACK seq=${seq} ack=2`);
  }
  assertEquals(countOf(peer.drain(), "RST"), 0);
  t.advance(999);
  assertEquals(t.stack.census().timeWait, 1);
  t.advance(1);
  gone(t.stack);
});

Deno.test("Time_wait of many connections costs no more than its table", () => {
  const t = scenario({ listen: 80 });
  for (let i = 0; i < 1000; i++) {
    const peer = t.peer({ port: 10_000 + i });
    const app = peer.open();
    app.connection.close();
    peer.expect("FIN ACK seq=1 ack=1");
    peer.send("FIN ACK seq=1 ack=2");
    peer.expect("ACK seq=2 ack=2");
  }
  assertEquals(t.stack.census().timeWait, 1000);
  t.advance(60_000);
  gone(t.stack);
});

Deno.test("too many in Time_wait: the one that has been there longest gives way, and its port is free", () => {
  const t = scenario({ listen: 80, tcp: { timeWaitLimit: 3 } });
  const peers = Array.from({ length: 5 }, (_, i) => {
    const peer = t.peer({ port: 10_000 + i });
    peer.open().connection.close();
    peer.expect("FIN ACK seq=1 ack=1");
    peer.send("FIN ACK seq=1 ack=2");
    peer.expect("ACK seq=2 ack=2");
    t.advance(1);
    return peer;
  });
  assertEquals([t.stack.census().timeWait, t.stack.counters.tcp.timeWaitEvicted], [3, 2]);
  peers[1]!.send("ACK seq=2 ack=2");
  assertEquals(countOf(peers[1]!.drain(), "RST"), 1);
  peers[2]!.send("FIN ACK seq=1 ack=2");
  peers[2]!.expect("ACK seq=2 ack=2");
  t.advance(60_000);
  gone(t.stack);
});

Deno.test("in Time_wait and after it, its owner reads what had come and sees how it ended", () => {
  const { t, peer, app } = established();
  app.connection.closeWrite();
  peer.expect("FIN ACK seq=1 ack=1");
  peer.send("PSH FIN ACK seq=1 ack=2", "the last word");
  peer.expect("ACK seq=2 ack=15");
  const { connection } = app;
  assertEquals([connection.state, connection.info().state], ["Time_wait", "Time_wait"]);
  const buffer = new Uint8Array(3);
  assertEquals([connection.read(buffer), connection.readableBytes, connection.ended], [
    3,
    10,
    false,
  ]);
  t.advance(60_000);
  gone(t.stack);
  assertEquals([connection.state, connection.info().state], ["Closed", "Closed"]);
  assertEquals([connection.closeReason, connection.info().bytesReceived], ["closed", 13]);
  assertEquals([connection.read(new Uint8Array(100)), connection.ended], [10, true]);
  assertEquals(t.stack.census().memory, 0);
});

Deno.test("an abort in Time_wait frees the port at once, without a word", () => {
  const { t, peer, app } = timeWait();
  app.connection.abort();
  gone(t.stack);
  peer.expectNothing();
  assertEquals(lastState(t), "Closed");
  app.connection.abort();
  assertEquals([app.connection.state, app.reasons], ["Closed", ["closed"]]);
});

Deno.test("FINs that come again together in Time_wait get one answer, and each begins 2 MSL anew", () => {
  const { t, peer, app } = finWait2();
  for (let i = 0; i < 3; i++) peer.send("FIN ACK seq=1 ack=2");
  assertEquals(peer.drain().length, 1);
  t.advance(59_999);
  peer.send("FIN ACK seq=1 ack=2");
  peer.expect("ACK seq=2 ack=2");
  t.advance(59_999);
  assertEquals([t.stack.census().timeWait, app.connection.state], [1, "Time_wait"]);
  t.advance(1);
  gone(t.stack);
});

Deno.test("C25: after a connection without timestamps a SYN with them is new, whatever its number", () => {
  const { t, peer } = timeWait();
  peer.send("SYN seq=-5000 mss=1000 ts=7:0");
  peer.expect("SYN ACK ack=-4999");
  assertEquals(t.stack.census().timeWait, 0);
});
