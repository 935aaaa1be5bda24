import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { seededRandom } from "../../../runtime/device/random.ts";
import { IpAddress } from "../../../stack/ip/address.ts";
import { SecretNumbers } from "../../../stack/tcp/isn.ts";
import { sipHash } from "../../../stack/tcp/siphash.ts";

const A = IpAddress.parse("10.0.0.1")!;
const B = IpAddress.parse("10.0.0.2")!;

function wordsOf(count: number): Int32Array {
  return new Int32Array(Uint8Array.from({ length: count * 4 }, (_, i) => i).buffer);
}

Deno.test("SipHash-2-4 gives the values of OpenSSL's", () => {
  // openssl mac -macopt hexkey:000102030405060708090a0b0c0d0e0f -macopt size:8 SIPHASH
  // of the bytes 00, 01, 02...: 6224939a79f5f593, db9bc2577fcc2a3f, d0a704536ba93e0e.
  const key = wordsOf(4);
  assertEquals(sipHash(key, wordsOf(2)) >>> 0, 0x9a932462);
  assertEquals(sipHash(key, wordsOf(4)) >>> 0, 0x57c29bdb);
  assertEquals(sipHash(key, wordsOf(10)) >>> 0, 0x5304a7d0);
});

Deno.test("an initial sequence number moves on by one every 4 µs, for one pair of ends", () => {
  const secrets = new SecretNumbers(seededRandom(1));
  const at = (now: number) => secrets.initialSequence(B, 80, A, 40000, now);
  assertEquals((at(1) - at(0)) | 0, 250);
  assertEquals((at(1.004) - at(1)) | 0, 1);
  assertEquals((at(20_000_000) - at(0)) | 0, 5_000_000_000 | 0);
});

Deno.test("other addresses, other ports, another secret: an unrelated number", () => {
  const secrets = new SecretNumbers(seededRandom(1));
  const numbers = [
    secrets.initialSequence(B, 80, A, 40000, 0),
    secrets.initialSequence(B, 80, A, 40001, 0),
    secrets.initialSequence(B, 81, A, 40000, 0),
    secrets.initialSequence(A, 80, B, 40000, 0),
    new SecretNumbers(seededRandom(2)).initialSequence(B, 80, A, 40000, 0),
  ];
  for (const [i, a] of numbers.entries()) {
    for (const b of numbers.slice(i + 1)) assert(Math.abs((a - b) | 0) > 1000);
  }
});

Deno.test("local ports begin elsewhere for each peer", () => {
  const secrets = new SecretNumbers(seededRandom(1));
  const offset = secrets.portOffset(B, A, 80);
  assertEquals(secrets.portOffset(B, A, 80), offset);
  assertNotEquals(secrets.portOffset(B, A, 81), offset);
  assertNotEquals(secrets.portOffset(B, IpAddress.parse("10.0.0.3")!, 80), offset);
  assert(offset >= 0 && offset < 2 ** 32);
});
