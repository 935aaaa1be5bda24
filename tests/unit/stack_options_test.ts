import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { StackError } from "../../stack/error.ts";
import { IpAddress, Prefix } from "../../stack/ip/address.ts";
import { Stack, type StackOptions } from "../../stack/stack.ts";
import { IP, MAC, PEER_IP } from "../support/station.ts";

function make(options: Partial<StackOptions> = {}, capabilities = {}): Stack {
  return new Stack({
    link: {
      capabilities: {
        mtu: 1500,
        maxFrame: 1514,
        transmitChecksum: false,
        segmentation: false,
        ...capabilities,
      },
      transmit: () => true,
    },
    mac: MAC,
    addresses: [`${IP}/24`],
    random: () => 0,
    ...options,
  });
}

function complaint(options: Partial<StackOptions>, capabilities = {}): string {
  const error = assertThrows(() => make(options, capabilities), StackError);
  assertEquals(error.code, "invalid");
  return error.message;
}

Deno.test("addresses may be given as text or as values", () => {
  make({
    mac: Uint8Array.of(2, 0, 0, 0, 0, 2),
    addresses: [Prefix.parse(`${IP}/24`)!, "10.0.0.1/31", "10.0.0.2/32"],
    gateway: IpAddress.parse(PEER_IP)!,
  });
});

Deno.test("a MAC address is that of one station", () => {
  assertStringIncludes(complaint({ mac: "02:00:00:00:02" }), '"02:00:00:00:02": expected six');
  assertStringIncludes(complaint({ mac: new Uint8Array(5) }), "expected six bytes");
  assertStringIncludes(complaint({ mac: "ff:ff:ff:ff:ff:ff" }), "of one station");
  assertStringIncludes(complaint({ mac: "00:00:00:00:00:00" }), "of one station");
});

Deno.test("addresses are those of hosts, with a prefix length, and each of them once", () => {
  assertStringIncludes(complaint({ addresses: [] }), "at least one");
  for (const address of ["192.168.69.2", "192.168.69.256/24", "192.168.69.2/33", "host/24"]) {
    assertStringIncludes(complaint({ addresses: [address] }), `"${address}": expected an IPv4`);
  }
  const impossible = [
    "0.0.0.0/24",
    "127.0.0.1/8",
    "224.0.0.1/24",
    "255.255.255.255/32",
    "192.168.69.0/24",
    "192.168.69.255/24",
  ];
  for (const address of impossible) {
    assertStringIncludes(complaint({ addresses: [address] }), `"${address}": expected one`);
  }
  assertEquals(complaint({ addresses: [`${IP}/24`, `${IP}/16`] }), `address ${IP} is there twice`);
});

Deno.test("a gateway is another host on the link", () => {
  assertStringIncludes(complaint({ gateway: "gate" }), '"gate": expected an IPv4 address');
  assertEquals(complaint({ gateway: IP }), `gateway ${IP} is our own address`);
  assertStringIncludes(complaint({ gateway: "10.0.0.1" }), `(${IP}/24)`);
  assertStringIncludes(complaint({ gateway: "192.168.69.255" }), "expected a host");
});

Deno.test("a link carries at least what every host must take", () => {
  assertStringIncludes(complaint({}, { mtu: 575 }), "575: expected a whole number from 576");
  assertStringIncludes(complaint({}, { mtu: 65536 }), "to 65535");
  assertStringIncludes(complaint({}, { mtu: 1500, maxFrame: 1513 }), "at least 1514");
  make({}, { mtu: 576, maxFrame: 590 });
});

Deno.test("listening is on an address of ours", () => {
  const stack = make();
  stack.listen({ port: 80, address: IpAddress.parse(IP)! }, () => {});
  const error = assertThrows(
    () => stack.listen({ port: 81, address: IpAddress.parse(PEER_IP)! }, () => {}),
    StackError,
  );
  assertEquals(error.code, "invalid");
  assertStringIncludes(error.message, `cannot listen on ${PEER_IP}`);
});
