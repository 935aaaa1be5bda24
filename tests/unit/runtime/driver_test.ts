import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Device } from "../../../runtime/device/device.ts";
import { type Driven, Driver } from "../../../runtime/driver.ts";
import { turn } from "../../../runtime/testing/turn.ts";
import type { LinkCapabilities } from "../../../stack/link.ts";
import { Frame } from "../../../stack/wire/frame.ts";

/** A clock that stands still until it is set. */
class Clock {
  time = 0;
  readonly now = () => this.time;
}

/** A device whose world is the test. */
class FakeDevice implements Device {
  readonly name = "fake";
  readonly capabilities: LinkCapabilities = {
    mtu: 1500,
    maxFrame: 1514,
    transmitChecksum: false,
    segmentation: false,
  };
  /** First bytes of frames to receive. */
  readonly arriving: number[] = [];
  /** Timeouts of the waits so far, in order. */
  readonly waits: number[] = [];
  deadline = Infinity;
  frameLength = 1;
  #pending: PromiseWithResolvers<void> | undefined;
  #awake = false;

  get asleep(): boolean {
    return this.#pending !== undefined;
  }

  transmit(): boolean {
    return true;
  }

  receive(frame: Frame): boolean {
    const first = this.arriving.shift();
    if (first === undefined) return false;
    const bytes = new Uint8Array(this.frameLength);
    bytes[0] = first;
    frame.set(bytes, 0, bytes.length);
    return true;
  }

  nextDeadline(): number {
    return this.deadline;
  }

  wait(timeout: number): Promise<void> {
    this.waits.push(timeout);
    if (this.#awake) {
      this.#awake = false;
      return Promise.resolve();
    }
    this.#pending = Promise.withResolvers();
    return this.#pending.promise;
  }

  wake(): void {
    this.#awake = this.#pending === undefined;
    this.#pending?.resolve();
    this.#pending = undefined;
  }

