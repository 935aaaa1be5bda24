import { type Timed, TimerWheel } from "../../../stack/tcp/timer_wheel.ts";
import { measure } from "./reference.ts";

function timer(): Timed {
  return { wheelTime: 0, wheelSlot: -1, wheelNext: undefined, wheelPrevious: undefined };
}

for (const size of [100, 100_000]) {
  const wheel = new TimerWheel<Timed>(0);
  const timers = Array.from({ length: size }, timer);
  timers.forEach((timer, i) => wheel.arm(timer, 60_000 + i % 50_000));
  const timed = timer();
  let now = 0;
  measure(`1000 timers armed and cancelled among ${size}`, () => {
    for (let i = 0; i < 1000; i++) {
      wheel.arm(timed, now + 200 + i % 100);
      wheel.cancel(timed);
    }
    return wheel.size;
  });
  measure(`1000 timers moved to later among ${size}`, () => {
    now += 0.001;
    for (let i = 0; i < 1000; i++) wheel.arm(timers[i % 100]!, 120_000 + now);
    return wheel.size;
  });
}

{
  const wheel = new TimerWheel<Timed>(0);
  const timers = Array.from({ length: 1000 }, timer);
  let now = 0;
  let calls = 0;
  measure("1000 timers armed and called", () => {
    for (const [i, timer] of timers.entries()) wheel.arm(timer, now + i / 10);
    now += 100;
    wheel.advance(now, () => calls++);
    return calls;
  });
}
