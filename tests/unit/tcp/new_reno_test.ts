import { assertEquals } from "@std/assert";
import { initialWindow, NewReno } from "../../../stack/tcp/new_reno.ts";

Deno.test("the initial window is that of RFC 6928", () => {
  assertEquals(
    [536, 1000, 1460, 2000, 7300, 8960].map(initialWindow),
    [5360, 10_000, 14_600, 14_600, 14_600, 17_920],
  );
});

Deno.test("a handshake that had to be repeated leaves one segment (RFC 5681 section 3.1)", () => {
  const reno = new NewReno(1460);
  reno.start(true);
  assertEquals(reno.cwnd, 1460);
  reno.start(false);
  assertEquals(reno.cwnd, 14_600);
});

Deno.test("slow start grows by what was acknowledged, at most two segments for one ACK", () => {
  const reno = new NewReno(1000);
  reno.acknowledged(1000, true, 0, 0);
  assertEquals(reno.cwnd, 11_000);
  reno.acknowledged(300, true, 0, 0);
  assertEquals(reno.cwnd, 11_300);
  reno.acknowledged(50_000, true, 0, 0);
  assertEquals(reno.cwnd, 13_300);
});

Deno.test("a window that is not used does not grow", () => {
  const reno = new NewReno(1000);
  reno.acknowledged(1000, false, 0, 0);
  assertEquals(reno.cwnd, 10_000);
});

Deno.test("a needless reduction is taken back", () => {
  const reno = new NewReno(1000);
  reno.remember();
  reno.timedOut(10_000, 0);
  assertEquals([reno.cwnd, reno.ssthresh], [1000, 5000]);
  reno.undo();
  assertEquals([reno.cwnd, reno.ssthresh], [10_000, Infinity]);
});

Deno.test("congestion avoidance grows by one segment for each window acknowledged", () => {
  const reno = new NewReno(1000);
  reno.lossDetected(20_000, 0);
  reno.setWindow(10_000);
  assertEquals(reno.ssthresh, 10_000);
  for (let i = 0; i < 9; i++) reno.acknowledged(1000, true, 0, 0);
  assertEquals(reno.cwnd, 10_000);
  reno.acknowledged(1000, true, 0, 0);
  assertEquals(reno.cwnd, 11_000);
  for (let i = 0; i < 11; i++) reno.acknowledged(1000, true, 0, 0);
  assertEquals(reno.cwnd, 12_000);
});

Deno.test("a loss halves the threshold, a timeout leaves one segment", () => {
  const reno = new NewReno(1000);
  reno.lossDetected(20_000, 0);
  assertEquals(reno.ssthresh, 10_000);
  reno.timedOut(8000, 0);
  assertEquals([reno.ssthresh, reno.cwnd], [4000, 1000]);
  reno.lossDetected(1000, 0);
  assertEquals(reno.ssthresh, 2000);
});

Deno.test("the window is never below one segment, and idleness takes it back to the initial one", () => {
  const reno = new NewReno(1000);
  reno.setWindow(10);
  assertEquals(reno.cwnd, 1000);
  reno.restart();
  assertEquals(reno.cwnd, 1000);
  reno.setWindow(100_000);
  reno.restart();
  assertEquals(reno.cwnd, 10_000);
});
