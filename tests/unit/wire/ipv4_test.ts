import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { encodePacket } from "../../../runtime/testing/packet_encode.ts";
import { IpAddress } from "../../../stack/ip/address.ts";
import { HEADER_LENGTH as ETHERNET } from "../../../stack/wire/ethernet.ts";
import * as ipv4 from "../../../stack/wire/ipv4.ts";

const anyBits = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });

/** A packet as the independent encoder makes it. */
function packet(ip: Partial<Parameters<typeof encodePacket>[0]["ip"]> = {}, length = 8) {
  return encodePacket({
    ethernet: { destination: "02:00:00:00:00:02", source: "02:00:00:00:00:01" },
    ip: { source: "10.0.0.1", destination: "10.0.0.2", ...ip },
    payload: new Uint8Array(length).fill(131), // would be a source route, were it an option
  }).subarray(ETHERNET);
}

Deno.test("an emitted header is what an independent encoder makes", () => {
  fc.assert(fc.property(
    fc.record({
      id: fc.nat(0xffff),
      df: fc.boolean(),
      mf: fc.boolean(),
      fragmentOffset: fc.nat(0x1fff).map((units) => units * 8),
      ttl: fc.nat(255),
      protocol: fc.nat(255),
    }),
    anyBits,
    anyBits,
    fc.nat(1480),
    fc.nat(9),
    (fields, source, destination, length, at) => {
      const expected = packet({
        ...fields,
        source: `${IpAddress.v4(source)}`,
        destination: `${IpAddress.v4(destination)}`,
      }, length);
      const bytes = new Uint8Array(at + expected.length).fill(131);
      const fragment = (fields.df ? ipv4.DONT_FRAGMENT : 0) |
        (fields.mf ? ipv4.MORE_FRAGMENTS : 0) | fields.fragmentOffset / 8;
      ipv4.emit(
        bytes,
        at,
        ipv4.HEADER_LENGTH + length,
        fields.id,
        fragment,
        fields.ttl,
        fields.protocol,
        source,
        destination,
        0,
      );
      assertEquals(bytes.subarray(at), expected);
      assertEquals(ipv4.fault(bytes, at, expected.length), undefined);
    },
  ));
});

Deno.test("a header with a wrong version, length or checksum has that fault", () => {
  const cases = [
    [packet(), 27, "badLength"], // cut short
    [packet(), 19, "badLength"],
    [packet({ version: 6 }), 28, "badVersion"],
    [packet({ headerWords: 4 }), 28, "badLength"],
    [packet({ headerWords: 8 }), 28, "badLength"],
    [packet({ totalLength: 29 }), 28, "badLength"],
    [packet({ totalLength: 19 }), 28, "badLength"],
    [packet({ checksum: 0 }), 28, "badChecksum"],
    [packet(), 28, undefined],
    [packet(), 46, undefined], // padded
  ] as const;
  for (const [bytes, length, fault] of cases) {
    const padded = new Uint8Array(64);
    padded.set(bytes);
    assertEquals(ipv4.fault(padded, 0, length), fault);
  }
});

Deno.test("every single bit that flips in a header is noticed", () => {
  const right = packet({ options: Uint8Array.of(1, 1, 1, 0) });
  for (let bit = 0; bit < 24 * 8; bit++) {
    const wrong = right.slice();
    wrong[bit >> 3]! ^= 1 << (bit & 7);
    assertEquals(ipv4.fault(wrong, 0, wrong.length) === undefined, false, `bit ${bit}`);
  }
});

Deno.test("a checksum made anew is right for a header with options", () => {
  const bytes = packet({ options: Uint8Array.of(1, 1, 1, 0), checksum: 0x1234 });
  ipv4.emitChecksum(bytes, 0);
  assertEquals(ipv4.fault(bytes, 0, bytes.length), undefined);
});

Deno.test("options are walked without being followed", () => {
  const cases: [number[], ipv4.Ipv4Options][] = [
    [[1, 1, 1, 1], "none"],
    [[0, 255, 255, 255], "none"], // behind the end of the list anything may stand
    [[148, 4, 0, 0], "none"], // router alert
    [[7, 7, 4, 0, 0, 0, 0, 0], "none"], // record route
    [[68, 4, 5, 0], "none"], // timestamp
    [[131, 7, 4, 10, 0, 0, 9, 0], "sourceRoute"],
    [[137, 7, 4, 10, 0, 0, 9, 0], "sourceRoute"],
    [[1, 131, 7, 8, 10, 0, 0, 9], "none"], // all of the route has been visited
    [[131, 7, 7, 10, 0, 0, 9, 0], "sourceRoute"],
    [[131, 3, 4, 0], "none"], // a route without hops
    [[148, 2, 1, 1], "none"],
    [[131, 2, 0, 0], "badOptions"],
    [[7, 0, 0, 0], "badOptions"],
    [[7, 1, 0, 0], "badOptions"],
    [[7, 5, 0, 0], "badOptions"],
    [[1, 1, 1, 7], "badOptions"],
  ];
  for (const [options, expected] of cases) {
    const bytes = packet({ options: Uint8Array.from(options) });
    assertEquals(ipv4.options(bytes, 0), expected, options.join());
  }
});

Deno.test("the walk ends for any options", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40, size: "max" }), (options) => {
    const padded = new Uint8Array((options.length + 3) & ~3);
    padded.set(options);
    ipv4.options(packet({ options: padded }), 0);
  }));
});
