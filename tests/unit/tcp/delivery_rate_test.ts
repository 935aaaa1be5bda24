// draft-ietf-ccwg-bbr section 4.1: delivery rate samples, over ranges instead of packets.
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { Flight } from "../../../stack/tcp/flight.ts";
import type { Transmission } from "../../../stack/tcp/transmission.ts";

const MSS = 1000;

/** A flight that is told when what is sent and acknowledged, in segments. */
class Sampler {
  readonly flight = new Flight();
  now = 0;
  sent = 0;
  readonly #observer = {
    delivered: (range: Transmission) => this.flight.delivery.arrived(range, this.now),
  };

  get delivery() {
    return this.flight.delivery;
  }

  send(segments: number, at: number): void {
    this.now = at;
    for (let i = 0; i < segments; i++) {
      this.flight.append(this.sent * MSS, (this.sent + 1) * MSS, at);
      this.sent++;
    }
  }

  /** All up to a segment is acknowledged, and perhaps some beyond. */
  ack(una: number, at: number, sacked?: [number, number], minRtt = 0): number {
    this.now = at;
    this.delivery.begin();
    this.flight.acknowledge(una * MSS, this.#observer);
    if (sacked !== undefined) {
      this.flight.sack(sacked[0] * MSS, sacked[1] * MSS, this.#observer);
    }
    this.delivery.finish(minRtt);
    return this.delivery.rate;
  }
}

Deno.test("a rate is what was delivered since a segment was sent, by the time that took", () => {
  const s = new Sampler();
  s.send(10, 0);
  assertAlmostEquals(s.ack(2, 100), 2 * MSS / 100);
  assertAlmostEquals(s.ack(10, 104), 10 * MSS / 104);
  assertEquals(s.delivery.delivered, 10 * MSS);
  assertEquals(s.delivery.newlyDelivered, 8 * MSS);
});

Deno.test("on a path of one segment a millisecond each round says so, from the second on", () => {
  const s = new Sampler();
  // Ten segments are in flight, one more leaves with each acknowledgment; the path takes 10 ms.
  for (let i = 0; i < 10; i++) s.send(1, i);
  for (let i = 0; i < 40; i++) {
    const rate = s.ack(i + 1, 10 + i);
    if (i >= 10) assertAlmostEquals(rate, MSS);
    s.send(1, 10 + i);
  }
});

Deno.test("acknowledgments that come in a clump do not make the path faster than what was sent", () => {
  const s = new Sampler();
  // The acknowledgment of the first is held up for 100 ms, all others for no more than 10.
  for (let i = 0; i < 100; i++) s.send(1, i);
  s.ack(1, 100);
  s.send(1, 100);
  // A hundred came within 10 ms, and yet took 100 to be sent.
  assertAlmostEquals(s.ack(101, 110), MSS);
});

Deno.test("what is reported ahead counts when it is reported, and not again", () => {
  const s = new Sampler();
  s.send(10, 0);
  s.ack(0, 100, [4, 10]);
  assertEquals(s.delivery.newlyDelivered, 6 * MSS);
  s.ack(10, 101);
  assertEquals(s.delivery.newlyDelivered, 4 * MSS);
  assertEquals(s.delivery.delivered, 10 * MSS);
});

Deno.test("an acknowledgment that delivers nothing says nothing", () => {
  const s = new Sampler();
  s.send(10, 0);
  s.ack(5, 100);
  assertEquals(s.ack(5, 101), 0);
  assertEquals(s.delivery.priorDelivered, -1);
});

Deno.test("a sample in less than the smallest round-trip time is none", () => {
  const s = new Sampler();
  s.send(10, 0);
  assertEquals(s.ack(5, 4, undefined, 5), 0);
  assert(s.ack(10, 5, undefined, 5) > 0);
});

Deno.test("after a pause only the time since is counted", () => {
  const s = new Sampler();
  s.send(4, 0);
  s.ack(4, 10);
  s.send(4, 1000);
  assertAlmostEquals(s.ack(8, 1010), 4 * MSS / 10);
});

Deno.test("what is sent after the application had paused is marked, until it is delivered", () => {
  const s = new Sampler();
  s.send(4, 0);
  s.delivery.limitedByApplication(s.flight.pipe);
  s.send(2, 1);
  s.ack(4, 100);
  assert(!s.delivery.isAppLimited, "sent before the pause");
  s.ack(6, 101);
  assert(s.delivery.isAppLimited);
  s.send(2, 102);
  s.ack(8, 202);
  assert(!s.delivery.isAppLimited, "sent when the pause was over");
});

Deno.test("a sample knows what was lost since its range was sent, and what was in flight then", () => {
  const s = new Sampler();
  s.send(10, 0);
  s.flight.markFirstLost(MSS);
  s.send(1, 50);
  s.ack(0, 100, [1, 10]);
  assertEquals([s.delivery.sampleLost, s.delivery.txInFlight], [MSS, 10 * MSS]);
  s.ack(0, 150, [10, 11]);
  assertEquals([s.delivery.sampleLost, s.delivery.txInFlight], [0, 10 * MSS]);
});

Deno.test("segments of one burst, split again by what becomes of them, know what was in flight after each", () => {
  const s = new Sampler();
  s.send(10, 0);
  assertEquals(s.flight.head!.end, 10 * MSS, "one range");
  for (const [una, inFlight] of [[1, 1], [4, 4], [9, 9], [10, 10]]) {
    s.ack(una!, 100 + una!);
    assertEquals(s.delivery.txInFlight, inFlight! * MSS);
  }
});

Deno.test("what leaves in the same millisecond as an acknowledgment came is a range of its own", () => {
  const s = new Sampler();
  s.send(4, 0);
  s.ack(1, 10);
  s.send(2, 10);
  s.ack(2, 10);
  s.send(2, 10);
  s.ack(6, 20);
  // Two of the four had arrived when the third and the fourth pair were sent, not one.
  assertEquals(s.delivery.priorDelivered, MSS);
  s.ack(8, 20);
  assertEquals(s.delivery.priorDelivered, 2 * MSS);
});

Deno.test("a segment that was sent again is judged by the second sending", () => {
  const s = new Sampler();
  s.send(4, 0);
  s.flight.markFirstLost(MSS);
  s.ack(0, 100, [1, 4]);
  s.now = 100;
  s.flight.markRepeated(s.flight.firstLost!, MSS, 100);
  s.ack(4, 200);
  assertEquals(s.delivery.priorDelivered, 3 * MSS);
  assertEquals(s.delivery.txInFlight, MSS);
  assertAlmostEquals(s.delivery.rate, MSS / 100);
});

Deno.test("a retransmission that is lost as well is lost twice", () => {
  const s = new Sampler();
  s.send(4, 0);
  s.flight.markFirstLost(MSS);
  s.flight.markRepeated(s.flight.firstLost!, MSS, 100);
  s.flight.markLost(s.flight.head!);
  assertEquals(s.delivery.lost, 2 * MSS);
  s.flight.markLost(s.flight.head!);
  assertEquals(s.delivery.lost, 2 * MSS, "it was not sent in between");
});
