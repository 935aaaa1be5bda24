import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { encodePacket } from "../../../runtime/testing/packet_encode.ts";
import { Ipv4Counters } from "../../../stack/counters.ts";
import {
  MAX_BYTES,
  MAX_DATAGRAMS,
  MAX_FRAGMENTS,
  Reassembly,
  TIMEOUT,
} from "../../../stack/ip/reassembly.ts";
import * as ipv4 from "../../../stack/wire/ipv4.ts";
import { Station } from "../../support/station.ts";

/** One piece of a datagram: the bytes from `start` on. */
interface Piece {
  start: number;
  bytes: Uint8Array;
  last: boolean;
  id?: number;
  source?: string;
  destination?: string;
  protocol?: number;
  options?: Uint8Array;
}

/** A reassembly, and what came of it. */
class Setup {
  readonly counters = new Ipv4Counters();
  readonly expired: Uint8Array[] = [];
  readonly reassembly = new Reassembly(this.counters, (packet) => this.expired.push(packet));
  now = 0;

  /** Adds a piece; the payload of the whole if this completed it. */
  add(piece: Piece): number[] | undefined {
    const { start, bytes, last, id = 1, options } = piece;
    const { source = "10.0.0.1", destination = "10.0.0.2", protocol = 17 } = piece;
    const frame = encodePacket({
      ethernet: { destination: "02:00:00:00:00:02", source: "02:00:00:00:00:01" },
      ip: {
        source,
        destination,
        protocol,
        df: false,
        mf: !last,
        fragmentOffset: start,
        id,
        options,
      },
      payload: bytes,
    });
    const whole = this.reassembly.add(frame, 14, this.now);
    frame.fill(0xee); // the frame was only lent
    if (whole === undefined) return undefined;
    assertEquals(ipv4.fault(whole, 0, whole.length), undefined);
    assertEquals([...whole.subarray(ipv4.FRAGMENT, ipv4.FRAGMENT + 2)], [0, 0]);
    return [...whole.subarray(ipv4.headerLength(whole, 0))];
  }

  /** Bytes and datagrams that are still held, seen from outside: what times out. */
  drain(): number {
    const before = this.counters.droppedReassemblyTimeout;
    this.now += TIMEOUT;
    this.reassembly.poll(this.now);
    return this.counters.droppedReassemblyTimeout - before;
  }
}

function numbers(length: number, from = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => from + i);
}

/** A payload cut at multiples of 8, as pieces in order. */
const cutPayload = fc.tuple(
  fc.uint8Array({ minLength: 9, maxLength: 800, size: "max" }),
  fc.array(fc.nat(99), { maxLength: 20, size: "max" }),
).map(([payload, cuts]) => {
  const starts = [...new Set([0, ...cuts.map((cut) => cut * 8)])]
    .filter((start) => start < payload.length).sort((a, b) => a - b);
  const pieces = starts.map((start, i): Piece => {
    const end = starts[i + 1] ?? payload.length;
    return { start, bytes: payload.slice(start, end), last: end === payload.length };
  });
  return { payload: [...payload], pieces };
});

Deno.test("pieces in any order, some of them twice, give the datagram exactly once", () => {
  fc.assert(
    fc.property(
      cutPayload.chain(({ payload, pieces }) =>
        fc.record({
          payload: fc.constant(payload),
          count: fc.constant(pieces.length),
          order: fc.shuffledSubarray(pieces, { minLength: pieces.length }),
          again: fc.array(fc.tuple(fc.constantFrom(...pieces), fc.nat(30)), { maxLength: 5 }),
        })
      ),
      ({ payload, count, order, again }) => {
        const t = new Setup();
        const arrivals = [...order];
        // Repetitions stand before the piece that completes the datagram.
        for (const [piece, at] of again) arrivals.splice(at % arrivals.length, 0, piece);
        const seen = new Set<Piece>();
        let duplicates = 0;
        let whole: number[] | undefined;
        for (const piece of arrivals) {
          if (whole !== undefined) break;
          if (seen.has(piece)) duplicates++;
          seen.add(piece);
          whole = t.add(piece);
        }
        assertEquals(whole, payload);
        assertEquals(t.counters.reassembled, 1);
        assertEquals(t.counters.droppedDuplicateFragment, duplicates);
        assertEquals(t.counters.fragmentsReceived, count + duplicates);
        assertEquals([t.drain(), t.reassembly.nextDeadline()], [0, Infinity]);
      },
    ),
    { numRuns: 500 },
  );
});

