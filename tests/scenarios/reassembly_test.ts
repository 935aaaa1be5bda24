// TCP-SCENARIOS.md section D: segments out of order and overlapping (D6, D11), options (D12).
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { patternBytes } from "../../runtime/testing/segment_script.ts";
import { established } from "../support/established.ts";

Deno.test("D6: a retransmission that covers more than was kept is delivered once, in order", () => {
  const { peer, app } = established();
  peer.send("ACK seq=101 ack=1 len=50");
  peer.expect("ACK seq=1 ack=1");
  peer.send("ACK seq=1 ack=1 len=300");
  peer.expect("ACK seq=1 ack=301");
  assertEquals(app.read(), patternBytes(1, 300));
});

Deno.test("D6: a longer segment with the same start replaces the shorter", () => {
  const { peer, app } = established();
  peer.send("ACK seq=101 ack=1 len=50");
  peer.send("ACK seq=101 ack=1 len=200");
  peer.send("ACK seq=1 ack=1 len=100");
  assertEquals(peer.drain().at(-1)!.ack, peer.isn + 301);
  assertEquals(app.read(), patternBytes(1, 300));
});

Deno.test("D6: what was received before is not delivered again", () => {
  const { peer, app } = established();
  peer.send("ACK seq=1 ack=1 len=100");
  peer.send("ACK seq=1 ack=1 len=100");
  peer.expect("ACK seq=1 ack=101");
  peer.send("ACK seq=51 ack=1 len=100");
  peer.expect("ACK seq=1 ack=151");
  assertEquals(app.read(), patternBytes(1, 150));
});

Deno.test("D6: each segment out of order is answered at once with the same ACK", () => {
  const { peer } = established();
  for (const seq of [2001, 3001, 1001]) {
    peer.send(`ACK seq=${seq} ack=1 len=1000`);
    peer.expect("ACK seq=1 ack=1");
  }
  peer.send("ACK seq=1 ack=1 len=1000");
  peer.expect("ACK seq=1 ack=4001");
  peer.expectNothing();
});

Deno.test("D6: any pieces of a stream, in any order, overlapping: the stream is delivered", () => {
  const piece = fc.tuple(fc.nat({ max: 4000 }), fc.integer({ min: 1, max: 1200 }));
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      const { t, peer, app } = established();
      const have = new Uint8Array(6000);
      const got: number[] = [];
      for (const [from, length] of pieces) {
        peer.send(`ACK seq=${1 + from} ack=1 len=${length}`);
        have.fill(1, from, from + length);
        got.push(...app.read());
      }
      const inOrder = have.indexOf(0);
      assertEquals(Uint8Array.from(got), patternBytes(1, inOrder));
      t.advance(100);
      const last = peer.drain().at(-1);
      if (last !== undefined) assertEquals(last.ack, peer.isn + 1 + inOrder);
    }),
    { numRuns: 100 },
  );
});

Deno.test("D11: of 50,000 one-byte segments out of order a bounded number is kept", () => {
  const { t, peer, app } = established();
  for (let i = 0; i < 50_000; i++) {
    peer.send(`ACK seq=${3 + 2 * (i % 32_000)} ack=1 len=1`);
    if (i % 100 === 0) peer.drain();
  }
  // So each costs a search and a short move, however many there are.
  assertEquals(t.stack.counters.tcp.segmentsOutOfOrder <= 512 + 50_000 - 32_000, true);
  assert(t.stack.counters.tcp.droppedReassembly >= 31_000);
  peer.drain();
  // Whatever was kept or dropped, the stream goes on.
  peer.send("ACK seq=1 ack=1 len=1400");
  peer.send("ACK seq=1401 ack=1 len=1400");
  assertEquals(app.read(), patternBytes(1, 2800));
});

Deno.test("D12: a SYN with malformed options is answered, as if they were not there", () => {
  for (const options of ["0200", "0201", "0205b4", "030300", "fd00", "ff", "0204"]) {
    const { t } = established();
    const peer = t.peer();
    peer.send(`SYN seq=0 opt=${options}`);
    peer.expect("SYN ACK seq=0 ack=1");
  }
});

Deno.test("D12: any options on any segment change nothing of the stream", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), (bytes) => {
      const { peer, app } = established();
      const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
      peer.send(`PSH ACK seq=1 ack=1 opt=${hex}`, "hello");
      assertEquals(app.readText(), "hello");
    }),
    { numRuns: 100 },
  );
});

Deno.test("urgent data is data like any other", () => {
  const { peer, app } = established();
  peer.send("PSH URG ACK seq=1 ack=1 urp=3", "hello");
  peer.send("URG ACK seq=6 ack=1 urp=65535", " world");
  assertEquals(app.readText(), "hello world");
});
