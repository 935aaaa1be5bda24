import { assertEquals } from "@std/assert";
import { TcpCounters } from "../../../stack/tcp/counters.ts";
import { Cubic } from "../../../stack/tcp/cubic.ts";
import { LossRecovery } from "../../../stack/tcp/loss_recovery.ts";
import { RetransmissionTimeout } from "../../../stack/tcp/rto.ts";
import { DEFAULT_TCP_OPTIONS } from "../../../stack/tcp/tcp_options.ts";
import { Segment } from "../../../stack/wire/tcp.ts";

function makeSender() {
  return {
    services: { counters: new TcpCounters(), now: 0, observe: undefined },
    localPort: 80,
    peer: "192.0.2.1:40000",
    recovery: undefined,
    congestion: new Cubic(1000),
    rto: new RetransmissionTimeout(DEFAULT_TCP_OPTIONS),
    sndUna: 0,
    sndNxt: 10_000,
    sndMss: 1000,
    maxSndWnd: 65_535,
    sackPermitted: true,
    timestampOffset: 0,
    windowLimited: true,
    retransmissions: 0,
  };
}

Deno.test("a duplicate ACK that says nothing new does not end slow start", () => {
  const sender = makeSender();
  const recovery = new LossRecovery(0, undefined);
  recovery.rack.reorderingSeen = true;
  recovery.sent(0, 10_000, 0);
  recovery.acknowledged(sender, new Segment(), 0, true, 100);
  assertEquals(sender.congestion.ssthresh, Infinity);
});

Deno.test("what was given up and comes before it is sent again reduces nothing", () => {
  const sender = makeSender();
  const { cwnd } = sender.congestion;
  const recovery = new LossRecovery(0, undefined);
  recovery.sent(0, 10_000, 0);
  // Two acknowledgments in one batch: the second arrives before anything could be sent.
  const segment = new Segment();
  segment.sackCount = 1;
  segment.sackStarts[0] = 1000;
  segment.sackEnds[0] = 4000;
  recovery.acknowledged(sender, segment, 0, true, 100);
  assertEquals(recovery.phase, "recovery");
  segment.sackCount = 0;
  segment.ack = 4000;
  recovery.acknowledged(sender, segment, 4000, false, 100);
  assertEquals(recovery.phase, "open");
  assertEquals(sender.congestion.ssthresh, Infinity);
  assertEquals(sender.congestion.cwnd >= cwnd, true);
});
