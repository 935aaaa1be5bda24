import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Flight } from "../../../stack/tcp/flight.ts";
import type { Transmission } from "../../../stack/tcp/transmission.ts";

/** What the model knows of one byte in flight. */
interface Byte {
  sacked: boolean;
  lost: boolean;
  repeated: boolean;
}

/** A flight, and beside it the same byte by byte. */
class Pair {
  readonly flight = new Flight();
  /** From SND.UNA on. */
  bytes: Byte[] = [];
  una: number;
  now = 0;
  /** Bytes that the flight has reported as delivered. */
  delivered = 0;
  readonly observer = {
    delivered: (range: Transmission) => {
      assert(!range.sacked, "nothing is delivered twice");
      this.delivered += (range.end - range.start) | 0;
    },
  };

  constructor(una: number) {
    this.una = una;
  }

  at(offset: number): number {
    return (this.una + offset) | 0;
  }

  append(length: number): void {
    this.flight.append(this.at(this.bytes.length), this.at(this.bytes.length + length), this.now);
    for (let i = 0; i < length; i++) {
      this.bytes.push({ sacked: false, lost: false, repeated: false });
    }
  }

  acknowledge(count: number): void {
    count = Math.min(count, this.bytes.length);
    const gone = this.bytes.splice(0, count);
    this.una = (this.una + count) | 0;
    this.flight.acknowledge(this.una, this.observer);
    this.#delivers(gone.filter(({ sacked }) => !sacked).length);
  }

  sack(from: number, length: number): void {
    const to = Math.min(from + length, this.bytes.length);
    if (from >= to) return;
    const fresh = this.bytes.slice(from, to).filter(({ sacked }) => !sacked);
    assert(this.flight.sack(this.at(from), this.at(to), this.observer));
    for (const byte of fresh) Object.assign(byte, { sacked: true, lost: false, repeated: false });
    this.#delivers(fresh.length);
  }

  /** Gives up the n-th of those that RACK looks at. */
  lose(n: number): void {
    let range = this.flight.oldest;
    while (range !== undefined && n-- > 0) range = range.later;
    if (range === undefined) return;
    for (const byte of this.bytesOf(range)) Object.assign(byte, { lost: true, repeated: false });
    this.flight.markLost(range);
  }

  repeat(length: number): void {
    const range = this.flight.firstLost;
    if (range === undefined) return;
    const some = Math.min(length, (range.end - range.start) | 0);
    for (const byte of this.bytesOf(range).slice(0, some)) byte.repeated = true;
    this.flight.markRepeated(range, some, this.now);
  }

  probe(length: number): void {
    const range = this.flight.lastRange(length);
    assertEquals(range === undefined, this.bytes.at(-1)?.sacked ?? true);
    if (range === undefined) return;
    assertEquals(range.end, this.at(this.bytes.length));
    const bytes = this.bytesOf(range);
    assert(bytes.length <= length);
    for (const byte of bytes) if (byte.lost) byte.repeated = true;
    this.flight.markRepeated(range, bytes.length, this.now);
  }

  loseFirst(length: number): void {
    const first = this.bytes[0];
    const may = first !== undefined && !first.sacked && !(first.lost && !first.repeated);
    const range = this.flight.head;
    const some = range === undefined ? 0 : Math.min(length, this.bytesOf(range).length);
    assertEquals(this.flight.markFirstLost(length), may);
    if (!may) return;
    for (const byte of this.bytes.slice(0, some)) {
      Object.assign(byte, { lost: true, repeated: false });
    }
  }

  loseAll(): void {
    this.flight.markAllLost();
    for (const byte of this.bytes) {
      if (!byte.sacked) Object.assign(byte, { lost: true, repeated: false });
    }
  }

  undo(): void {
    this.flight.unmarkLost();
    for (const byte of this.bytes) Object.assign(byte, { lost: false, repeated: false });
  }

  forget(): void {
    this.flight.forgetSacked();
    for (const byte of this.bytes) byte.sacked = false;
  }

