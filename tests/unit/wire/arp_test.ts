import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { decodePacket } from "../../../runtime/testing/packet_decode.ts";
import { IpAddress } from "../../../stack/ip/address.ts";
import * as arp from "../../../stack/wire/arp.ts";
import * as ethernet from "../../../stack/wire/ethernet.ts";
import { formatMac } from "../../../stack/wire/mac.ts";

const anyMac = fc.uint8Array({ minLength: 6, maxLength: 6 });
const anyBits = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });

Deno.test("an emitted packet reads back field by field, Ethernet header included", () => {
  fc.assert(fc.property(
    fc.constantFrom(arp.REQUEST, arp.REPLY),
    anyMac,
    anyBits,
    anyMac,
    anyBits,
    fc.nat(9),
    (operation, senderMac, senderIp, targetMac, targetIp, at) => {
      const bytes = new Uint8Array(at + ethernet.HEADER_LENGTH + arp.LENGTH);
      ethernet.emit(bytes, at, targetMac, senderMac, ethernet.TYPE_ARP);
      const payload = at + ethernet.HEADER_LENGTH;
      arp.emit(bytes, payload, operation, senderMac, senderIp, targetMac, targetIp);
      assertEquals(arp.isValid(bytes, payload, arp.LENGTH), true);
      assertEquals(decodePacket(bytes.subarray(at)), {
        ethernet: { destination: formatMac(targetMac), source: formatMac(senderMac), type: 0x0806 },
        arp: {
          operation,
          senderMac: formatMac(senderMac),
          senderIp: `${IpAddress.v4(senderIp)}`,
          targetMac: formatMac(targetMac),
          targetIp: `${IpAddress.v4(targetIp)}`,
        },
        faults: [],
      });
    },
  ));
});

Deno.test("a packet for other networks, of another operation or cut short is not valid", () => {
  const right = new Uint8Array(arp.LENGTH);
  const mac = new Uint8Array(6);
  arp.emit(right, 0, arp.REQUEST, mac, 1, mac, 2);
  assertEquals(arp.isValid(right, 0, 60), true); // padded
  assertEquals(arp.isValid(right, 0, arp.LENGTH - 1), false);
  for (const [at, value] of [[1, 6], [3, 6], [4, 8], [5, 16], [7, 0], [7, 3], [6, 1]] as const) {
    const wrong = right.slice();
    wrong[at] = value;
    assertEquals(arp.isValid(wrong, 0, arp.LENGTH), false, `byte ${at} is ${value}`);
  }
});
