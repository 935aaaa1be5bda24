// TCP-SCENARIOS.md section A: windows and options of the handshake (L5, L11).
import { assert, assertEquals } from "@std/assert";
import { scenario } from "../../runtime/testing/scenario.ts";

/** A listener that writes 4000 bytes at once. */
function speaksFirst() {
  const t = scenario({
    listen: 80,
    accept: (connection) => {
      assertEquals(connection.write(new Uint8Array(4000)), 4000);
    },
  });
  return { t, peer: t.peer() };
}

Deno.test("L5: who speaks first uses the window of the ACK that completed the handshake", () => {
  const { peer } = speaksFirst();
  peer.send("SYN seq=0 mss=1460 win=0");
  peer.expect("SYN ACK seq=0 ack=1");
  peer.send("ACK seq=1 ack=1 win=65535");
  peer.expect("ACK seq=1 ack=1 len=1460");
  peer.expect("ACK seq=1461 ack=1 len=1460");
  peer.expect("PSH ACK seq=2921 ack=1 len=1080");
  peer.expectNothing();
});

Deno.test("L5: when that window is closed, nothing is sent until it opens", () => {
  const { peer } = speaksFirst();
  peer.send("SYN seq=0 mss=1460 win=65535");
  peer.expect("SYN ACK seq=0 ack=1");
  peer.send("ACK seq=1 ack=1 win=0");
  peer.expectNothing();
  peer.send("ACK seq=1 ack=1 win=65535");
  peer.expect("ACK seq=1 ack=1 len=1460");
  peer.expect("ACK seq=1461 ack=1 len=1460");
  peer.expect("PSH ACK seq=2921 ack=1 len=1080");
  peer.expectNothing();
});

Deno.test("L11: a repeated SYN-ACK carries the same options and an unscaled window", () => {
  const t = scenario({ listen: 80 });
  const peer = t.peer();
  peer.send("SYN seq=0 mss=1000 ws=7");
  const first = peer.lose("SYN ACK seq=0 ack=1 mss=1460 win=65535");
  const shift = first.options.find(({ kind }) => kind === "ws");
  assert(shift?.kind === "ws" && 65535 << shift.shift >= 256 * 1024, t.traceText());
  t.advance(1000);
  const second = peer.expect("SYN ACK seq=0 ack=1");
  assertEquals({ ...second, time: 0 }, { ...first, time: 0 });
});

Deno.test("L11: both windows are scaled from then on, and ours never shrinks", () => {
  const t = scenario({ listen: 80 });
  const peer = t.peer();
  peer.send("SYN seq=0 mss=1000 ws=7");
  const synAck = peer.expect("SYN ACK seq=0 ack=1");
  const option = synAck.options.find(({ kind }) => kind === "ws");
  const shift = option?.kind === "ws" ? option.shift : 0;
  peer.win = 100;
  peer.send("ACK seq=1 ack=1");
  const app = t.accepted[0]!;

  let edge = 65535;
  for (let sent = 0; sent < 60_000; sent += 1000) {
    peer.send("ACK len=1000");
    for (const { flags, ack, window, payload } of peer.drain()) {
      assertEquals([flags, payload.length], [["ACK"], 0]);
      const right = ((ack - peer.isn) | 0) + (window << shift);
      assert(right >= edge - (1 << shift), `the right edge went from ${edge} to ${right}`);
      edge = Math.max(edge, right);
    }
  }
  assertEquals(app.connection.readableBytes, 60_000);
  // Nobody has read, and the buffer is still 64 KiB: the window ends where it does, whatever the
  // scale rounds away.
  assert(edge > 64 * 1024 - 2000 && edge <= 64 * 1024 + 1, `right edge ${edge}`);

  // 100 << 7 bytes may be in flight, in segments of the peer's MSS.
  app.write(new Uint8Array(100_000));
  t.advance(0);
  const flight = peer.drain();
  const sizes = flight.map(({ payload }) => payload.length).filter((size) => size > 0);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  assert(sizes.every((size) => size <= 1000), `sizes ${sizes}`);
  assert(total <= 12_800 && total >= 10_000, `${total} bytes in flight`);
});

Deno.test("D10: no segment is longer than our MTU allows, whatever the peer's MSS", () => {
  const t = scenario({ listen: 80 });
  const peer = t.peer();
  const app = peer.open({ mss: 9000 });
  app.write(new Uint8Array(10_000));
  const sizes = peer.drain().map(({ payload }) => payload.length);
  assertEquals(sizes, [1460, 1460, 1460, 1460, 1460, 1460, 1240]);
});

Deno.test("D10: a peer that says no MSS gets segments of 536 bytes", () => {
  const t = scenario({ listen: 80 });
  const peer = t.peer();
  const app = peer.open({ mss: 0 });
  app.write(new Uint8Array(2000));
  assertEquals(peer.drain().map(({ payload }) => payload.length), [536, 536, 536, 392]);
});

Deno.test("D10: a peer with an absurdly small MSS cannot make us send absurdly small segments", () => {
  for (const mss of [0, 1, 7]) {
    const t = scenario({ listen: 80 });
    const peer = t.peer();
    const app = peer.open({ mss: 0, options: `mss=${mss}` });
    app.write(new Uint8Array(2000));
    const sizes = peer.drain().map(({ payload }) => payload.length);
    assert(sizes[0]! >= 48, `mss=${mss}: segments of ${sizes[0]}`);
  }
});

Deno.test("D10: a small MTU of ours makes a small MSS offered and small segments", () => {
  const t = scenario({ listen: 80, link: { mtu: 600 } });
  const peer = t.peer();
  peer.send("SYN seq=0 mss=1460");
  peer.expect("SYN ACK seq=0 ack=1 mss=560");
  peer.send("ACK seq=1 ack=1");
  t.accepted[0]!.write(new Uint8Array(1000));
  peer.expect("ACK seq=1 len=560");
});

Deno.test("without a window scale from the peer ours is not offered, and windows are what they say", () => {
  const t = scenario({ listen: 80 });
  const peer = t.peer();
  peer.send("SYN seq=0 mss=1460 win=1000");
  peer.expect("SYN ACK seq=0 ack=1 ws=none win=65535");
  peer.send("ACK seq=1 ack=1 win=1000");
  t.accepted[0]!.write(new Uint8Array(5000));
  assertEquals(peer.drain().reduce((sum, { payload }) => sum + payload.length, 0), 1000);
});
