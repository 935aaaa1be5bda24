import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { BufferPool } from "../../../stack/tcp/buffer_pool.ts";
import { ByteRing, copy } from "../../../stack/tcp/byte_ring.ts";

function contents(ring: ByteRing): Uint8Array {
  const bytes = new Uint8Array(ring.length);
  ring.peek(0, bytes, 0, ring.length);
  return bytes;
}

function numbers(from: number, count: number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, i) => from + i);
}

Deno.test("bytes come out as they went in, also around the edge of the buffer", () => {
  const ring = new ByteRing(new BufferPool(1 << 30), 2048);
  for (let i = 0; i < 100; i++) {
    ring.append(numbers(i, 100), 0, 100);
    if (i >= 15) {
      const out = new Uint8Array(100);
      ring.peek(0, out, 0, 100);
      assertEquals(out, numbers(i - 15, 100));
      ring.drop(100);
    }
  }
  assertEquals([ring.length, ring.capacity], [1500, 2048]);
});

Deno.test("bytes in one piece are found where they lie, those around the edge are not", () => {
  const ring = new ByteRing(new BufferPool(1 << 30), 2048);
  ring.append(numbers(0, 2000), 0, 2000);
  ring.drop(1900);
  ring.append(numbers(2000, 300), 0, 300);
  const found = (at: number, count: number) => {
    const from = ring.locate(at, count);
    return from < 0 ? undefined : ring.memory.slice(from, from + count);
  };
  assertEquals(found(0, 148), numbers(1900, 148));
  assertEquals(found(0, 149), undefined);
  assertEquals(found(147, 2), undefined);
  assertEquals(found(148, 252), numbers(2048, 252));
});

Deno.test("bytes placed ahead stay where they are when the ring grows, until they are in line", () => {
  const ring = new ByteRing(new BufferPool(1 << 30), 2048);
  ring.append(numbers(0, 2000), 0, 2000);
  ring.drop(2000);
  ring.place(100, numbers(100, 50), 0, 50);
  ring.place(3000, numbers(3000, 5), 0, 5);
  assertEquals([ring.length, ring.capacity], [0, 4096]);
  ring.append(numbers(0, 100), 0, 100);
  ring.extend(50);
  assertEquals(contents(ring), numbers(0, 150));
});

Deno.test("a ring gives back what its queue does not need", () => {
  const pool = new BufferPool(1 << 30);
  const ring = new ByteRing(pool, 16_384);
  ring.append(numbers(0, 15_000), 0, 15_000);
  ring.drop(14_000);
  ring.append(numbers(15_000, 2000), 0, 2000); // around the edge
  ring.fit();
  assertEquals(contents(ring), numbers(14_000, 3000));
  assertEquals([ring.capacity, pool.lent], [4096, 4096]);
  ring.append(numbers(17_000, 2000), 0, 2000);
  assertEquals(contents(ring), numbers(14_000, 5000));
});

Deno.test("any writes, drops and pieces placed ahead: the ring is a queue", () => {
  const action = fc.oneof(
    fc.record({ kind: fc.constant("append" as const), count: fc.nat({ max: 3000 }) }),
    fc.record({ kind: fc.constant("drop" as const), count: fc.nat({ max: 3000 }) }),
    fc.record({ kind: fc.constant("ahead" as const), count: fc.integer({ min: 1, max: 500 }) }),
  );
  fc.assert(fc.property(fc.array(action, { maxLength: 40 }), (actions) => {
    const ring = new ByteRing(new BufferPool(1 << 30), 1);
    let model: number[] = [];
    let made = 0;
    const make = (count: number) => {
      made += count;
      return numbers(made * 7, count);
    };
    for (const { kind, count } of actions) {
      if (kind === "append") {
        const bytes = make(count + 3);
        ring.append(bytes, 3, count);
        model.push(...bytes.subarray(3));
      } else if (kind === "drop") {
        const most = Math.min(count, ring.length);
        ring.drop(most);
        model = model.slice(most);
      } else {
        const ahead = make(count);
        const before = make(count);
        ring.place(ring.length + count, ahead, 0, count);
        ring.append(before, 0, count);
        ring.extend(count);
        model.push(...before, ...ahead);
      }
      assertEquals(contents(ring), Uint8Array.from(model));
    }
  }));
});

Deno.test("copying a few bytes and many is the same", () => {
  for (const count of [0, 1, 47, 48, 49, 5000]) {
    const source = numbers(1, count + 5);
    const target = new Uint8Array(count + 10);
    copy(source, 5, target, 3, count);
    assertEquals(target.subarray(3, 3 + count), source.subarray(5));
    assert(target.subarray(3 + count).every((byte) => byte === 0));
  }
});

Deno.test("the pool lends powers of two, and the same buffer again", () => {
  const pool = new BufferPool(1 << 30);
  const small = pool.take(1);
  assertEquals(small.length, 2048);
  assertEquals(pool.take(2049).length, 4096);
  assertEquals(pool.take(262_144).length, 262_144);
  pool.give(small);
  assert(pool.take(2000) === small);
  assert(pool.take(2000) !== small);
});

Deno.test("the pool keeps 16 MiB at most, of whatever sizes, and lends them again", () => {
  const pool = new BufferPool(1 << 30);
  const many = () =>
    [65_536, 131_072].flatMap((size) => Array.from({ length: 200 }, () => pool.take(size)));
  const lent = many();
  assertEquals([pool.lent, pool.buffers], [200 * (65_536 + 131_072), 400]);
  for (const buffer of lent) pool.give(buffer);
  assertEquals([pool.lent, pool.buffers], [0, 0]);
  const kept = many().filter((buffer) => lent.includes(buffer));
  assertEquals(kept.reduce((sum, { length }) => sum + length, 0), 16 << 20);
  // What is taken makes room for what comes back.
  for (const buffer of kept) pool.give(buffer);
  assertEquals(many().filter((buffer) => kept.includes(buffer)).length, kept.length);
  const huge = pool.take(1 << 20);
  pool.give(huge);
  assert(pool.take(1 << 20) !== huge);
});
