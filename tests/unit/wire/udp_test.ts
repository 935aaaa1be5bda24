import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { pseudoHeaderSum } from "../../../runtime/testing/packet.ts";
import { encodePacket } from "../../../runtime/testing/packet_encode.ts";
import { read16 } from "../../../stack/wire/bytes.ts";
import * as udp from "../../../stack/wire/udp.ts";

/** Where UDP begins in a frame without IP options. */
const AT = 34;
const ADDRESS_SUM = pseudoHeaderSum("10.0.0.1", "10.0.0.2", 0, 0);

function datagram(payload: Uint8Array, checksum?: number): Uint8Array {
  return encodePacket({
    ethernet: { destination: "02:00:00:00:00:02", source: "02:00:00:00:00:01" },
    ip: { source: "10.0.0.1", destination: "10.0.0.2" },
    udp: { sourcePort: 4000, destinationPort: 53, payload, checksum },
  });
}

Deno.test("an emitted datagram is what an independent encoder makes", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300, size: "max" }), (payload) => {
    const expected = datagram(payload);
    const bytes = expected.slice();
    bytes.fill(0xee, AT, AT + udp.HEADER_LENGTH);
    const length = bytes.length - AT;
    udp.emit(bytes, AT, 4000, 53, length, ADDRESS_SUM);
    assertEquals(bytes, expected);
    assertEquals(udp.fault(bytes, AT, length, ADDRESS_SUM), undefined);
  }));
});

Deno.test("a checksum that comes out as zero is sent as ffff", () => {
  const bytes = datagram(new Uint8Array(2));
  const length = bytes.length - AT;
  bytes.set(bytes.subarray(AT + udp.CHECKSUM, AT + udp.CHECKSUM + 2), AT + udp.HEADER_LENGTH);
  udp.emit(bytes, AT, 4000, 53, length, ADDRESS_SUM);
  assertEquals(read16(bytes, AT + udp.CHECKSUM), 0xffff);
  assertEquals(udp.fault(bytes, AT, length, ADDRESS_SUM), undefined);
});

Deno.test("a datagram without checksum is good", () => {
  const bytes = datagram(Uint8Array.of(1, 2, 3), 0);
  assertEquals(udp.fault(bytes, AT, bytes.length - AT, ADDRESS_SUM), undefined);
});

Deno.test("wrong lengths and checksums are faults", () => {
  const bytes = datagram(Uint8Array.of(1, 2, 3));
  const length = bytes.length - AT;
  assertEquals(udp.fault(bytes, AT, 7, ADDRESS_SUM), "badLength");
  assertEquals(udp.fault(bytes, AT, length - 1, ADDRESS_SUM), "badLength");
  assertEquals(udp.fault(bytes, AT, length, ADDRESS_SUM + 1), "badChecksum");
  assertEquals(udp.fault(bytes, AT, length, undefined), undefined); // the device vouches
  const short = datagram(new Uint8Array(0));
  assertEquals(udp.fault(short, AT, 8, ADDRESS_SUM), undefined); // empty, and good
  short[AT + udp.LENGTH + 1] = 7;
  assertEquals(udp.fault(short, AT, 8, ADDRESS_SUM), "badLength");
});

Deno.test("bytes behind the datagram do not count", () => {
  const bytes = datagram(Uint8Array.of(1, 2, 3));
  const padded = new Uint8Array(bytes.length + 5).fill(0xff);
  padded.set(bytes);
  assertEquals(udp.fault(padded, AT, padded.length - AT, ADDRESS_SUM), undefined);
});
