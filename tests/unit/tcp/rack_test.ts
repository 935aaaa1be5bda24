import { assertEquals } from "@std/assert";
import { Flight } from "../../../stack/tcp/flight.ts";
import { Rack } from "../../../stack/tcp/rack.ts";
import type { Transmission } from "../../../stack/tcp/transmission.ts";

const MSS = 10;
const RTT = 100;

/** Segments of ten bytes, one sent each millisecond. */
function setUp(count: number) {
  const flight = new Flight();
  const rack = new Rack();
  for (let i = 0; i < count; i++) flight.append(i * MSS, (i + 1) * MSS, i);
  const arrive = (i: number, now: number, isOriginal = false) => {
    flight.sack(i * MSS, (i + 1) * MSS, {
      delivered(range: Transmission) {
        rack.delivered(range, isOriginal, now);
        if (!range.retransmitted) rack.measured(now - range.sentAt, now);
      },
    });
  };
  const detect = (now: number, inRecovery = false) =>
    rack.detect(flight, inRecovery, RTT, MSS, now);
  const lost = () => {
    const found: number[] = [];
    for (let range = flight.head; range !== undefined; range = range.next) {
      if (!range.lost || range.repeated) continue;
      for (let seq = range.start; seq < range.end; seq += MSS) found.push(seq / MSS);
    }
    return found;
  };
  const repeat = (now: number) => flight.markRepeated(flight.firstLost!, MSS, now);
  return { flight, rack, arrive, detect, lost, repeat };
}

Deno.test("before anything has arrived nothing is lost", () => {
  const { detect, lost } = setUp(5);
  assertEquals([detect(100_000), lost()], [0, []]);
});

Deno.test("a segment is waited for a quarter of a round trip after one sent later has arrived", () => {
  const { arrive, detect, lost } = setUp(5);
  arrive(1, 1 + RTT);
  assertEquals([detect(1 + RTT), lost()], [RTT / 4 - 1, []]);
  assertEquals([detect(RTT + RTT / 4), lost()], [0, [0]]);
});

Deno.test("three segments beyond a hole, or a recovery under way, end the waiting", () => {
  const { arrive, detect, lost } = setUp(5);
  arrive(1, 101);
  arrive(2, 102);
  detect(102);
  assertEquals(lost(), []);
  arrive(3, 103);
  detect(103);
  assertEquals(lost(), [0]);
  const other = setUp(5);
  other.arrive(1, 101);
  other.detect(101, true);
  assertEquals(other.lost(), [0]);
});

Deno.test("where reordering was seen, every hole is waited for", () => {
  const { arrive, detect, lost, rack } = setUp(10);
  arrive(1, 101);
  arrive(0, 102);
  assertEquals(rack.reorderingSeen, true);
  for (const i of [3, 4, 5, 6]) arrive(i, 100 + i);
  detect(106, true);
  assertEquals(lost(), []);
});

Deno.test("a hole filled by a retransmission is no reordering", () => {
  const { arrive, detect, repeat, rack } = setUp(5);
  for (const i of [1, 2, 3]) arrive(i, 100 + i);
  detect(103);
  repeat(104);
  arrive(0, 204);
  assertEquals(rack.reorderingSeen, false);
});

Deno.test("a retransmission is lost when something sent after it has arrived", () => {
  const { flight, arrive, detect, lost, repeat } = setUp(5);
  for (const i of [1, 2, 3]) arrive(i, 100 + i);
  detect(103);
  repeat(104);
  flight.append(5 * MSS, 6 * MSS, 105);
  assertEquals(lost(), []);
  arrive(5, 205);
  detect(205, true);
  assertEquals(lost(), [0, 4], "4 was sent before too");
});

Deno.test("an acknowledgment of a retransmission that may be the original's says nothing", () => {
  for (const [now, isOriginal] of [[150, false], [205, true]] as const) {
    const { flight, arrive, detect, lost, repeat } = setUp(5);
    for (const i of [2, 3, 4]) arrive(i, 100 + i);
    detect(104);
    assertEquals(lost(), [0, 1]);
    flight.append(5 * MSS, 6 * MSS, 104);
    repeat(105);
    arrive(0, now, isOriginal);
    detect(now, true);
    assertEquals(lost(), [1]);
  }
});

Deno.test("each round with a D-SACK widens the window by a quarter, up to a round trip, for 16 recoveries", () => {
  const { arrive, detect, rack } = setUp(5);
  arrive(1, 101);
  const wait = () => detect(101) + 1;
  assertEquals(wait(), 25);
  rack.duplicateReported(0, 50);
  rack.duplicateReported(40, 60);
  assertEquals(wait(), 50, "one for a round");
  rack.duplicateReported(50, 70);
  assertEquals(wait(), 75);
  for (let i = 0; i < 15; i++) rack.recovered();
  assertEquals(wait(), 75);
  rack.recovered();
  assertEquals(wait(), 25);
  for (let i = 1; i < 10; i++) rack.duplicateReported(100 * i, 100 * i + 1);
  assertEquals(wait(), 100, "at most the smoothed round-trip time");
});

Deno.test("after a timeout the first is lost, and what left more than a round trip ago", () => {
  const { flight, rack, arrive, lost } = setUp(5);
  arrive(2, 102);
  flight.append(5 * MSS, 6 * MSS, 250);
  rack.markLostOnTimeout(flight, RTT, MSS, 300);
  assertEquals(lost(), [0, 1, 3, 4]);
});
