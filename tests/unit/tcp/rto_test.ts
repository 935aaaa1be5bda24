import { assertEquals } from "@std/assert";
import { RetransmissionTimeout } from "../../../stack/tcp/rto.ts";
import { DEFAULT_TCP_OPTIONS } from "../../../stack/tcp/tcp_options.ts";

const LOW = { ...DEFAULT_TCP_OPTIONS, minRto: 1 };

Deno.test("before a measurement the timeout is one second (RFC 6298 rule 2.1)", () => {
  assertEquals(new RetransmissionTimeout(DEFAULT_TCP_OPTIONS).current, 1000);
});

Deno.test("the first measurement and the next ones are weighed as rules 2.2 and 2.3 say", () => {
  const rto = new RetransmissionTimeout(LOW);
  rto.measure(100);
  assertEquals([rto.srtt, rto.rttvar, rto.current], [100, 50, 300]);
  rto.measure(60);
  // The variation is taken from the old average: 3/4·50 + 1/4·|100 − 60|.
  assertEquals([rto.srtt, rto.rttvar, rto.current], [95, 47.5, 285]);
});

Deno.test("a variation below the clock's granularity counts as one millisecond", () => {
  const rto = new RetransmissionTimeout(LOW);
  for (let i = 0; i < 200; i++) rto.measure(50);
  assertEquals(Math.round(rto.current * 1000) / 1000, 51);
});

Deno.test("the timeout stays between its bounds", () => {
  const rto = new RetransmissionTimeout(DEFAULT_TCP_OPTIONS);
  rto.measure(0);
  assertEquals(rto.current, 200);
  rto.measure(500_000);
  assertEquals(rto.current, 60_000);
});

Deno.test("each expiry doubles it, up to the bound, and the factor survives a measurement", () => {
  const rto = new RetransmissionTimeout(DEFAULT_TCP_OPTIONS);
  const seen: number[] = [];
  for (; rto.backoffs < 8; rto.backoffs++) seen.push(rto.current);
  assertEquals(seen, [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
  rto.backoffs = 2;
  rto.measure(100);
  assertEquals(rto.current, 1200);
  rto.backoffs = 5000;
  assertEquals(rto.current, 60_000);
});

Deno.test("a handshake that had to be repeated makes data start with three seconds (rule 5.7)", () => {
  const rto = new RetransmissionTimeout(DEFAULT_TCP_OPTIONS);
  rto.handshakeWasSlow();
  assertEquals(rto.current, 3000);
  const measured = new RetransmissionTimeout(DEFAULT_TCP_OPTIONS);
  measured.measure(100);
  measured.handshakeWasSlow();
  assertEquals(measured.current, 300);
});
