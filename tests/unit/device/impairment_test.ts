import { assert, assertAlmostEquals, assertEquals, assertGreater, assertThrows } from "@std/assert";
import {
  dropFrames,
  ImpairedDevice,
  type ImpairedDirection,
  type Impairment,
  type ImpairmentOptions,
} from "../../../runtime/device/impairment.ts";
import {
  type LoopbackDevice,
  type LoopbackOptions,
  loopbackPair,
} from "../../../runtime/device/loopback.ts";
import { fold, sum } from "../../../stack/wire/checksum.ts";
import { Frame } from "../../../stack/wire/frame.ts";
import { testDeviceCompliance, testFrame } from "../../support/device_compliance.ts";

/** A frame, and when it arrived. */
interface Arrival {
  readonly at: number;
  readonly frame: Frame;
  /** The number that the frame was sent with. */
  readonly number: number;
}

/** A device behind a bad network in virtual time; frames are told by numbers. */
class Network {
  readonly device: ImpairedDevice;
  readonly #other: LoopbackDevice;
  readonly #frame = new Frame();
  now = 0;

  constructor(options: Partial<ImpairmentOptions>, wire: LoopbackOptions = {}) {
    const [inner, other] = loopbackPair({ capacity: 32 << 20, ...wire });
    this.device = new ImpairedDevice(inner, { seed: 1, ...options });
    this.#other = other;
  }

  /** A network that does the same in the direction that is tested. */
  static towards(direction: ImpairedDirection, impairment: Impairment, seed = 1): Network {
    return new Network({ seed, [direction]: impairment });
  }

  /** Sends a frame through the direction. */
  offer(direction: ImpairedDirection, frame: Frame): void {
    if (direction === "transmit") assert(this.device.transmit(frame, this.now));
    else assert(this.#other.transmit(frame, this.now));
  }

  /** Sends numbered frames of a length, at once. */
  burst(direction: ImpairedDirection, count: number, length = 60, first = 0): void {
    for (let i = first; i < first + count; i++) this.offer(direction, numbered(i, length));
  }

  /** Lets time pass, from deadline to deadline; gives what arrived. */
  run(direction: ImpairedDirection, until = Infinity): Arrival[] {
    const arrivals: Arrival[] = [];
    while (true) {
      this.#take(direction, arrivals);
      const next = this.device.nextDeadline();
      if (next > until || next === Infinity) break;
      assertGreater(next, this.now, "a deadline that has come leaves nothing to do");
      this.now = next;
    }
    if (until !== Infinity) this.now = until;
    return arrivals;
  }

  #take(direction: ImpairedDirection, arrivals: Arrival[]): void {
    const frame = this.#frame;
    const add = () => {
      const copy = frame.clone();
      const number = new DataView(copy.bytes.buffer).getUint32(14);
      arrivals.push({ at: this.now, frame: copy, number });
    };
    while (this.device.receive(frame, this.now)) {
      assertEquals(direction, "receive");
      add();
    }
    while (this.#other.receive(frame)) {
      assertEquals(direction, "transmit");
      add();
    }
  }
}

function numbered(number: number, length: number): Frame {
  const bytes = testFrame(length, number);
  new DataView(bytes.buffer).setUint32(14, number);
  return new Frame(bytes);
}

function numbers(arrivals: readonly Arrival[]): number[] {
  return arrivals.map(({ number }) => number);
}

function count(length: number): number[] {
  return Array.from({ length }, (_, i) => i);
}

testDeviceCompliance("unimpaired device", () => {
  const [inner, other] = loopbackPair();
  const device = new ImpairedDevice(inner, { seed: 1 });
  const frame = new Frame();
  return {
    device,
    far: {
      send: (bytes) => assert(other.transmit(new Frame(bytes))),
      take: () => other.receive(frame) ? frame.view().slice() : undefined,
    },
    async [Symbol.asyncDispose]() {
      await device.close();
      await other.close();
    },
  };
});

