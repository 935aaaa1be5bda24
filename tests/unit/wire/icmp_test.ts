import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { encodePacket } from "../../../runtime/testing/packet_encode.ts";
import * as icmp from "../../../stack/wire/icmp.ts";

/** Where ICMP begins in a frame without IP options. */
const AT = 34;

Deno.test("an emitted message is what an independent encoder makes", () => {
  fc.assert(fc.property(
    fc.nat(255),
    fc.nat(255),
    fc.nat(0xffffffff),
    fc.uint8Array({ maxLength: 300, size: "max" }),
    (type, code, rest, payload) => {
      const expected = encodePacket({
        ethernet: { destination: "02:00:00:00:00:02", source: "02:00:00:00:00:01" },
        ip: { source: "10.0.0.1", destination: "10.0.0.2" },
        icmp: { type, code, rest, payload },
      });
      const bytes = expected.slice();
      bytes.fill(0xee, AT, AT + icmp.REST);
      const length = bytes.length - AT;
      icmp.emit(bytes, AT, type, code, length);
      assertEquals(bytes, expected);
      assertEquals(icmp.fault(bytes, AT, length, false), undefined);
    },
  ));
});

Deno.test("a short message and a wrong checksum are faults, unless the device vouches for it", () => {
  const bytes = new Uint8Array(8);
  icmp.emit(bytes, 0, icmp.ECHO, 0, 8);
  assertEquals(icmp.fault(bytes, 0, 7, true), "badLength");
  bytes[7] = 1;
  assertEquals(icmp.fault(bytes, 0, 8, false), "badChecksum");
  assertEquals(icmp.fault(bytes, 0, 8, true), undefined);
});

Deno.test("errors are told from queries", () => {
  const errors = Array.from({ length: 256 }, (_, type) => type).filter(icmp.isError);
  assertEquals(errors, [3, 4, 5, 11, 12]);
});
