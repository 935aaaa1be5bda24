import { assertEquals } from "@std/assert";
import { read16, read32, write16, write32 } from "../../../stack/wire/bytes.ts";

Deno.test("numbers travel with their highest byte first", () => {
  const bytes = new Uint8Array(8);
  write16(bytes, 1, 0x1234);
  write32(bytes, 3, 0xfedcba98);
  assertEquals([...bytes], [0, 0x12, 0x34, 0xfe, 0xdc, 0xba, 0x98, 0]);
  assertEquals(read16(bytes, 1), 0x1234);
  assertEquals(read32(bytes, 3), 0xfedcba98 | 0);
});

Deno.test("16 bits are read unsigned, 32 bits signed, and too large numbers are cut", () => {
  const bytes = new Uint8Array(4);
  write16(bytes, 0, 0x1ffff);
  assertEquals(read16(bytes, 0), 0xffff);
  write32(bytes, 0, -1);
  assertEquals(read32(bytes, 0), -1);
});