for (const direction of ["transmit", "receive"] as const) {
  const test = (sentence: string, body: () => void) => Deno.test(`${direction}: ${sentence}`, body);

  test("loss takes its share, and the same frames for the same seed", () => {
    const outcome = (seed: number) => {
      const network = Network.towards(direction, { loss: 0.1 }, seed);
      network.burst(direction, 10_000);
      const arrived = numbers(network.run(direction));
      assertEquals(network.device.counters[direction].offered, 10_000);
      assertEquals(network.device.counters[direction].lost, 10_000 - arrived.length);
      return arrived;
    };
    const arrived = outcome(7);
    assertAlmostEquals(arrived.length, 9000, 120);
    assertEquals(outcome(7), arrived);
    assert(outcome(8).join() !== arrived.join());
  });

  test("loss of 0 loses nothing, loss of 1 everything", () => {
    const network = Network.towards(direction, { loss: 0 });
    network.burst(direction, 1000);
    assertEquals(numbers(network.run(direction)), count(1000));
    network.device.impair(direction, { loss: 1 });
    network.burst(direction, 1000);
    // More frames than one call looks at: the device is asked again.
    for (let i = 0; i < 10; i++) assertEquals(network.run(direction), []);
    assertEquals(network.device.counters[direction].lost, 1000);
  });

  test("burst losses come in runs of the length that was asked for", () => {
    const network = Network.towards(direction, { burst: { enter: 0.01, exit: 0.2 } });
    network.burst(direction, 50_000);
    const arrived = new Set(numbers(network.run(direction)));
    let runs = 0;
    for (let i = 1; i < 50_000; i++) if (!arrived.has(i) && arrived.has(i - 1)) runs++;
    assertAlmostEquals((50_000 - arrived.size) / runs, 5, 0.6);
    assertAlmostEquals(runs / arrived.size, 0.01, 0.002);
  });

  test("a script loses the frames that it names", () => {
    const network = Network.towards(direction, { drop: dropFrames(3, 2) });
    network.burst(direction, 10);
    assertEquals(numbers(network.run(direction)), [0, 1, 2, 5, 6, 7, 8, 9]);
    assertEquals(network.device.counters[direction].dropped, 2);
    const seen: [number, number, number][] = [];
    network.device.impair(direction, {
      drop: (frame, index, now) => seen.push([frame.length, index, now]) < 0,
    });
    network.now = 5;
    network.burst(direction, 2, 77);
    network.run(direction);
    assertEquals(seen, [[77, 10, 5], [77, 11, 5]]);
  });

  test("a path that is down loses what enters it, not what is on its way", () => {
    const network = Network.towards(direction, { delay: 10 });
    network.burst(direction, 2);
    assertEquals(network.run(direction, 5), []);
    network.device.impair(direction, { delay: 10, down: true });
    network.burst(direction, 2, 60, 2);
    assertEquals(numbers(network.run(direction, 20)), [0, 1]);
    network.device.impair(direction, { delay: 10 });
    network.burst(direction, 2, 60, 4);
    assertEquals(numbers(network.run(direction)), [4, 5]);
    assertEquals(network.device.counters[direction].down, 2);
  });

  test("a delay is exact, and its end is the next deadline", () => {
    const network = Network.towards(direction, { delay: 12.25 });
    network.burst(direction, 2);
    network.run(direction, 1.5);
    network.burst(direction, 1, 60, 2);
    const arrivals = network.run(direction);
    assertEquals(arrivals.map(({ at }) => at), [12.25, 12.25, 13.75]);
    assertEquals(numbers(arrivals), [0, 1, 2]);
    assertEquals(network.device.nextDeadline(), Infinity);
  });

  test("jitter spreads frames within its bounds and keeps their order", () => {
    const network = Network.towards(direction, { delay: 10, jitter: 4 });
    const sent: number[] = [];
    const arrivals: Arrival[] = [];
    for (let i = 0; i < 1000; i++) {
      sent.push(network.now);
      network.burst(direction, 1, 60, i);
      arrivals.push(...network.run(direction, network.now + 1));
    }
    arrivals.push(...network.run(direction));
    assertEquals(numbers(arrivals), count(1000));
    const delays = arrivals.map(({ at }, i) => at - sent[i]!);
    for (const delay of delays) assert(delay >= 10 && delay < 14, `delay ${delay}`);
    assertGreater(new Set(delays).size, 900);
    assertAlmostEquals(Math.min(...delays), 10, 0.5);
    assertAlmostEquals(Math.max(...delays), 14, 0.1);
  });

  test("a bottleneck spaces frames by their size", () => {
    const network = Network.towards(direction, { rate: 8_000_000, delay: 1 });
    network.burst(direction, 3, 1000);
    network.burst(direction, 1, 500, 3);
    assertEquals(network.run(direction).map(({ at }) => at), [2, 3, 4, 4.5]);
    network.run(direction, 100);
    network.burst(direction, 1, 1000);
    assertEquals(network.run(direction).map(({ at }) => at), [102]);
  });

  test("the queue before a bottleneck is bounded in bytes, and loses the newest frame", () => {
    const network = Network.towards(direction, { rate: 8_000_000, queue: 5000 });
    network.burst(direction, 20, 1000);
    assertEquals(numbers(network.run(direction)), [0, 1, 2, 3, 4]);
    assertEquals(network.device.counters[direction].overflowed, 15);
    network.burst(direction, 1, 1000, 20);
    network.run(direction, network.now + 0.5);
    network.burst(direction, 5, 1000, 21);
    assertEquals(numbers(network.run(direction)), [20, 21, 22, 23, 24]);
  });

  test("a queue of nothing still lets a frame through an idle bottleneck", () => {
    const network = Network.towards(direction, { rate: 8_000_000, queue: 0 });
    network.burst(direction, 3, 1000);
    assertEquals(numbers(network.run(direction)), [0]);
  });

  test("duplicates follow their original", () => {
    for (const delay of [0, 3]) {
      const network = Network.towards(direction, { duplicate: 0.3, delay });
      network.burst(direction, 1000);
      const arrived = numbers(network.run(direction));
      assertEquals(arrived, arrived.toSorted((a, b) => a - b));
      assertEquals(new Set(arrived).size, 1000);
      assertEquals(network.device.counters[direction].duplicated, arrived.length - 1000);
      assertAlmostEquals(arrived.length, 1300, 50);
    }
  });

  test("late frames are overtaken, all others keep their order", () => {
    const network = Network.towards(direction, {
      delay: 5,
      reorder: { probability: 0.1, delay: 2.5 },
    });
    const arrivals: Arrival[] = [];
    for (let i = 0; i < 1000; i++) {
      network.burst(direction, 1, 60, i);
      arrivals.push(...network.run(direction, network.now + 1));
    }
    arrivals.push(...network.run(direction));
    const late = arrivals.filter(({ at, number }) => at === number + 7.5);
    const prompt = arrivals.filter(({ at, number }) => at === number + 5);
    assertEquals(late.length + prompt.length, 1000);
    assertEquals(network.device.counters[direction].reordered, late.length);
    assertAlmostEquals(late.length, 100, 30);
    assertEquals(numbers(prompt), numbers(prompt).toSorted((a, b) => a - b));
    const arrived = numbers(arrivals);
    const overtaken = late.filter(({ number }) =>
      arrived.indexOf(number) > arrived.indexOf(number + 2)
    );
    assertGreater(overtaken.length, late.length * 0.8, "but for late ones behind late ones");
  });

  test("corruption flips one bit of an IP packet", () => {
    const network = Network.towards(direction, { corrupt: 0.5 });
    const frame = numbered(0, 200);
    frame.bytes.set([0x08, 0x00], 12);
    const original = frame.bytes.slice();
    const flipped = new Set<number>();
    for (let i = 0; i < 2000; i++) network.offer(direction, frame);
    for (const { frame: { bytes } } of network.run(direction)) {
      let bits = 0;
      for (const [i, byte] of bytes.entries()) {
        for (let bit = 0; bit < 8; bit++) {
          if (((byte ^ original[i]!) >> bit & 1) === 0) continue;
          bits++;
          flipped.add(i * 8 + bit);
          assertGreater(i, 13, "the Ethernet header is whole");
        }
      }
      assert(bits <= 1);
    }
    assertEquals(frame.bytes, original, "a lent frame is not written to");
    assertAlmostEquals(network.device.counters[direction].corrupted, 1000, 100);
    assertGreater(flipped.size, 600, "any bit may be hit");
  });

  test("corruption spares what has no checksum", () => {
    const network = Network.towards(direction, { corrupt: 1 });
    const frame = numbered(0, 60);
    frame.bytes.set([0x08, 0x06], 12);
    network.offer(direction, frame);
    assertEquals(network.run(direction)[0]!.frame.bytes, frame.bytes);
    assertEquals(network.device.counters[direction].corrupted, 0);
  });

  test("a corrupted frame whose checksum was left to the device fails verification", () => {
    const network = new Network({ [direction]: { corrupt: 1 } }, {
      transmitChecksum: true,
      segmentation: true,
    });
    for (const checksum of ["partial", "verified"] as const) {
      for (let i = 0; i < 200; i++) {
        const frame = numbered(i, 3001);
        frame.bytes.set([0x08, 0x00], 12);
        frame.bytes.set([0x12, 0x34], 34 + 16);
        frame.checksum = checksum;
        // "verified" has the whole checksum in its field already.
        if (checksum === "verified") {
          frame.bytes.set([0, 0], 50);
          const whole = fold(sum(frame.bytes, 34, 3001 - 34, 0x1234));
          frame.bytes.set([whole >> 8, whole & 0xff], 50);
        } else {
          Object.assign(frame, { checksumStart: 34, checksumOffset: 16, headerLength: 54 });
          frame.segmentSize = 1460;
        }
        network.offer(direction, frame);
        const [{ frame: arrived }] = network.run(direction) as [Arrival];
        assertEquals(arrived.checksum, "complete");
        assertEquals(arrived.segmentSize, 0);
        const differs = arrived.bytes.subarray(14, 34).some((byte, i) =>
          byte !== frame.bytes[14 + i]
        );
        // The pseudo-header's sum, 0x1234, was in the field and is now in the receiver's hands.
        const good = fold(sum(arrived.bytes, 34, 3001 - 34, 0x1234)) === 0;
        assertEquals(good, differs, "a flip is either before the segment or found by its checksum");
      }
    }
  });

  test("held frames keep their offload metadata", () => {
    const network = new Network({ [direction]: { delay: 1 } }, {
      transmitChecksum: true,
      segmentation: true,
    });
    const frame = numbered(5, 60_000);
    Object.assign(frame, { checksum: "partial", checksumStart: 34, checksumOffset: 16 });
    Object.assign(frame, { segmentSize: 1460, headerLength: 54 });
    network.offer(direction, frame);
    const [{ frame: arrived }] = network.run(direction) as [Arrival];
    assertEquals(arrived, frame);
  });

  test("the memory for held frames is bounded", () => {
    const network = new Network({ [direction]: { delay: 1 }, limit: 10_000 });
    network.burst(direction, 30, 1000);
    assertEquals(numbers(network.run(direction)), count(10));
    assertEquals(network.device.counters[direction].overflowed, 20);
    network.burst(direction, 30, 1000);
    assertEquals(network.run(direction).length, 10, "there is room again");
  });

  test("everything together is repeated exactly by the same seed", () => {
    const outcome = (seed: number) => {
      const network = Network.towards(direction, {
        loss: 0.02,
        burst: { enter: 0.005, exit: 0.3, loss: 0.9 },
        corrupt: 0.05,
        duplicate: 0.05,
        rate: 10_000_000,
        queue: 20_000,
        delay: 20,
        jitter: 5,
        reorder: { probability: 0.02, delay: 3 },
      }, seed);
      const arrivals: Arrival[] = [];
      for (let i = 0; i < 3000; i++) {
        network.burst(direction, 1, 60 + (i * 97) % 1400, i);
        arrivals.push(...network.run(direction, network.now + (i * 13) % 7 / 4));
      }
      arrivals.push(...network.run(direction));
      const { offered, lost, overflowed, duplicated } = network.device.counters[direction];
      assertEquals(arrivals.length, offered - lost - overflowed + duplicated);
      return arrivals.map(({ at, number }) => `${at} ${number}`);
    };
    assertEquals(outcome(3), outcome(3));
    assert(outcome(3).join() !== outcome(4).join());
  });
}

