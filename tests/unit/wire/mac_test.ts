import { assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  formatMac,
  isGroupMac,
  isMac,
  isZeroMac,
  parseMac,
  writeMac,
} from "../../../stack/wire/mac.ts";

Deno.test("a MAC address is read in either of its usual forms", () => {
  const bytes = Uint8Array.of(0x02, 0, 0xab, 0xcd, 0xef, 0x09);
  assertEquals(parseMac("02:00:ab:CD:ef:09"), bytes);
  assertEquals(parseMac("02-00-ab-cd-ef-09"), bytes);
});

Deno.test("what is not quite a MAC address is none", () => {
  const wrong = [
    "",
    "02:00:00:00:00",
    "02:00:00:00:00:00:00",
    "2:0:0:0:0:1",
    "02:00:00:00:00:0g",
    "02:00:00:00-00:01",
    "020000000001",
    " 02:00:00:00:00:01",
    "02:00:00:00:00:01\n",
  ];
  for (const text of wrong) assertEquals(parseMac(text), undefined, JSON.stringify(text));
});

Deno.test("writing and reading a MAC address gives it back, in text and in bytes", () => {
  fc.assert(fc.property(fc.uint8Array({ minLength: 6, maxLength: 6 }), fc.nat(5), (mac, at) => {
    assertEquals(parseMac(formatMac(mac)), mac);
    const bytes = new Uint8Array(12);
    writeMac(bytes, at, mac);
    assertEquals(formatMac(bytes, at), formatMac(mac));
    assertEquals(isMac(bytes, at, mac), true);
    for (let i = 0; i < 6; i++) {
      const other = mac.slice();
      other[i]! ^= 1;
      assertEquals(isMac(bytes, at, other), false, `byte ${i} differs`);
    }
  }));
});

Deno.test("the lowest bit of the first byte makes a group", () => {
  assertEquals(isGroupMac(parseMac("01:00:5e:00:00:01")!, 0), true);
  assertEquals(isGroupMac(parseMac("ff:ff:ff:ff:ff:ff")!, 0), true);
  assertEquals(isGroupMac(parseMac("02:01:01:01:01:01")!, 0), false);
});

Deno.test("only six zeros are nobody's address", () => {
  assertEquals(isZeroMac(new Uint8Array(6), 0), true);
  for (let i = 0; i < 6; i++) {
    const mac = new Uint8Array(6);
    mac[i] = 1;
    assertEquals(isZeroMac(mac, 0), false);
  }
});
