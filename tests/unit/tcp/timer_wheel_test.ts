import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Timed, TimerWheel } from "../../../stack/tcp/timer_wheel.ts";

class Timer implements Timed {
  wheelTime = 0;
  wheelSlot = -1;
  wheelNext: Timed | undefined = undefined;
  wheelPrevious: Timed | undefined = undefined;
  readonly name: string;
  constructor(name = "timer") {
    this.name = name;
  }
}

/** Advances in the steps that the wheel asks for, as a stack does, and says what fired when. */
function run(wheel: TimerWheel<Timer>, until: number): [string, number][] {
  const fired: [string, number][] = [];
  for (let steps = 0; wheel.next <= until; steps++) {
    assert(steps < 10_000, "the wheel asks to be advanced for ever");
    const now = wheel.next;
    wheel.advance(now, (timer) => fired.push([timer.name, now]));
  }
  wheel.advance(until, (timer) => fired.push([timer.name, until]));
  return fired;
}

Deno.test("a timer fires at its time, to the fraction, and not before", () => {
  const wheel = new TimerWheel<Timer>(0);
  wheel.arm(new Timer("a"), 5.25);
  assertEquals(wheel.next, 5.25);
  wheel.advance(5.2, () => assert(false, "too early"));
  assertEquals(run(wheel, 100), [["a", 5.25]]);
  assertEquals([wheel.size, wheel.next], [0, Infinity]);
});

Deno.test("a timer far away fires at its time too", () => {
  for (const time of [255, 256, 65_535, 65_536, 7_200_000, 2 ** 24 + 1, 2 ** 32 + 3, 2 ** 40]) {
    const wheel = new TimerWheel<Timer>(100);
    wheel.arm(new Timer("a"), time);
    assertEquals(run(wheel, time + 1), [["a", time]], String(time));
  }
});

Deno.test("a cancelled timer does not fire, and cancelling twice is harmless", () => {
  const wheel = new TimerWheel<Timer>(0);
  const timer = new Timer();
  wheel.arm(timer, 10);
  wheel.cancel(timer);
  wheel.cancel(timer);
  assertEquals([wheel.size, wheel.next], [0, Infinity]);
  assertEquals(run(wheel, 100), []);
});

Deno.test("a timer moved to an earlier time fires then", () => {
  const wheel = new TimerWheel<Timer>(0);
  const timer = new Timer("a");
  wheel.arm(timer, 70_000);
  wheel.arm(timer, 10);
  assertEquals(run(wheel, 100_000), [["a", 10]]);
});

Deno.test("a timer that is due in the past fires at the next advance", () => {
  const wheel = new TimerWheel<Timer>(1000);
  wheel.arm(new Timer("a"), 3);
  assert(wheel.next <= 1000);
  assertEquals(run(wheel, 1000).length, 1);
});

Deno.test("a callback may arm the timer again, also for now", () => {
  const wheel = new TimerWheel<Timer>(0);
  const timer = new Timer();
  const times: number[] = [];
  wheel.arm(timer, 10);
  for (let i = 0; i < 10 && wheel.next < 1000; i++) {
    const now = wheel.next;
    wheel.advance(now, () => {
      times.push(now);
      if (times.length < 5) wheel.arm(timer, now + (times.length === 2 ? 0 : 300));
    });
  }
  assertEquals(times, [10, 310, 310, 610, 910]);
  assertEquals([wheel.size, wheel.next], [0, Infinity]);
});

Deno.test("a callback may cancel or move timers that are due at the same time", () => {
  const wheel = new TimerWheel<Timer>(0);
  const timers = ["a", "b", "c", "d"].map((name) => new Timer(name));
  for (const timer of timers) wheel.arm(timer, 10);
  const fired: string[] = [];
  wheel.advance(10, (timer) => {
    fired.push(timer.name);
    for (const other of timers) {
      if (other !== timer && !fired.includes(other.name)) {
        if (other.name < "c") wheel.cancel(other);
        else if (timer.name < "c") wheel.arm(other, 500);
      }
    }
  });
  assert(fired.slice(1).every((name) => name >= "c"), `cancelled and yet fired: ${fired}`);
  fired.push(...run(wheel, 1000).map(([name]) => name));
  assertEquals(new Set(fired).size, fired.length, `fired twice: ${fired}`);
  assert(fired.includes("c") && fired.includes("d"), `lost: ${fired}`);
  assertEquals([wheel.size, wheel.next], [0, Infinity]);
});

Deno.test("any timers armed, moved and cancelled at any time fire exactly once, when they should", () => {
  const delay = fc.oneof(
    fc.double({ min: 0, max: 600, noNaN: true }),
    fc.integer({ min: 0, max: 200_000 }),
    fc.integer({ min: 0, max: 2 ** 35 }),
  );
  const action = fc.record({
    kind: fc.constantFrom("arm" as const, "cancel" as const, "pass" as const),
    timer: fc.nat({ max: 5 }),
    delay,
  });
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 1e9, noNaN: true }),
      fc.array(action),
      (start, actions) => {
        let now = start;
        const wheel = new TimerWheel<Timer>(now);
        const timers = Array.from({ length: 6 }, (_, i) => new Timer(String(i)));
        // As a connection does: a timer moved to a later time may ring early and is armed again.
        const wanted = new Map<Timer, number>();
        const due = (timer: Timer) => {
          const time = wanted.get(timer);
          assert(time !== undefined, "a cancelled timer fired");
          if (time > now) return wheel.arm(timer, time);
          wanted.delete(timer);
        };
        const pass = (until: number) => {
          for (let steps = 0; wheel.next <= until; steps++) {
            assert(steps < 1000, "the wheel asks to be advanced for ever");
            now = Math.max(now, wheel.next);
            wheel.advance(now, due);
          }
          now = until;
          wheel.advance(now, due);
          for (const time of wanted.values()) assert(time > now, "a timer is late");
          const first = Math.min(...wanted.values());
          assert(wheel.next <= first, `next is ${wheel.next}, the first timer's time ${first}`);
        };
        for (const { kind, timer, delay } of actions) {
          if (kind === "pass") pass(now + delay);
          else if (kind === "cancel") {
            wheel.cancel(timers[timer]!);
            wanted.delete(timers[timer]!);
          } else {
            wheel.arm(timers[timer]!, now + delay);
            wanted.set(timers[timer]!, now + delay);
          }
          assertEquals(wheel.size, wanted.size);
        }
        pass(now + 2 ** 36);
        assertEquals([wheel.size, wheel.next], [0, Infinity]);
      },
    ),
    { numRuns: 300 },
  );
});