  /** The device dies. */
  fail(error: Error): void {
    this.#pending?.reject(error);
    this.#pending = undefined;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** A stack that writes down what is done with it. */
class FakeStack implements Driven {
  readonly calls: string[] = [];
  deadline = Infinity;
  onReceive: ((first: number) => void) | undefined;

  /** How many frames were received before each poll, and after the last. */
  get batches(): number[] {
    return this.calls.map((call) => call.startsWith("poll") ? "|" : "r").join("")
      .split("|").map((batch) => batch.length);
  }

  receive(frame: Frame, now: number): void {
    this.calls.push(`receive ${frame.bytes[0]} at ${now}`);
    this.onReceive?.(frame.bytes[0]!);
  }

  poll(now: number): void {
    this.calls.push(`poll at ${now}`);
    this.deadline = Infinity;
  }

  nextDeadline(): number {
    return this.deadline;
  }
}

interface Rig {
  clock: Clock;
  device: FakeDevice;
  stack: FakeStack;
  driver: Driver;
  /** Starts the driver and lets it come to rest. */
  start(): Promise<void>;
  /** A frame arrives. */
  arrive(...first: number[]): Promise<void>;
  /** Settles when the driver has ended. */
  ended: Promise<void>;
}

async function drive(
  test: (rig: Rig) => void | Promise<void>,
  busyPoll?: number,
): Promise<void> {
  const clock = new Clock();
  const device = new FakeDevice();
  const stack = new FakeStack();
  const driver = new Driver(device, { now: clock.now, busyPoll });
  const rig: Rig = {
    clock,
    device,
    stack,
    driver,
    ended: Promise.resolve(),
    async start() {
      this.ended = driver.run(stack);
      this.ended.catch(() => {});
      await rest();
    },
    async arrive(...first) {
      device.arriving.push(...first);
      device.wake();
      await rest();
    },
  };
  await test(rig);
  driver.stop();
  await rig.ended.catch(() => {});
}

/** Turns of the event loop in which a driver that has nothing to do falls asleep. */
async function rest(): Promise<void> {
  for (let i = 0; i < 5; i++) await turn();
}

Deno.test("a driver without anything to do sleeps until it is woken", async () => {
  await drive(async (rig) => {
    await rig.start();
    assertEquals([rig.stack.calls, rig.device.waits, rig.device.asleep], [[], [Infinity], true]);
  });
});

Deno.test("a driver sleeps until the nearer deadline of stack and device", async () => {
  for (const [ofStack, ofDevice, wait] of [[150, 900, 50], [900, 130, 30]] as const) {
    await drive(async (rig) => {
      rig.clock.time = 100;
      rig.stack.deadline = ofStack;
      rig.device.deadline = ofDevice;
      await rig.start();
      assertEquals(rig.device.waits, [wait]);
    });
  }
});

Deno.test("a deadline that has come is polled", async () => {
  await drive(async (rig) => {
    rig.stack.deadline = 50;
    await rig.start();
    rig.clock.time = 50;
    rig.device.wake();
    await rest();
    assertEquals(rig.stack.calls, ["poll at 50"]);
    assertEquals(rig.device.waits, [50, Infinity]);
  });
});

Deno.test("handlers have done all that they can before replies leave", async () => {
  await drive(async (rig) => {
    rig.stack.onReceive = async () => {
      rig.stack.deadline = 0;
      for (let i = 0; i < 50; i++) await undefined;
      rig.stack.calls.push("handler");
    };
    await rig.start();
    await rig.arrive(1, 2);
    assertEquals(rig.stack.calls, [
      "receive 1 at 0",
      "receive 2 at 0",
      "handler",
      "handler",
      "poll at 0",
    ]);
  });
});

Deno.test("a batch is bounded: replies leave between batches", async () => {
  await drive(async (rig) => {
    rig.stack.onReceive = () => rig.stack.deadline = 0;
    await rig.start();
    await rig.arrive(...new Array(150).fill(9));
    assertEquals(rig.stack.batches, [64, 64, 22, 0]);
  });
});

Deno.test("what is left for poll while the driver sleeps leaves without waking the device", async () => {
  await drive(async (rig) => {
    await rig.start();
    rig.stack.deadline = 0;
    rig.driver.wake();
    rig.driver.wake();
    await undefined; // a tick of the process runs when promises are done
    await turn();
    assertEquals(rig.stack.calls, ["poll at 0"]);
    assertEquals(rig.device.waits, [Infinity], "the sleep goes on");
  });
});

Deno.test("a nearer deadline made while the driver sleeps shortens the sleep", async () => {
  await drive(async (rig) => {
    await rig.start();
    rig.stack.deadline = 200;
    rig.driver.wake();
    await rest();
    assertEquals(rig.device.waits, [Infinity, 200]);
    rig.stack.deadline = 300;
    rig.driver.wake();
    await rest();
    assertEquals(rig.device.waits, [Infinity, 200]);
  });
});

Deno.test("the event loop has its turn under endless work", async () => {
  await drive(async (rig) => {
    rig.stack.onReceive = () => {
      rig.clock.time += 0.01;
      rig.device.arriving.push(1); // there is always one more
    };
    rig.device.arriving.push(1);
    let turns = 0;
    const running = rig.start();
    for (; turns < 20; turns++) await turn();
    rig.driver.stop();
    await running;
    await rig.ended;
    assert(rig.stack.calls.length > 100);
  });
});

Deno.test("with busyPoll the driver looks for more before it sleeps, and not for longer", async () => {
  await drive(async (rig) => {
    await rig.start();
    assertEquals(rig.device.waits, [Infinity], "nothing has arrived yet: nothing to look for");
    await rig.arrive(1);
    assertEquals(rig.device.asleep, false);
    rig.clock.time = 0.04;
    rig.device.arriving.push(2); // no wake
    await rest();
    assertEquals(rig.stack.calls, ["receive 1 at 0", "receive 2 at 0.04"]);
    rig.clock.time = 0.08;
    await rest();
    assertEquals(rig.device.asleep, false);
    rig.clock.time = 0.1;
    await rest();
    assertEquals(rig.device.asleep, true);
  }, 50);
});

/** A time that adds up exactly, in milliseconds. */
const STEP = 1 / 1024;

Deno.test("a driver that looks in vain looks half as long, until looking would have helped", async () => {
  await drive(async (rig) => {
    await rig.start();
    const looks: number[] = [];
    for (const gap of [0, 1000, 1000, 120, 1000, 1000, 129, 1000]) {
      rig.clock.time += gap * STEP;
      await rig.arrive(1);
      const begun = rig.clock.time;
      while (!rig.device.asleep) {
        rig.clock.time += STEP;
        await rest();
      }
      looks.push((rig.clock.time - begun) / STEP);
      rig.clock.time = begun;
    }
    assertEquals(looks, [128, 64, 32, 128, 64, 32, 16, 8]);
  }, 128 * STEP * 1000);
});

Deno.test("a batch of large frames is as bounded as one of many", async () => {
  await drive(async (rig) => {
    rig.device.frameLength = 65_536;
    rig.stack.onReceive = () => rig.stack.deadline = 0;
    await rig.start();
    await rig.arrive(...new Array(10).fill(9));
    assertEquals(rig.stack.batches, [4, 4, 2, 0]);
  });
});

Deno.test("who reads a large frame does so before the next one comes in", async () => {
  await drive(async (rig) => {
    rig.device.frameLength = 65_536;
    rig.stack.onReceive = async (first) => {
      rig.stack.deadline = 0;
      await undefined;
      rig.stack.calls.push(`handler ${first}`);
    };
    await rig.start();
    await rig.arrive(1, 2);
    assertEquals(rig.stack.calls, [
      "receive 1 at 0",
      "handler 1",
      "receive 2 at 0",
      "handler 2",
      "poll at 0",
    ]);
  });
});

Deno.test("stop ends a sleeping driver", async () => {
  await drive(async (rig) => {
    await rig.start();
    rig.driver.stop();
    await rig.ended;
  });
});

Deno.test("a device that dies ends the driver with its error", async () => {
  await drive(async (rig) => {
    await rig.start();
    rig.device.fail(new Error("interface removed"));
    await assertRejects(() => rig.ended, Error, "interface removed");
  });
});

Deno.test("an exception out of the stack ends the driver with it, wherever it comes from", async () => {
  await drive(async (rig) => {
    rig.stack.onReceive = () => {
      throw new Error("in receive");
    };
    await rig.start();
    await rig.arrive(1);
    await assertRejects(() => rig.ended, Error, "in receive");
  });
  await drive(async (rig) => {
    await rig.start();
    rig.stack.deadline = 0;
    rig.stack.poll = () => {
      throw new Error("in poll");
    };
    rig.driver.wake();
    await assertRejects(() => rig.ended, Error, "in poll");
  });
});

Deno.test("a deadline that never passes does not starve the event loop", async () => {
  await drive(async (rig) => {
    rig.device.deadline = 0; // due, and yet nothing comes
    await rig.start();
    await rest();
    assertEquals(rig.device.waits, []);
  });
});
