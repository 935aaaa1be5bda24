// BBRv3, draft-ietf-ccwg-bbr: the states and what follows from them, on a pipe without a stack.
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import type { BbrState } from "../../../stack/tcp/bbr.ts";
import { MSS, Pipe, type PipeOptions } from "../../support/pipe.ts";

/** 100 Mbit/s, 20 ms, and room for one such product in the queue. */
function pipe(options: Partial<PipeOptions> = {}): Pipe {
  return new Pipe({ rate: 12_500, rtt: 20, queue: 250_000, loss: 0, ...options });
}

/** A pipe on which BBR has found the bandwidth. */
function steady(options: Partial<PipeOptions> = {}): Pipe {
  const p = pipe(options);
  assert(p.run(10_000, () => p.bbr.state === "ProbeBW_CRUISE"));
  return p;
}

/** Runs until BBR comes to a state. */
function reach(p: Pipe, state: BbrState, within = 10_000): void {
  assert(p.run(within, () => p.bbr.state === state), `${state} is not reached`);
}

Deno.test("the start is paced at 2.77 initial windows a round trip", () => {
  const { bbr } = pipe();
  assertEquals(bbr.cwnd, 10 * MSS);
  assertAlmostEquals(bbr.pacingRate, 2.77 * 10 * MSS / 20);
});

Deno.test("Startup finds the bandwidth in as many rounds as doubling takes, and three more", () => {
  const p = pipe();
  reach(p, "Drain");
  assertAlmostEquals(p.bbr.path.maxBw, 12_500, 12_500 * 0.02);
  // From 10 to 250 segments in flight: five rounds, three to be sure, of which some see a queue.
  assert(p.now < 20 * 5 + 3 * 60, `${p.now} ms`);
  assertAlmostEquals(p.bbr.path.minRtt, 20, 0.2);
});

Deno.test("Drain empties the queue that Startup has made, and ProbeBW begins", () => {
  const p = pipe();
  reach(p, "Drain");
  assert(p.flight.pipe > 1.5 * p.bdp);
  assertAlmostEquals(p.bbr.pacingRate, 0.5 * 0.99 * 12_500, 200);
  // ProbeBW begins with DOWN, which has nothing left to do.
  reach(p, "ProbeBW_CRUISE");
  assert(p.flight.pipe <= 1.2 * p.bdp);
});

Deno.test("ProbeBW goes round: down, cruise, refill, up", () => {
  const p = steady();
  p.run(4_900);
  const states = p.states.map(({ state }) => state);
  assertEquals(states.slice(0, 9), [
    "Startup",
    "Drain",
    "ProbeBW_CRUISE",
    "ProbeBW_REFILL",
    "ProbeBW_UP",
    "ProbeBW_DOWN",
    "ProbeBW_CRUISE",
    "ProbeBW_REFILL",
    "ProbeBW_UP",
  ]);
});

Deno.test("each state has its pacing gain, a hundredth below", () => {
  const p = steady();
  for (
    const [state, gain] of [
      ["ProbeBW_CRUISE", 1],
      ["ProbeBW_REFILL", 1],
      ["ProbeBW_UP", 1.25],
      ["ProbeBW_DOWN", 0.9],
    ] as const
  ) {
    reach(p, state);
    assertAlmostEquals(p.bbr.pacingRate / (gain * 0.99 * p.bbr.path.maxBw), 1, 0.03, state);
  }
});

Deno.test("on a long path probes come every two to three seconds", () => {
  const p = steady({ rtt: 100, queue: 1_250_000 });
  p.run(30_000);
  let began = 0;
  let probes = 0;
  for (const [i, { state, at }] of p.states.entries()) {
    // After Drain and ProbeRTT there is nothing for DOWN to do.
    if (state === "ProbeBW_DOWN") began = at;
    if (state === "ProbeBW_CRUISE" && p.states[i - 1]!.state !== "ProbeBW_DOWN") began = at;
    if (state !== "ProbeBW_REFILL") continue;
    assert(at - began >= 2000 && at - began <= 3001, `${at - began} ms`);
    probes++;
  }
  assert(probes >= 5, `${probes} probes`);
});

Deno.test("on a short path probes come as often as Reno's, at most 63 rounds apart", () => {
  // 30 segments fill the pipe: Reno would have grown by half its window in 15 rounds.
  const p = steady({ rate: 3_000, rtt: 10, queue: 60_000 });
  const from = p.now;
  reach(p, "ProbeBW_REFILL");
  assert(p.now - from <= 35 * 12, `${p.now - from} ms`);
});

Deno.test("the pipe is full and the queue short", () => {
  const p = steady();
  const { delivered } = p;
  let sum = 0;
  let most = 0;
  for (let i = 0; i < 4000; i++) {
    p.run(1);
    sum += p.flight.pipe;
    most = Math.max(most, p.flight.pipe);
  }
  assert((p.delivered - delivered) / 4000 >= 0.95 * 12_500);
  assert(sum / 4000 < 1.15 * p.bdp, `${sum / 4000 / p.bdp}`);
  assert(most < 2.3 * p.bdp);
});

Deno.test("ProbeRTT comes after five seconds without a smaller time: half the product for 200 ms", () => {
  const p = steady();
  reach(p, "ProbeRTT");
  assert(p.now >= 5000 && p.now < 5200, `${p.now} ms`);
  p.run(100);
  assert(p.bbr.cwnd <= 0.5 * p.bbr.path.maxBw * p.bbr.path.minRtt + 1);
  assert(p.flight.pipe <= 0.55 * p.bdp);
  assert(p.flight.delivery.appLimited, "what is sent now says nothing of the bandwidth");
  const from = p.now - 100;
  reach(p, "ProbeBW_CRUISE");
  assert(p.now - from >= 200 && p.now - from < 300, `${p.now - from} ms`);
  p.run(100);
  assert(p.flight.pipe > 0.9 * p.bdp, "and the window is back");
});