  bytesOf(range: Transmission): Byte[] {
    return this.bytes.slice((range.start - this.una) | 0, (range.end - this.una) | 0);
  }

  #delivers(count: number): void {
    assertEquals(this.delivered, count);
    this.delivered = 0;
  }

  /** The ranges are the bytes, the lists are whole, the counters are right. */
  check(): void {
    const { flight, bytes } = this;
    const found: Byte[] = [];
    const waiting = new Set<Transmission>();
    let previous: Transmission | undefined;
    for (let range = flight.head; range !== undefined; range = range.next) {
      assertEquals(range.start, this.at(found.length));
      assert(((range.end - range.start) | 0) > 0);
      assert(range.previous === previous);
      assert(!(range.sacked && previous?.sacked), "sacked neighbors are one");
      const { sacked, lost, repeated } = range;
      for (let seq = range.start; seq !== range.end; seq = (seq + 1) | 0) {
        found.push({ sacked, lost, repeated });
      }
      assertEquals(range.timed, !sacked && (!lost || repeated));
      if (range.timed) waiting.add(range);
      previous = range;
    }
    assert(flight.tail === previous);
    assertEquals(found, bytes);

    let earlier: Transmission | undefined;
    for (let range = flight.oldest; range !== undefined; range = range.later) {
      assert(waiting.delete(range), "in the order of sending once");
      assert(range.earlier === earlier);
      assert(earlier === undefined || earlier.sentAt <= range.sentAt, "the order of sending");
      earlier = range;
    }
    assertEquals(waiting.size, 0);

    const count = (is: (byte: Byte) => boolean) => bytes.filter(is).length;
    assertEquals(
      [flight.bytes, flight.sackedBytes, flight.lostBytes, flight.repeatedBytes, flight.pipe],
      [
        bytes.length,
        count(({ sacked }) => sacked),
        count(({ lost }) => lost),
        count(({ repeated }) => repeated),
        count(({ sacked, lost, repeated }) => !sacked && (!lost || repeated)),
      ],
    );
    const first = bytes.findIndex(({ lost, repeated }) => lost && !repeated);
    const firstLost = flight.firstLost;
    assertEquals(firstLost === undefined ? -1 : (firstLost.start - this.una) | 0, first);
  }
}

const offset = fc.nat({ max: 120 });
const length = fc.integer({ min: 1, max: 40 });
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("append" as const), length }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("sack" as const), from: offset, length }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("acknowledge" as const), length }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("lose" as const), n: fc.nat({ max: 6 }) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("repeat" as const), length }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("wait" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("probe" as const), length }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("loseFirst" as const), length }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("loseAll" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("undo" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("forget" as const) }) },
);

Deno.test("whatever happens to it, a flight is what a model of single bytes is", () => {
  const base = fc.constantFrom(0, 0x7fff_ffe0, -40, -(2 ** 31));
  const steps = fc.array(step, { size: "max", maxLength: 80 });
  fc.assert(
    fc.property(base, steps, (una, steps) => {
      const pair = new Pair(una);
      for (const step of steps) {
        switch (step.do) {
          case "append":
            pair.append(step.length);
            break;
          case "sack":
            pair.sack(step.from, step.length);
            break;
          case "acknowledge":
            pair.acknowledge(step.length);
            break;
          case "lose":
            pair.lose(step.n);
            break;
          case "repeat":
            pair.repeat(step.length);
            break;
          case "wait":
            pair.now++;
            break;
          case "probe":
            pair.probe(step.length);
            break;
          case "loseFirst":
            pair.loseFirst(step.length);
            break;
          default:
            pair[step.do]();
        }
        pair.check();
      }
      pair.flight.clear();
      pair.bytes = [];
      pair.check();
    }),
    { numRuns: 400 },
  );
});

Deno.test("what is sent at one time is one range, however many segments it is", () => {
  const pair = new Pair(0);
  for (let i = 0; i < 10; i++) pair.append(10);
  assert(pair.flight.head === pair.flight.tail);
  pair.now++;
  pair.append(10);
  assert(pair.flight.head !== pair.flight.tail);
  pair.check();
});