Deno.test("what happens in one direction does not depend on the other", () => {
  const outcome = (busy: boolean) => {
    const network = new Network({ transmit: { loss: 0.5 }, receive: { loss: 0.5 } });
    const arrived: number[] = [];
    for (let i = 0; i < 200; i++) {
      if (busy) {
        network.burst("receive", 3);
        while (network.device.receive(new Frame(), 0));
      }
      network.burst("transmit", 1, 60, i);
      arrived.push(...numbers(network.run("transmit")));
    }
    return arrived;
  };
  assertEquals(outcome(true), outcome(false));
});

Deno.test("a call of receive looks at a bounded number of frames that do not go through", () => {
  const network = new Network({ receive: { loss: 1 } });
  network.burst("receive", 10_000);
  assertEquals(network.device.receive(new Frame(), 0), false);
  assertGreater(1000, network.device.counters.receive.offered);
});

Deno.test("frames that are held when the device closes are gone, and so is its deadline", async () => {
  const network = new Network({ transmit: { delay: 5 }, receive: { delay: 5 } });
  network.burst("transmit", 3);
  network.burst("receive", 3);
  network.run("transmit", 1);
  assertEquals(network.device.nextDeadline(), 5);
  await network.device.close();
  assertEquals(network.device.nextDeadline(), Infinity);
  assertEquals(network.run("receive", 10), []);
  assertEquals(network.device.transmit(numbered(1, 60), 10), false);
});

Deno.test("an impaired device refuses what its device would refuse, at once", () => {
  const network = new Network({ transmit: { delay: 5 } });
  assertEquals(network.device.transmit(new Frame(testFrame(3000)), 0), false);
  assertEquals(network.device.counters.transmit.offered, 0);
});

Deno.test("values out of range are refused by name", () => {
  const cases: [Impairment, string][] = [
    [{ loss: 1.5 }, "loss 1.5 is no probability: expected 0 to 1"],
    [{ duplicate: -0.1 }, "duplicate -0.1 is no probability: expected 0 to 1"],
    [{ burst: { enter: 0, exit: 2 } }, "burst.exit 2 is no probability: expected 0 to 1"],
    [{ delay: -1 }, "delay -1 is out of range: expected 0 or more"],
    [{ rate: 0 }, "rate 0 is out of range: expected more than 0"],
    [{ jitter: NaN }, "jitter NaN is out of range: expected 0 or more"],
  ];
  for (const [transmit, message] of cases) {
    const error = assertThrows(() => new Network({ transmit }), RangeError);
    assertEquals(error.message, message);
  }
});
