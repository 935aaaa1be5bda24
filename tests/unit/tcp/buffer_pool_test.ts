import { assert, assertEquals } from "@std/assert";
import { BufferPool } from "../../../stack/tcp/buffer_pool.ts";
import { ByteRing } from "../../../stack/tcp/byte_ring.ts";
import { hasRoomAhead, isSparse, roomFor } from "../../../stack/tcp/byte_room.ts";

Deno.test("the pool knows what it has lent, to the byte", () => {
  const pool = new BufferPool(1 << 20);
  const ring = new ByteRing(pool, 100);
  assertEquals(pool.lent, 2048);
  ring.append(new Uint8Array(5000), 0, 5000);
  assertEquals(pool.lent, 8192);
  const large = new ByteRing(pool, 600_000); // larger than what is kept for others
  assertEquals(pool.lent, 8192 + (1 << 20));
  large.release();
  ring.release();
  assertEquals(pool.lent, 0);
});

Deno.test("beyond the limit there is room for a smallest buffer and no more", () => {
  const pool = new BufferPool(16_384);
  const other = new ByteRing(pool, 16_384);
  assertEquals(roomFor(pool, undefined, 0, 5000), 2048);
  assertEquals(roomFor(pool, undefined, 2000, 5000), 48);
  assertEquals(roomFor(pool, undefined, 3000, 5000), 0);
  const ring = new ByteRing(pool, 2048);
  ring.append(new Uint8Array(1000), 0, 1000);
  assertEquals(roomFor(pool, ring, 1000, 1048), 1048);
  assertEquals(roomFor(pool, ring, 1000, 1049), 1048);
  other.release();
  assertEquals(roomFor(pool, ring, 1000, 5000), 5000);
});

Deno.test("memory is scarce from three quarters of the limit on", () => {
  const pool = new BufferPool(65_536);
  const ring = new ByteRing(pool, 32_768);
  assert(!pool.scarce && pool.plentiful);
  const other = new ByteRing(pool, 32_768);
  assert(pool.scarce && !pool.plentiful);
  ring.release();
  other.release();
  assert(!pool.scarce);
});

Deno.test("beyond half of the limit, bytes ahead may not take far more memory than they are", () => {
  const pool = new BufferPool(65_536);
  assert(hasRoomAhead(pool, undefined, 0, 30_000, 1));
  const other = new ByteRing(pool, 32_768);
  assert(hasRoomAhead(pool, undefined, 0, 30_000, 1));
  const more = new ByteRing(pool, 1);
  assert(!hasRoomAhead(pool, undefined, 0, 30_000, 1));
  assert(hasRoomAhead(pool, undefined, 0, 2047, 1), "a smallest buffer is everyone's");
  assert(hasRoomAhead(pool, undefined, 0, 7000, 1000));
  assert(!hasRoomAhead(pool, undefined, 0, 7001, 1000));
  assert(hasRoomAhead(pool, undefined, 1000, 15_000, 1000));
  assert(hasRoomAhead(pool, other, 0, 32_767, 1), "nothing has to grow");
  assert(!isSparse(more, 0));
  assert(!isSparse(other, 2048));
  assert(isSparse(other, 2047));
});
