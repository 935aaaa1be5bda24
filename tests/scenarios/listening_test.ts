// Ports and addresses that are listened on, and local ports of active opens.
import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { scenario } from "../../runtime/testing/scenario.ts";
import { IpAddress } from "../../stack/ip/address.ts";
import { StackError } from "../../stack/error.ts";

const OWN = IpAddress.parse("10.0.0.2")!;

Deno.test("listening on one of our addresses serves that address", () => {
  const t = scenario();
  let accepted = 0;
  const handle = t.stack.listen({ port: 80, address: OWN }, () => accepted++);
  assertEquals([handle.port, handle.address], [80, OWN]);
  t.peer({ to: 80 }).open();
  assertEquals(accepted, 1);
});

Deno.test("listening on an address that is not ours is refused", () => {
  const t = scenario();
  const address = IpAddress.parse("10.0.0.77")!;
  const error = assertThrows(() => t.stack.listen({ port: 80, address }, () => {}), StackError);
  assertEquals([error.code, error.message.includes("10.0.0.77")], ["invalid", true]);
});

Deno.test("a port is taken on an address by who listens there or on all", () => {
  const t = scenario();
  const listen = (address?: IpAddress) => t.stack.listen({ port: 80, address }, () => {});
  for (const first of [OWN, undefined]) {
    const handle = listen(first);
    for (const second of [OWN, undefined]) {
      assertEquals(assertThrows(() => listen(second), StackError).code, "address-in-use");
    }
    handle.close();
  }
});

Deno.test("what is no port is refused", () => {
  const t = scenario();
  for (const port of [0, -1, 65_536, 1.5, NaN]) {
    const error = assertThrows(() => t.stack.listen({ port }, () => {}), StackError);
    assertEquals([error.code, error.message.includes(String(port))], ["invalid", true]);
  }
});

Deno.test("an active open takes no local port that is listened on", () => {
  const t = scenario();
  // All but three of the ports are listened on.
  const free = new Set([1024, 30_000, 65_535]);
  for (let port = 1024; port <= 65_535; port++) if (!free.has(port)) t.listen(port);
  const used = new Set<number>();
  for (let i = 0; i < 3; i++) {
    const peer = t.peer({ port: 80 });
    t.connect(peer);
    used.add(peer.expect("SYN seq=0").sourcePort);
  }
  assertEquals(used, free);
  const error = assertThrows(() => t.connect(t.peer({ port: 80 })), StackError);
  assertEquals(error.code, "ports-exhausted");
});

Deno.test("local ports are not handed out in an order that can be guessed from outside", () => {
  const first = (seed: number) => {
    const t = scenario({ seed });
    const peer = t.peer({ port: 80 });
    t.connect(peer);
    return peer.expect("SYN seq=0").sourcePort;
  };
  assertEquals(first(1), first(1));
  assertNotEquals(first(1), first(2));
});