Deno.test("any overlap drops the datagram, and nothing is ever delivered of it", () => {
  fc.assert(
    fc.property(
      cutPayload.filter(({ pieces }) => pieces.length > 1).chain(({ pieces }) =>
        fc.record({
          pieces: fc.shuffledSubarray(pieces, { minLength: pieces.length }),
          victim: fc.constantFrom(...pieces),
          at: fc.nat(20),
        })
      ),
      ({ pieces, victim, at }) => {
        const t = new Setup();
        // The same place, another content: what an attacker would slip in.
        const bytes = victim.bytes.map((byte) => byte ^ 0xff);
        const forged = { ...victim, bytes };
        const arrivals = [...pieces];
        arrivals.splice(at % pieces.length, 0, forged);
        // A forgery that completes the datagram before its victim comes cannot be known for one.
        fc.pre(arrivals.at(-1) !== victim);
        for (const piece of arrivals) assertEquals(t.add(piece), undefined);
        assertEquals(t.counters.reassembled, 0);
        assertEquals(t.counters.droppedOverlap, pieces.length + 1);
        assertEquals(t.drain(), 0);
        // When its time is up, the identification is free for another datagram.
        assertEquals(t.expired, []);
        assertEquals(pieces.map((piece) => t.add(piece)).filter(Boolean).length, 1);
      },
    ),
    { numRuns: 500 },
  );
});

Deno.test("pieces that overlap in part drop the datagram", () => {
  const overlapping: [Piece, Piece][] = [
    [{ start: 0, bytes: numbers(16), last: false }, { start: 8, bytes: numbers(16), last: true }],
    [{ start: 8, bytes: numbers(16), last: true }, { start: 0, bytes: numbers(16), last: false }],
    [{ start: 0, bytes: numbers(32), last: false }, { start: 8, bytes: numbers(8), last: false }],
    [{ start: 8, bytes: numbers(8), last: false }, { start: 0, bytes: numbers(32), last: false }],
    [{ start: 8, bytes: numbers(8), last: false }, { start: 8, bytes: numbers(16), last: false }],
  ];
  for (const [first, second] of overlapping) {
    const t = new Setup();
    t.add(first);
    t.add(second);
    assertEquals(t.counters.droppedOverlap, 2);
    assertEquals(t.drain(), 0);
  }
});

Deno.test("pieces that disagree about the end drop the datagram", () => {
  const disagreeing: [Piece, Piece][] = [
    // Two ends.
    [{ start: 16, bytes: numbers(8), last: true }, { start: 8, bytes: numbers(8), last: true }],
    // More behind the end.
    [{ start: 8, bytes: numbers(8), last: true }, { start: 16, bytes: numbers(8), last: false }],
    [{ start: 16, bytes: numbers(8), last: false }, { start: 8, bytes: numbers(8), last: true }],
    // The same piece as the last one and not.
    [{ start: 8, bytes: numbers(8), last: true }, { start: 8, bytes: numbers(8), last: false }],
    [{ start: 8, bytes: numbers(8), last: false }, { start: 8, bytes: numbers(8), last: true }],
  ];
  for (const [first, second] of disagreeing) {
    const t = new Setup();
    t.add(first);
    t.add(second);
    assertEquals(t.counters.droppedOverlap, 2);
  }
});

Deno.test("a datagram is known by source, destination, protocol and identification", () => {
  const t = new Setup();
  const others = [
    {},
    { id: 2 },
    { source: "10.0.0.3" },
    { destination: "10.0.0.255" },
    { protocol: 1 },
  ];
  for (const [i, other] of others.entries()) {
    t.add({ start: 0, bytes: numbers(8, i * 10), last: false, ...other });
  }
  for (const [i, other] of [...others.entries()].reverse()) {
    assertEquals(t.add({ start: 8, bytes: numbers(1), last: true, ...other })?.[0], i * 10);
  }
});

