// TCP-SCENARIOS.md section A: segments for nobody, frames for others (L15 to L17), listening (L22).
import { assertEquals, assertThrows } from "@std/assert";
import { gone } from "../../runtime/testing/gone.ts";
import { scenario } from "../../runtime/testing/scenario.ts";
import { StackError } from "../../stack/error.ts";
import { established } from "../support/established.ts";

Deno.test("L15: a SYN to a closed port is refused; the RST acknowledges all that it took", () => {
  const t = scenario();
  const peer = t.peer({ to: 81 });
  peer.send("SYN seq=0");
  peer.expect("RST ACK seq=@0 ack=1");
  peer.send("SYN seq=0", "abc");
  peer.expect("RST ACK seq=@0 ack=4");
  peer.send("SYN FIN seq=0");
  peer.expect("RST ACK seq=@0 ack=2");
  gone(t.stack);
});

Deno.test("L15: an ACK of no connection gets the RST that its sender accepts", () => {
  const t = scenario({ listen: 80 });
  for (const to of [80, 81]) {
    const peer = t.peer({ to });
    peer.send("ACK seq=0 ack=@777");
    peer.expect("RST seq=@777");
    peer.send("SYN ACK seq=0 ack=@4294967295");
    peer.expect("RST seq=@4294967295");
    peer.send("FIN ACK seq=0 ack=@5", "data");
    peer.expect("RST seq=@5");
  }
  gone(t.stack);
});

Deno.test("L15: a segment of no connection without ACK, SYN or RST: RST at a closed port, silence at an open one", () => {
  const t = scenario({ listen: 80 });
  const closed = t.peer({ to: 81 });
  closed.send("FIN seq=0");
  closed.expect("RST ACK seq=@0 ack=1");
  closed.send("none seq=0", "ab");
  closed.expect("RST ACK seq=@0 ack=2");
  const open = t.peer({ to: 80 });
  open.send("FIN seq=0");
  open.send("none seq=0", "ab");
  open.expectNothing();
});

Deno.test("L15: RST is never answered", () => {
  const t = scenario({ listen: 80 });
  for (const to of [80, 81]) {
    const peer = t.peer({ to });
    peer.send("RST seq=0");
    peer.send("RST ACK seq=0 ack=@5");
    peer.send("RST SYN seq=0");
    peer.expectNothing();
  }
  gone(t.stack);
});

Deno.test("L16: what is addressed to others gets no answer", () => {
  const t = scenario({ listen: 80 });
  const peer = t.peer();
  peer.send("SYN seq=0", "", { ethernet: { destination: "02:00:00:00:00:99" } });
  peer.send("SYN seq=0", "", { ip: { destination: "10.0.0.3" } });
  peer.send("SYN seq=0", "", { ip: { destination: "10.0.0.255" } });
  peer.send("SYN seq=0", "", { ip: { destination: "255.255.255.255" } });
  peer.send("SYN seq=0", "", { ip: { destination: "224.0.0.1" } });
  peer.send("SYN seq=0", "", { ethernet: { destination: "ff:ff:ff:ff:ff:ff" } });
  peer.expectNothing();
  assertEquals(t.strays, []);
  gone(t.stack);
});

Deno.test("L16: what claims to come from us, from nobody or from a group gets no answer", () => {
  const t = scenario({ listen: 80 });
  const peer = t.peer();
  for (const source of ["10.0.0.2", "0.0.0.0", "255.255.255.255", "224.0.0.1", "10.0.0.255"]) {
    peer.send("SYN seq=0", "", { ip: { source } });
  }
  peer.expectNothing();
  assertEquals(t.strays, []);
  gone(t.stack);
});

Deno.test("L17: Ethernet padding is no payload", () => {
  const t = scenario({ listen: 80 });
  const peer = t.peer();
  const padded = { trailer: new Uint8Array(6) };
  peer.send("SYN seq=0", "", padded);
  peer.expect("SYN ACK seq=0 ack=1");
  peer.send("ACK seq=1 ack=1", "", padded);
  const app = t.accepted[0]!;
  assertEquals(app.connection.readableBytes, 0);
  app.write("x");
  peer.expect("PSH ACK seq=1 ack=1", "x");
  peer.send("PSH ACK seq=1 ack=2", "ab", { trailer: Uint8Array.of(1, 2, 3, 4) });
  assertEquals(app.readText(), "ab");
});

Deno.test("a segment with a wrong checksum, or a damaged header, is as if it had never come", () => {
  const { t, peer, app } = established();
  peer.send("PSH ACK seq=1 ack=1 checksum=bad", "hello");
  peer.send("PSH ACK seq=1 ack=1 doff=4", "hello");
  peer.send("PSH ACK seq=1 ack=1 doff=15", "hello");
  peer.send("PSH ACK seq=1 ack=1", "hello", { ip: { checksum: 1 } });
  t.advance(1000);
  peer.expectNothing();
  assertEquals(app.connection.readableBytes, 0);
  peer.send("PSH ACK seq=1 ack=1", "hello");
  assertEquals(app.readText(), "hello");
  assertEquals(t.stack.counters.tcp.droppedChecksum, 1);
  assertEquals(t.stack.counters.tcp.droppedMalformed, 2);
});

Deno.test("L22: listening twice on a port is refused, and the first goes on", () => {
  const { t } = established();
  const error = assertThrows(() => t.listen(80), StackError);
  assertEquals(error.code, "address-in-use");
  t.peer().open();
  assertEquals(t.accepted.length, 2);
});

Deno.test("L22: after the end of listening, established flows live on, half-open ones are reset", () => {
  const t = scenario();
  const handle = t.listen(80);
  const peer = t.peer({ to: 80 });
  const app = peer.open();
  const halfOpen = t.peer({ to: 80 });
  halfOpen.send("SYN seq=0");
  halfOpen.expect("SYN ACK seq=0 ack=1");
  handle.close();
  handle.close();
  const [reset] = halfOpen.drain();
  assertEquals(reset?.flags.includes("RST"), true, t.traceText());
  const late = t.peer({ to: 80 });
  late.send("SYN seq=0");
  late.expect("RST ACK seq=@0 ack=1");
  app.write("still here");
  peer.expect("PSH ACK seq=1 ack=1", "still here");
  peer.send("ACK");
  assertEquals(t.stack.census().halfOpen, 0);
  t.listen(80);
  t.peer({ to: 80 }).open();
  assertEquals(t.accepted.length, 2);
});
