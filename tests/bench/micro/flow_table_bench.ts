import { IpAddress } from "../../../stack/ip/address.ts";
import type { IpPacket } from "../../../stack/ip/packet.ts";
import { type FlowEntry, FlowTable } from "../../../stack/tcp/flow_table.ts";
import { write32 } from "../../../stack/wire/bytes.ts";
import { measure } from "./reference.ts";

const LOCAL = IpAddress.parse("10.0.0.2")!;
const bytes = new Uint8Array(20);
const packet = {
  version: 4,
  bytes,
  sourceOffset: 12,
  destinationOffset: 16,
} as IpPacket;
write32(bytes, 16, LOCAL.word3);

const CLIENTS = Array.from({ length: 16 }, (_, i) => IpAddress.parse(`10.0.1.${i + 1}`)!);

function entry(i: number): FlowEntry {
  return {
    localAddress: LOCAL,
    localPort: 80,
    remoteAddress: CLIENTS[i % 16]!,
    remotePort: 1024 + (i >> 4),
    flowHash: 0,
  };
}

for (const size of [100, 100_000]) {
  const table = new FlowTable<FlowEntry>(0x5eed);
  for (let i = 0; i < size; i++) table.add(entry(i));
  let next = 0;
  measure(`1000 lookups among ${size} connections`, () => {
    let found = 0;
    for (let i = 0; i < 1000; i++) {
      next = (next + 7919) % size;
      write32(bytes, 12, CLIENTS[next % 16]!.word3);
      if (table.find(packet, 1024 + (next >> 4), 80) !== undefined) found++;
    }
    if (found !== 1000) throw new Error(`found ${found} of 1000 connections`);
    return found;
  });
}
