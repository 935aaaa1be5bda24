import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { IpAddress, Prefix } from "../../../stack/ip/address.ts";
import { isHostAddress, LocalAddresses } from "../../../stack/ip/local_addresses.ts";

const anyBits = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });

Deno.test("an address survives being written as text and as bytes", () => {
  fc.assert(fc.property(anyBits, fc.nat(5), (bits, at) => {
    const address = IpAddress.v4(bits);
    const bytes = new Uint8Array(9);
    address.write(bytes, at);
    assertEquals(IpAddress.parse(`${address}`)?.equals(address), true);
    assertEquals(IpAddress.read(bytes, at, 4).equals(address), true);
    assertEquals(address.matches(bytes, at), true);
    assertEquals(IpAddress.v4(bits ^ 1).matches(bytes, at), false);
    assertEquals(IpAddress.v4(bits ^ 1).equals(address), false);
  }));
});

Deno.test("what is not four numbers from 0 to 255 is no address", () => {
  const wrong = [
    "",
    "1.2.3",
    "1.2.3.4.5",
    "256.0.0.1",
    "01.2.3.4",
    "1.2.3.4 ",
    "1..2.3",
    "a.b.c.d",
  ];
  for (const text of wrong) assertEquals(IpAddress.parse(text), undefined, JSON.stringify(text));
});

Deno.test("an IPv6 address keeps all of its bits", () => {
  fc.assert(fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
    const address = IpAddress.read(bytes, 0, 6);
    const copy = new Uint8Array(16);
    address.write(copy, 0);
    assertEquals(copy, bytes);
    assertEquals(address.matches(bytes, 0), true);
    let sum = 0;
    for (let i = 0; i < 16; i += 2) sum += bytes[i]! * 256 + bytes[i + 1]!;
    assertEquals(address.sum, sum);
  }));
});

Deno.test("a prefix holds the addresses of its network and knows its broadcast", () => {
  const prefix = Prefix.parse("192.168.69.2/24")!;
  const contains = (text: string) => prefix.contains(IpAddress.parse(text)!);
  assertEquals(["192.168.69.0", "192.168.69.255"].map(contains), [true, true]);
  assertEquals(["192.168.68.255", "192.168.70.0", "10.0.0.1"].map(contains), [false, false, false]);
  assertEquals(`${prefix.broadcast}`, "192.168.69.255");
  assertEquals(`${prefix}`, "192.168.69.2/24");
  assertEquals(`${Prefix.parse("10.1.2.3/0")!.broadcast}`, "255.255.255.255");
  assertEquals(Prefix.parse("10.1.2.3/31")!.broadcast, undefined);
  assertEquals(Prefix.parse("10.1.2.3/32")!.broadcast, undefined);
});

Deno.test("what is not an address with a length from 0 to 32 is no prefix", () => {
  for (const text of ["10.0.0.1", "10.0.0.1/", "10.0.0.1/33", "10.0.0.256/8", "10.0.0.1/-1"]) {
    assertEquals(Prefix.parse(text), undefined, text);
  }
});

Deno.test("hosts have no addresses of this network, loopback, multicast or beyond", () => {
  const isHost = (text: string) => isHostAddress(IpAddress.parse(text)!.word3);
  const hosts = ["1.0.0.0", "10.0.0.1", "126.255.255.255", "128.0.0.1", "223.255.255.255"];
  assertEquals(hosts.filter((text) => !isHost(text)), []);
  const others = ["0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"];
  assertEquals(others.filter(isHost), []);
});

Deno.test("the longest of our prefixes that holds an address is the one on its link", () => {
  const local = new LocalAddresses(
    ["10.0.0.1/8", "10.1.0.1/16", "192.168.1.1/24"].map((text) => Prefix.parse(text)!),
  );
  const onLink = (text: string) => local.onLink(IpAddress.parse(text)!)?.toString();
  assertEquals(onLink("10.1.9.9"), "10.1.0.1/16");
  assertEquals(onLink("10.2.9.9"), "10.0.0.1/8");
  assertEquals(onLink("192.168.1.9"), "192.168.1.1/24");
  assertEquals(onLink("172.16.0.1"), undefined);
  const isBroadcast = (text: string) => local.isBroadcast(IpAddress.parse(text)!.word3);
  assertEquals(
    ["255.255.255.255", "10.255.255.255", "10.1.255.255", "192.168.1.255"].filter(isBroadcast)
      .length,
    4,
  );
  assertEquals(isBroadcast("192.168.2.255"), false);
});