Deno.test("impossible lengths and offsets are dropped piece by piece", () => {
  const t = new Setup();
  t.add({ start: 0, bytes: new Uint8Array(0), last: false });
  t.add({ start: 0, bytes: numbers(9), last: false });
  t.add({ start: 65528, bytes: numbers(8), last: true }); // the "ping of death"
  t.add({ start: 65512, bytes: numbers(4), last: true });
  assertEquals(t.counters.droppedBadFragment, 4);
  assertEquals(t.reassembly.nextDeadline(), Infinity);
});

Deno.test("a whole that its longer first header makes too long is dropped", () => {
  const t = new Setup();
  t.add({ start: 65512, bytes: numbers(3), last: true });
  for (let start = 8; start < 65512; start += 1024) {
    const length = Math.min(1024, 65512 - start);
    t.add({ start, bytes: new Uint8Array(length), last: false });
  }
  const options = Uint8Array.of(1, 1, 1, 0);
  assertEquals(t.add({ start: 0, bytes: numbers(8), last: false, options }), undefined);
  assertEquals(t.counters.droppedBadFragment, 66);
});

Deno.test("the header of the first fragment, with its options, is that of the whole", () => {
  const t = new Setup();
  t.add({ start: 8, bytes: numbers(8, 8), last: true });
  const options = Uint8Array.of(1, 1, 1, 0);
  assertEquals(t.add({ start: 0, bytes: numbers(8), last: false, options }), [...numbers(16)]);
});

Deno.test("time is up a fixed time after the first fragment, however many follow", () => {
  const t = new Setup();
  t.add({ start: 0, bytes: numbers(8), last: false });
  t.now = TIMEOUT - 1;
  t.add({ start: 16, bytes: numbers(8), last: true });
  assertEquals(t.reassembly.nextDeadline(), TIMEOUT);
  t.reassembly.poll(TIMEOUT - 0.1);
  assertEquals(t.counters.droppedReassemblyTimeout, 0);
  t.reassembly.poll(TIMEOUT);
  assertEquals(t.counters.droppedReassemblyTimeout, 2);
  assertEquals(t.expired.map((packet) => [...packet.subarray(20)]), [[...numbers(8)]]);
  assertEquals(t.reassembly.nextDeadline(), Infinity);
});

Deno.test("nothing is said of a datagram whose first fragment never came", () => {
  const t = new Setup();
  t.add({ start: 8, bytes: numbers(8), last: false });
  assertEquals(t.drain(), 1);
  assertEquals(t.expired, []);
});

Deno.test("datagrams are bounded; the oldest gives way", () => {
  const t = new Setup();
  for (let id = 0; id <= MAX_DATAGRAMS; id++) {
    t.add({ start: 0, bytes: numbers(8), last: false, id });
  }
  assertEquals(t.counters.droppedReassemblyFull, 1);
  assertEquals(t.add({ start: 8, bytes: numbers(1), last: true, id: 1 })?.length, 9);
  assertEquals(t.add({ start: 8, bytes: numbers(1), last: true, id: 0 }), undefined);
});

Deno.test("fragments of a datagram are bounded", () => {
  const t = new Setup();
  for (let i = 0; i <= MAX_FRAGMENTS; i++) {
    t.add({ start: i * 16, bytes: numbers(8), last: false });
  }
  assertEquals(t.counters.droppedReassemblyFull, MAX_FRAGMENTS + 1);
  assertEquals(t.reassembly.nextDeadline(), Infinity);
});

/** Fills the reassembly with as many bytes as it may hold: 32 datagrams of 32 KiB. */
function fill(t: Setup): void {
  for (let id = 0; id < MAX_BYTES / 32768; id++) {
    for (let start = 0; start < 32768; start += 1024) {
      t.add({ start, bytes: new Uint8Array(1024), last: false, id });
    }
  }
}

