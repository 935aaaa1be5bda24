import { assert, assertEquals, assertThrows } from "@std/assert";
import { gone } from "../../../runtime/testing/gone.ts";
import { patternBytes } from "../../../runtime/testing/segment_script.ts";
import { scenario } from "../../../runtime/testing/scenario.ts";

function opened() {
  const t = scenario({ listen: 80 });
  const peer = t.peer();
  return { t, peer, app: peer.open() };
}

Deno.test("a segment that is not as expected fails with the whole trace and its times", () => {
  const { t, peer, app } = opened();
  t.advance(1500);
  app.write("hello");
  const error = assertThrows(() => peer.expect("FIN ACK seq=1 ack=1"), Error);
  const lines = error.message.split("\n");
  assertEquals(
    lines[0],
    "at     1.500: 10.0.0.1:40000 expected FIN ACK seq=1 ack=1, but the flags are PSH ACK; " +
      "the len is 5, not =0",
  );
  assertEquals(lines[2], "    0.000  10.0.0.1:40000 > SYN seq=0 win=65535 mss=1460");
  assert(lines.some((line) => line.endsWith("->  { Established }")));
  assertEquals(lines.at(-2), "    1.500  10.0.0.1:40000 < PSH ACK seq=1 ack=1 win=65535 len=5");
});

Deno.test("nothing where something was expected, and something where nothing was, both fail", () => {
  const { peer, app } = opened();
  assertThrows(() => peer.expect("ACK"), Error, "expected ACK, but nothing came");
  app.write("x");
  assertThrows(() => peer.expectNothing(), Error, "expected nothing, but 1 segment(s) came");
});

Deno.test("a segment without numbers carries on and acknowledges what was expected, not what was lost", () => {
  const { peer, app } = opened();
  peer.send("PSH ACK", "abc");
  peer.send("PSH ACK", "def");
  assertEquals(app.readText(), "abcdef");
  app.write(patternBytes(1, 4380));
  peer.expect("ACK seq=1 len=1460");
  peer.lose("ACK seq=1461 len=1460");
  peer.expect("PSH ACK seq=2921 len=1460");
  assertEquals([peer.sndNxt, peer.rcvNxt], [7, 1461]);
  peer.send("ACK");
  assertEquals(app.connection.info().inFlight, 2920);
});

Deno.test("what was received out of order is put in order", () => {
  const { t, peer, app } = opened();
  app.write(patternBytes(1, 4380));
  const [first, second, third] = peer.drain();
  assertEquals([first, second, third].map((s) => s!.payload.length), [1460, 1460, 1460]);
  assertEquals(peer.received(), patternBytes(1, 4380));
  // The same again, with the middle one lost at first.
  const other = t.peer();
  const app2 = other.open();
  app2.write(patternBytes(1, 4380));
  other.expect("ACK len=1460");
  other.lose("ACK len=1460");
  other.expect("PSH ACK len=1460");
  assertEquals(other.received().length, 1460);
  other.send("ACK");
  t.advance(200);
  other.expect("ACK seq=1461 len=1460");
  assertEquals(other.received(), patternBytes(1, 4380));
});

Deno.test("time passes only when it is told to, and what comes due happens at its time", () => {
  const t = scenario({ listen: 80 });
  const peer = t.peer();
  peer.send("SYN seq=0");
  peer.lose("SYN ACK");
  assertEquals(t.now, 0);
  t.advance(5000);
  assertEquals(peer.drain().map(({ time }) => time), [1000, 3000]);
  assertEquals(t.now, 5000);
});

Deno.test("after a jump of the clock what was due happens then", () => {
  const t = scenario({ listen: 80 });
  const peer = t.peer();
  peer.send("SYN seq=0");
  peer.lose("SYN ACK");
  t.jump(5000);
  assertEquals(peer.drain().map(({ time }) => time), [5000]);
});

Deno.test("a peer beyond the gateway is reached through it", () => {
  const t = scenario({ listen: 80 });
  const peer = t.peer({ address: "192.0.2.1" });
  peer.open();
  assertEquals(t.accepted.length, 1);
  const targets = t.arp.map(({ targetIp }) => targetIp);
  assert(targets.includes("10.0.0.254") && !targets.includes("192.0.2.1"), targets.join());
});

Deno.test("gone says what is left", () => {
  const { t, peer, app } = opened();
  assertThrows(
    () => gone(t.stack),
    Error,
    "found 1 connections, 0 half-open, 0 orphans, 0 in TIME_WAIT",
  );
  app.connection.close();
  peer.drain();
  assertThrows(() => gone(t.stack), Error, "1 timers");
  peer.send("RST");
  gone(t.stack);
});

Deno.test("a flow is settled step by step, in no time", async () => {
  const steps: string[] = [];
  const t = scenario({
    listen: 80,
    async flow(flow) {
      for await (const chunk of flow.readable) steps.push(new TextDecoder().decode(chunk));
      steps.push("end");
    },
  });
  const peer = t.peer();
  peer.open();
  await t.settle();
  peer.send("PSH ACK", "one");
  await t.settle();
  peer.send("PSH ACK", "two");
  peer.send("FIN ACK");
  await t.settle();
  assertEquals([steps, t.now], [["one", "two", "end"], 0]);
});