Deno.test("ProbeRTT finds out that the path has become shorter or longer", () => {
  const p = steady();
  p.become({ rtt: 10 });
  p.run(100);
  assertAlmostEquals(p.bbr.path.minRtt, 10, 0.3);
  p.become({ rtt: 40 });
  p.run(16_000);
  assertAlmostEquals(p.bbr.path.minRtt, 40, 1);
});

Deno.test("a path that has become wider is found out by probes", () => {
  const p = steady();
  p.become({ rate: 25_000, queue: 500_000 });
  p.run(12_000);
  assertAlmostEquals(p.bbr.path.maxBw, 25_000, 1_000);
});

Deno.test("a path that has become narrower is found out within two cycles", () => {
  const p = steady();
  p.become({ rate: 5_000, queue: 100_000 });
  p.run(6_000);
  assertAlmostEquals(p.bbr.path.maxBw, 5_000, 300);
  const { delivered } = p;
  p.run(2_000);
  assert((p.delivered - delivered) / 2000 > 0.8 * 5_000);
});

Deno.test("an application that sends little does not make the path seem slow", () => {
  const p = steady();
  const { maxBw } = p.bbr.path;
  for (let i = 0; i < 600; i++) {
    p.paused = false;
    p.run(1);
    p.paused = true;
    p.run(49);
  }
  assertAlmostEquals(p.bbr.path.maxBw, maxBw, 0.02 * maxBw);
  p.paused = false;
  const { delivered } = p;
  p.run(1000);
  assert((p.delivered - delivered) / 1000 > 0.85 * 12_500, "and then it is used at once");
});

Deno.test("after a pause data leaves at the bandwidth, not in one burst", () => {
  const p = steady();
  p.paused = true;
  p.run(1000);
  p.paused = false;
  p.run(5);
  // Five milliseconds, the burst that begins, and two that are made up for.
  assert(p.flight.pipe <= 9 * 12_500, `${p.flight.pipe}`);
});

Deno.test("losses below the threshold cost little, and those beyond it lower the bounds", () => {
  const p = steady({ rtt: 100, queue: 1_250_000 });
  p.become({ loss: 0.005 });
  const { delivered } = p;
  p.run(10_000);
  assert((p.delivered - delivered) / 10_000 > 0.8 * 12_500);
  p.become({ loss: 0.1 });
  p.run(5_000);
  assert(p.bbr.bounds.inflightLongterm < 0.8 * p.bdp);
});

Deno.test("Startup ends when losses are many, and the long-term bound says where", () => {
  // A queue of a few segments: 2.77 times the rate is lost to more than half.
  const p = pipe({ rtt: 100, queue: 10_000 });
  reach(p, "Drain");
  assert(p.bbr.bounds.inflightLongterm !== Infinity);
  assert(p.bbr.bounds.inflightLongterm >= p.bbr.path.maxBw * p.bbr.path.minRtt);
});

Deno.test("a probe that meets with too many losses ends at once and leaves a bound", () => {
  const p = steady({ rtt: 100, queue: 60_000 });
  p.bbr.bounds.inflightLongterm = Infinity;
  reach(p, "ProbeBW_UP");
  const from = p.now;
  reach(p, "ProbeBW_DOWN");
  assert(p.now - from < 300, `${p.now - from} ms`);
  assert(p.bbr.bounds.inflightLongterm < 1.3 * p.bdp, `${p.bbr.bounds.inflightLongterm}`);
  assert(p.bbr.bounds.inflightLongterm > 0.65 * p.bdp);
  p.run(500);
  assert(p.bbr.cwnd <= 0.85 * p.bbr.bounds.inflightLongterm + 1, "headroom is left while cruising");
});

Deno.test("a timeout leaves what is in flight and one segment, and the window returns with the recovery", () => {
  const { bbr } = steady({ queue: 1_000_000 });
  const { cwnd } = bbr;
  bbr.timedOut();
  bbr.collapsed(3 * MSS);
  assertEquals(bbr.cwnd, 4 * MSS);
  bbr.recovered();
  assertEquals(bbr.cwnd, cwnd);
});

Deno.test("a loss that was none takes back what it has lowered", () => {
  const p = steady({ rtt: 100, queue: 1_250_000 });
  const { bbr } = p;
  reach(p, "ProbeBW_UP");
  const { inflightLongterm } = bbr.bounds;
  const range = p.flight.head!;
  for (let i = 0; i < 60 && bbr.state === "ProbeBW_UP"; i++) {
    p.flight.delivery.lost += MSS;
    bbr.lost(range, p.flight.delivery);
  }
  assertEquals(bbr.state, "ProbeBW_DOWN");
  assert(bbr.bounds.inflightLongterm !== inflightLongterm);
  bbr.undo();
  assertEquals(bbr.bounds.inflightLongterm, inflightLongterm);
  assertEquals(bbr.state, "ProbeBW_UP");
});

Deno.test("the window is never less than four segments, however slow the path", () => {
  const p = pipe({ rate: 10, rtt: 1, queue: 20_000 });
  p.run(60_000);
  assert(p.bbr.cwnd >= 4 * MSS);
  assert(p.delivered / 60_000 > 0.9 * 10);
});
