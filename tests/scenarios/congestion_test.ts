// Congestion controls on one bottleneck, in virtual time: what they are for.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { network } from "../../runtime/testing/network.ts";
import { scenario } from "../../runtime/testing/scenario.ts";
import { StackError } from "../../stack/error.ts";
import { IpAddress } from "../../stack/ip/address.ts";
import type { CongestionName } from "../../stack/tcp/congestion.ts";
import { shareBottleneck } from "../support/bottleneck.ts";

/** The payload's part of 100 Mbit/s: frames of 1514 bytes carry 1448. */
const FULL = 95.6;

for (const [rtt, warmUp] of [[2, 1], [20, 1], [100, 3]] as const) {
  Deno.test(`BBR fills 100 Mbit/s over ${rtt} ms and keeps the queue short`, async () => {
    const { rates, rtt: mean } = await shareBottleneck(["bbr"], { rate: 100, rtt }, 2, warmUp);
    assert(rates[0]! >= 0.94 * FULL, `${rates[0]} Mbit/s`);
    assert(mean <= 1.25 * rtt + 1, `${mean} ms`);
  });
}

for (
  const { rtt, loss, least, ratio } of [
    { rtt: 2, loss: 0.01, least: 80, ratio: 1.2 },
    { rtt: 20, loss: 0.01, least: 60, ratio: 5 },
    { rtt: 100, loss: 0.01, least: 50, ratio: 10 },
    { rtt: 2, loss: 0.03, least: 50, ratio: 1.5 },
    { rtt: 20, loss: 0.03, least: 10, ratio: 2.5 },
    { rtt: 100, loss: 0.03, least: 3, ratio: 4 },
  ]
) {
  Deno.test(`at ${loss * 100} % loss and ${rtt} ms BBR is ${ratio} times as fast as CUBIC`, async () => {
    const path = { rate: 100, rtt, loss };
    const bbr = await shareBottleneck(["bbr"], path, 3, 1);
    const cubic = await shareBottleneck(["cubic"], path, 3, 1);
    assert(bbr.rates[0]! >= least, `${bbr.rates[0]} Mbit/s`);
    // Nothing overtakes on this path: whatever was sent again had to be.
    assertEquals([bbr.undone, cubic.undone], [0, 0]);
    assert(bbr.rates[0]! >= ratio * cubic.rates[0]!, `${bbr.rates[0]}, ${cubic.rates[0]} Mbit/s`);
  });
}

for (
  const [flows, queue, most] of [
    [["bbr", "bbr"], 250_000, 0.6],
    [["cubic", "cubic"], 250_000, 0.6],
    [["bbr", "cubic"], 250_000, 0.7],
    [["bbr", "cubic"], 60_000, 0.7],
    [["bbr", "reno"], 60_000, 0.8],
  ] as const
) {
  const names = flows.join(" and ");
  Deno.test(`${names} share a bottleneck with room for ${queue} bytes, and fill it`, async () => {
    const { rates } = await shareBottleneck([...flows], { rate: 100, rtt: 20, queue }, 6, 3);
    const sum = rates[0]! + rates[1]!;
    assert(sum >= 0.9 * FULL, `${rates}`);
    assert(Math.max(...rates) <= most * sum, `${rates}`);
  });
}

Deno.test("congestion control is that of the listener, else that of the stack", async () => {
  for (
    const [stack, listener, paced] of [
      ["cubic", undefined, false],
      ["cubic", "bbr", true],
      ["bbr", undefined, true],
      ["bbr", "reno", false],
    ] as const
  ) {
    let atOnce = 0;
    let sentAt = -1;
    await using net = network({
      tcp: { congestion: stack },
      path: { delay: 10 },
      tap({ address }, frame, now) {
        if (address !== "10.0.0.2" || frame.length < 1000) return;
        if (sentAt < 0) sentAt = now;
        if (now === sentAt) atOnce++;
      },
    });
    net.server.stack.listen({ port: 80, congestion: listener }, (connection) => {
      connection.write(new Uint8Array(50_000));
    });
    await net.run(() => net.client.connect({ hostname: net.server.address, port: 80 }));
    await net.advance(15);
    // The initial window at once, or the first burst of it.
    assertEquals(atOnce < 10, paced, `${stack} ${listener}: ${atOnce} segments`);
  }
});

Deno.test("congestion control of a connection outwards is what was asked for", async () => {
  for (const congestion of ["cubic", "bbr"] as const) {
    const sent: number[] = [];
    await using net = network({
      path: { delay: 10 },
      tap: ({ address }, frame, now) => {
        if (address === "10.0.0.1" && frame.length > 1000) sent.push(now);
      },
    });
    await net.server.serve(80, { flow: (flow) => flow.readable.pipeTo(flow.writable) });
    const options = { hostname: net.server.address, port: 80, congestion };
    const flow = await net.run(() => net.client.connect(options));
    await net.run(() => flow.write(new Uint8Array(14_000)));
    await net.advance(15);
    assertEquals(sent.every((at) => at === sent[0]), congestion === "cubic");
  }
});

Deno.test("a congestion control that does not exist is refused by name", () => {
  const { stack } = scenario();
  const congestion = "vegas" as CongestionName;
  const message = 'congestion control "vegas": expected "cubic" or "reno" or "bbr"';
  assertThrows(() => stack.listen({ port: 80, congestion }, () => {}), StackError, message);
  const address = IpAddress.parse("10.0.0.1")!;
  const outcome = { established() {}, failed() {} };
  assertThrows(
    () => stack.connect({ address, port: 80, congestion }, outcome),
    StackError,
    message,
  );
  assertThrows(() => network({ tcp: { congestion } }), StackError, message);
});

Deno.test("a paced flow that is closed, reset or starved leaves no timer behind", async () => {
  for (const how of ["close", "abort"] as const) {
    await using net = network({ tcp: { congestion: "bbr" }, path: { delay: 10, rate: 10e6 } });
    await net.server.serve(80, { flow: (flow) => flow.readable.pipeTo(new WritableStream()) });
    const flow = await net.run(() =>
      net.client.connect({ hostname: net.server.address, port: 80 })
    );
    const written = flow.write(new Uint8Array(100_000)).catch(() => {});
    await net.advance(50);
    flow[how]();
    await net.run(() => written);
    await net.advance(120_000);
    assertEquals(net.client.stack.census().timers, 0);
    assertEquals(net.client.stack.census().connections, 0);
  }
});