Deno.test("bytes are bounded for all datagrams together, the oldest gives way, and is free", () => {
  const t = new Setup();
  fill(t);
  assertEquals(t.counters.droppedReassemblyFull, 0);
  t.add({ start: 0, bytes: numbers(8), last: false, id: 100 });
  assertEquals(t.counters.droppedReassemblyFull, 32);
  assertEquals(t.drain(), MAX_BYTES / 1024 - 32 + 1);
  fill(t);
  assertEquals(t.counters.droppedReassemblyFull, 32);
});

Deno.test("a datagram that is the oldest itself gives way as a whole", () => {
  const t = new Setup();
  fill(t);
  t.add({ start: 32768, bytes: numbers(8), last: true, id: 0 });
  assertEquals(t.counters.droppedReassemblyFull, 33);
  t.add({ start: 32768, bytes: numbers(8), last: true, id: 1 });
  assertEquals(t.counters.reassembled, 1);
});

Deno.test("a datagram dropped for its overlaps holds no bytes", () => {
  const t = new Setup();
  for (let start = 0; start < 32768; start += 1024) {
    t.add({ start, bytes: new Uint8Array(1024), last: false, id: 100 });
  }
  t.add({ start: 8, bytes: numbers(8), last: false, id: 100 });
  fill(t);
  assertEquals(t.counters.droppedReassemblyFull, 0);
});

Deno.test("every fragment is either delivered, held or counted for one reason", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          start: fc.nat(12).map((units) => units * 8),
          bytes: fc.nat(40).map((length) => numbers(length)),
          last: fc.boolean(),
          id: fc.nat(2),
        }),
        { maxLength: 60, size: "max" },
      ),
      (pieces) => {
        const t = new Setup();
        let delivered = 0;
        for (const piece of pieces) {
          if (t.add(piece) !== undefined) delivered++;
        }
        const held = t.drain();
        const { counters } = t;
        const dropped = counters.droppedBadFragment + counters.droppedDuplicateFragment +
          counters.droppedOverlap + counters.droppedReassemblyFull + held;
        assertEquals(counters.fragmentsReceived, pieces.length);
        assertEquals(counters.reassembled, delivered);
        // Each datagram delivered took one fragment or more.
        assertEquals(pieces.length - dropped >= delivered, true);
        if (delivered === 0) assertEquals(dropped, pieces.length);
      },
    ),
    { numRuns: 500 },
  );
});

Deno.test("a ping in fragments is answered in fragments, byte for byte", () => {
  const station = new Station();
  station.introduce();
  const payload = Uint8Array.from({ length: 65507 }, (_, i) => i * 7 + (i >> 8));
  const whole = station.encode(station.ping(payload)).subarray(34);
  for (let start = 0; start < whole.length; start += 1480) {
    station.deliver({
      ip: {
        protocol: 1,
        id: 99,
        df: false,
        mf: start + 1480 < whole.length,
        fragmentOffset: start,
      },
      payload: whole.slice(start, start + 1480),
    });
  }
  const answer = new Setup();
  let echoed: Uint8Array | undefined;
  for (const frame of station.takeFrames()) {
    assertEquals(frame.length <= 1514, true);
    assertEquals(ipv4.fault(frame.bytes, frame.offset + 14, frame.length - 14), undefined);
    echoed = answer.reassembly.add(frame.bytes, frame.offset + 14, 0);
  }
  assertEquals(echoed?.subarray(20 + 8), payload);
  assertEquals(station.stack.counters.ipv4.packetsFragmented, 1);
});

Deno.test("the sender of a datagram that was not completed in time hears of it", () => {
  const station = new Station();
  station.introduce();
  const first = station.encode({
    ip: { protocol: 17, mf: true, df: false, id: 7 },
    payload: numbers(64),
  });
  station.deliver(first);
  station.advance(TIMEOUT);
  const [error] = station.takeIcmp();
  assertEquals([error?.type, error?.code], [11, 1]);
  assertEquals(error?.payload, first.slice(14));
});