Deno.test("an undo puts what was lost back in the order of sending", () => {
  const pair = new Pair(0);
  for (; pair.now < 4; pair.now++) pair.append(10);
  pair.lose(0);
  pair.lose(0);
  pair.undo();
  assertEquals(pair.flight.oldest?.start, 0);
  pair.check();
});

/** Number of ranges. */
function countOf(flight: Flight): number {
  let count = 0;
  for (let range = flight.head; range !== undefined; range = range.next) count++;
  return count;
}

Deno.test("a peer that reports every second byte makes no more than a thousand holes", () => {
  const { flight, observer } = new Pair(0);
  const size = 100_000;
  flight.append(0, size, 0);
  let believed = 0;
  for (let i = 1; i < size; i += 2) if (flight.sack(i, i + 1, observer)) believed++;
  assertEquals([believed, flight.sackedBytes, countOf(flight)], [1_024, 1_024, 2_049]);
  // What is next to what the peer has makes no piece, and what is reported whole takes one away.
  assert(flight.sack(2_047, 2_050, observer));
  assertEquals([flight.sackedBytes, countOf(flight)], [1_026, 2_049]);
  assert(!flight.sack(90_001, 90_002, observer));
  assert(flight.sack(0, 2, observer));
  assertEquals([flight.sackedBytes, countOf(flight)], [1_027, 2_048]);
  assert(flight.sack(90_001, 90_002, observer), "there is room again");
  assert(flight.sack(0, size, observer));
  assertEquals([flight.sackedBytes, countOf(flight)], [size, 1]);
});

Deno.test("what a peer has forgotten leaves no room for more pieces", () => {
  const { flight, observer } = new Pair(0);
  flight.append(0, 100_000, 0);
  for (let first = 1; first < 90_000; first += 10_000) {
    for (let i = first; i < first + 9_000; i += 2) flight.sack(i, i + 1, observer);
    flight.forgetSacked();
    assert(countOf(flight) <= 2_049, `${countOf(flight)} ranges`);
  }
});

Deno.test("of 350 holes in 16 MB none is taken for an attack, though all of it left at one time", () => {
  const { flight, observer } = new Pair(0);
  const segments = 11_500, size = 1_460;
  flight.append(0, segments * size, 0);
  for (let i = 0; i < segments; i++) {
    if (i % 33 !== 0) assert(flight.sack(i * size, (i + 1) * size, observer));
  }
});

Deno.test("of 10,000 ranges an acknowledgment looks at a few, wherever its blocks lie", () => {
  const { flight, observer } = new Pair(0);
  const ranges = 10_000;
  for (let i = 0; i < ranges; i++) flight.append(i * 10, i * 10 + 10, i);
  let looks = 0;
  for (let range = flight.head; range !== undefined; range = range.next) {
    countReads(range, () => looks++);
  }
  const most = (work: () => void) => {
    looks = 0;
    work();
    // A tree of so many is 18 high at most: it is gone down and up again, with both neighbors seen.
    assert(looks < 600, `${looks} looks`);
  };
  for (let i = 1; i < 1_000; i += 2) {
    for (const at of [i, 9_000 - i, 3_000 + i, 7_000 - i]) {
      most(() => assert(flight.sack(at * 10, at * 10 + 10, observer)));
    }
  }
  // A loss at either end in turn: the lowest is found without a look at those between.
  const first = flight.head!, last = flight.tail!;
  for (let now = ranges; now < ranges + 100; now++) {
    for (const range of [last, first]) {
      most(() => {
        flight.markLost(range);
        assert(flight.firstLost === range);
        flight.markRepeated(range, 10, now);
        assertEquals(flight.firstLost, undefined);
      });
    }
  }
});

/** Has each reading of what a walk reads told. */
function countReads(range: Transmission, read: () => void): void {
  for (const name of ["start", "end", "lost", "next"] as const) {
    let value = range[name];
    Object.defineProperty(range, name, {
      get: () => (read(), value),
      set: (to: typeof value) => value = to,
    });
  }
}
