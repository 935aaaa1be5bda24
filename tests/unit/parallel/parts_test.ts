import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { parseConfig } from "../../../runtime/config/validate.ts";
import { DeviceError } from "../../../runtime/device/error.ts";
import { ListenerError } from "../../../runtime/modules.ts";
import { Allowance } from "../../../runtime/parallel/allowance.ts";
import { Backoff } from "../../../runtime/parallel/backoff.ts";
import { CountersPage, noCounters } from "../../../runtime/parallel/counters_page.ts";
import { packError, unpackError } from "../../../runtime/parallel/portable_error.ts";
import { queuesOf, withQueues } from "../../../runtime/parallel/queues.ts";
import { ALL_ASKED, nextToAsk } from "../../../runtime/parallel/strays.ts";
import { Stack } from "../../../stack/stack.ts";

Deno.test("an allowance is used up by the sender, and given back by the receiver", () => {
  const sender = new Allowance(100);
  const receiver = new Allowance(100, sender.memory);
  assert(sender.take(60));
  assert(sender.take(60), "the last message may reach beyond it");
  assert(!sender.take(1));
  receiver.give(60);
  assert(sender.take(1));
});

Deno.test("counters that one thread writes are read in another, name by name", () => {
  const stack = new Stack({
    link: {
      capabilities: { mtu: 1500, maxFrame: 1514, transmitChecksum: false, segmentation: false },
      transmit: () => true,
    },
    mac: "02:00:00:00:00:02",
    addresses: ["192.168.69.2/24"],
    random: () => 1,
  });
  const counted = structuredClone(stack.counters) as unknown as Record<
    string,
    Record<string, number>
  >;
  let number = 1;
  for (const layer of Object.values(counted)) for (const name in layer) layer[name] = number++;
  const page = new CountersPage();
  assertEquals(page.read(), noCounters());
  new CountersPage(page.memory).write(counted as unknown as Stack["counters"]);
  assertEquals(structuredClone(page.read()) as unknown, counted);
});

Deno.test("errors keep class, message and cause on their way between threads", () => {
  const there = (error: unknown) => unpackError(structuredClone(packError(error)));
  const device = there(new DeviceError("lost", 'interface "tap0" is gone'));
  assertInstanceOf(device, DeviceError);
  assertEquals([device.code, device.message], ["lost", 'interface "tap0" is gone']);

  const listener = { port: 80, module: "./app.ts" };
  const cause = new Deno.errors.NotCapable("Requires read access");
  const refused = there(new ListenerError(listener, "it does not start", { cause }));
  assertInstanceOf(refused, ListenerError);
  assertEquals(refused.message, "port 80 (./app.ts): it does not start");
  assertEquals(refused.listener, listener);
  assertInstanceOf(refused.cause, Deno.errors.NotCapable);

  const own = there(new TypeError("no"));
  assertEquals([own.name, own.message], ["TypeError", "no"]);
  assert(own.stack?.includes("parts_test.ts"));
  assertEquals(there("a text").message, "a text");
});

Deno.test("a Worker that dies now and then is started at once, one that cannot live ever later", () => {
  const backoff = new Backoff();
  const die = (begun: number, ended: number) => {
    backoff.begin(begun);
    return backoff.end(ended);
  };
  assertEquals(die(0, 20_000), 0);
  assertEquals(die(20_000, 40_000), 0);
  assertEquals([1, 2, 3, 4].map((second) => die(40_000, 40_000 + second)), [100, 200, 400, 800]);
  for (let i = 0; i < 10; i++) die(50_000, 50_001);
  assertEquals(die(50_000, 50_001), 5_000);
  assertEquals(die(60_000, 70_000), 0);
});

Deno.test("a stray is first shown to whoever is likely to know it, then to all others once", () => {
  assertEquals(nextToAsk(0b0001, 0b1111, 2), 2);
  assertEquals(nextToAsk(0b0101, 0b1111, 2), 1);
  assertEquals(nextToAsk(0b0111, 0b1111, 2), 3);
  assertEquals(nextToAsk(0b1111, 0b1111, 2), -1);
  assertEquals(nextToAsk(0b0001, 0b0001, 1), -1, "nobody else serves");
  assertEquals(nextToAsk(0b0001, 0b1011, 2), 1, "who is likely does not serve");
  assertEquals(nextToAsk(1, -1 << 31, 31), 31, "the highest of all");
  assertEquals(nextToAsk(1, -1 << 31, -943), 31, "a port that nobody chooses");
  assertEquals(nextToAsk(ALL_ASKED, -1, 1), -1);
});

Deno.test("the number of queues is set for all TAPs at once", () => {
  const config = parseConfig({
    interfaces: ["1", "2"].map((net) => ({
      device: { type: "tap", name: `tap${net}` },
      addresses: [`10.0.${net}.2/24`],
    })),
  });
  assertEquals(queuesOf(config), 1);
  const more = withQueues(config, 3);
  assertEquals(queuesOf(more), 3);
  assertEquals(more.interfaces.map(({ device }) => device.type === "tap" && device.queues), [3, 3]);
});
