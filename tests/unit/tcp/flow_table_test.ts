import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { IpAddress } from "../../../stack/ip/address.ts";
import { IpPacket } from "../../../stack/ip/packet.ts";
import { type FlowEntry, FlowTable } from "../../../stack/tcp/flow_table.ts";

interface Tuple {
  local: number;
  localPort: number;
  remote: number;
  remotePort: number;
}

function entryOf({ local, localPort, remote, remotePort }: Tuple): FlowEntry {
  return {
    localAddress: IpAddress.v4(local),
    localPort,
    remoteAddress: IpAddress.v4(remote),
    remotePort,
    flowHash: 0,
  };
}

function find(table: FlowTable<FlowEntry>, { local, localPort, remote, remotePort }: Tuple) {
  const packet = new IpPacket();
  packet.bytes = new Uint8Array(40);
  packet.sourceOffset = 12;
  packet.destinationOffset = 16;
  IpAddress.v4(remote).write(packet.bytes, 12);
  IpAddress.v4(local).write(packet.bytes, 16);
  return table.find(packet, remotePort, localPort);
}

Deno.test("a connection is found by its four numbers, and by no others", () => {
  const table = new FlowTable<FlowEntry>(1);
  const tuple = { local: 1, localPort: 80, remote: 2, remotePort: 40000 };
  const entry = entryOf(tuple);
  table.add(entry);
  assert(find(table, tuple) === entry);
  for (const key of ["local", "localPort", "remote", "remotePort"] as const) {
    assertEquals(find(table, { ...tuple, [key]: tuple[key] + 1 }), undefined);
  }
  assertEquals(
    find(table, { local: 2, localPort: 40000, remote: 1, remotePort: 80 }),
    undefined,
  );
});

Deno.test("an IPv6 connection is found by its whole addresses", () => {
  const table = new FlowTable<FlowEntry>(1);
  const bytes = Uint8Array.from({ length: 40 }, (_, i) => i);
  const packet = new IpPacket();
  Object.assign(packet, { bytes, version: 6, sourceOffset: 8, destinationOffset: 24 });
  const entry = {
    localAddress: IpAddress.read(bytes, 24, 6),
    localPort: 80,
    remoteAddress: IpAddress.read(bytes, 8, 6),
    remotePort: 40000,
    flowHash: 0,
  };
  table.add(entry);
  assert(table.find(packet, 40000, 80) === entry);
  assert(table.get(entry.localAddress, 80, entry.remoteAddress, 40000) === entry);
  bytes[8] = 99;
  assertEquals(table.find(packet, 40000, 80), undefined);
});

Deno.test("any entries added and removed: the table is a map", () => {
  // Few values, so that entries collide, are removed and come again.
  const tuple = fc.record({
    local: fc.integer({ min: 1, max: 2 }),
    localPort: fc.integer({ min: 1, max: 6 }),
    remote: fc.integer({ min: 1, max: 6 }),
    remotePort: fc.integer({ min: 1, max: 6 }),
  });
  const actions = fc.array(fc.tuple(fc.boolean(), tuple), { minLength: 50, maxLength: 400 });
  fc.assert(
    fc.property(fc.integer(), actions, (seed, actions) => {
      const table = new FlowTable<FlowEntry>(seed);
      const model = new Map<string, { tuple: Tuple; entry: FlowEntry }>();
      for (const [add, tuple] of actions) {
        const key = Object.values(tuple).join();
        const known = model.get(key);
        if (add && known === undefined) {
          const entry = entryOf(tuple);
          table.add(entry);
          model.set(key, { tuple, entry });
        } else if (!add && known !== undefined) {
          table.remove(known.entry);
          model.delete(key);
        }
        // Another entry in the place of one is found from then on, and moved and removed as it was.
        for (const each of model.values()) {
          const other = entryOf(each.tuple);
          table.replace(each.entry, other);
          each.entry = other;
          break;
        }
        assertEquals(table.size, model.size);
        const found = table.get(
          IpAddress.v4(tuple.local),
          tuple.localPort,
          IpAddress.v4(tuple.remote),
          tuple.remotePort,
        );
        assert(found === model.get(key)?.entry);
      }
      for (const { tuple, entry } of model.values()) assert(find(table, tuple) === entry);
      assertEquals(new Set(table.values()), new Set([...model.values()].map(({ entry }) => entry)));
    }),
    { numRuns: 50 },
  );
});

Deno.test("removing what is not there changes nothing", () => {
  const table = new FlowTable<FlowEntry>(1);
  const there = entryOf({ local: 1, localPort: 1, remote: 1, remotePort: 1 });
  table.add(there);
  table.remove(entryOf({ local: 1, localPort: 1, remote: 1, remotePort: 2 }));
  assertEquals(table.values(), [there]);
});
