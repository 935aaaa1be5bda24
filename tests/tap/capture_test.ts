// The judge is judged: tshark, as these tests run it, finds the faults that they look for.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { encodePacket, type PacketInit } from "../../runtime/testing/packet_encode.ts";
import { Packets } from "../support/capture.ts";
import { Directory } from "../support/directory.ts";
import { tapTest } from "../support/tap.ts";
import { HOST, STACK } from "../support/taproom.ts";

const OURS = "02:00:00:00:00:02";
const THEIRS = "02:00:00:00:00:01";

/** A segment of ours on an open connection. */
function segment(seq: number, more: Partial<PacketInit["tcp"]> = {}): PacketInit {
  return {
    ethernet: { source: OURS, destination: THEIRS },
    ip: { source: STACK, destination: HOST },
    tcp: {
      sourcePort: 7,
      destinationPort: 40000,
      seq,
      ack: 1,
      flags: ["ACK"],
      window: 1000,
      payload: new Uint8Array(100),
      ...more,
    },
  };
}

/** The peer's acknowledgement, which makes an open connection of what follows. */
function acknowledgement(ack: number): PacketInit {
  return {
    ethernet: { source: THEIRS, destination: OURS },
    ip: { source: HOST, destination: STACK },
    tcp: {
      sourcePort: 40000,
      destinationPort: 7,
      seq: 1,
      ack,
      flags: ["ACK"],
      window: 1000,
    },
  };
}

/** A capture of these frames, one each second. */
function pcap(packets: readonly PacketInit[]): Uint8Array {
  const frames = packets.map(encodePacket);
  const bytes = new Uint8Array(24 + frames.reduce((sum, { length }) => sum + 16 + length, 0));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0xa1b2c3d4);
  view.setUint16(4, 2);
  view.setUint16(6, 4);
  view.setUint32(16, 65_536);
  view.setUint32(20, 1);
  let at = 24;
  for (const [second, frame] of frames.entries()) {
    view.setUint32(at, second);
    view.setUint32(at + 8, frame.length);
    view.setUint32(at + 12, frame.length);
    bytes.set(frame, at + 16);
    at += 16 + frame.length;
  }
  return bytes;
}

const CASES: Record<string, { packets: PacketInit[]; fault?: string }> = {
  "nothing in a good conversation": {
    packets: [acknowledgement(1), segment(1), acknowledgement(101), segment(101)],
  },
  "a wrong TCP checksum": {
    packets: [acknowledgement(1), segment(1, { checksum: "bad" })],
    fault: "checksum",
  },
  "a wrong IPv4 checksum": {
    packets: [{ ...segment(1), ip: { source: STACK, destination: HOST, checksum: 1 } }],
    fault: "checksum",
  },
  "a retransmission": {
    packets: [acknowledgement(1), segment(1), acknowledgement(1), segment(1)],
    fault: "etransmission",
  },
  "a TCP header that is cut off": {
    packets: [segment(1, { dataOffset: 4 })],
    fault: "Bogus TCP header length",
  },
};

for (const [name, { packets, fault }] of Object.entries(CASES)) {
  tapTest(`tshark finds ${name}`, ["tshark"], async () => {
    await using directory = await Directory.create();
    const path = directory.join("case.pcap");
    await Deno.writeFile(path, pcap(packets));
    const faults = await new Packets(path).faults();
    assertEquals(faults.length, fault === undefined ? 0 : 1, faults.join("\n"));
    if (fault !== undefined) assertStringIncludes(faults[0]!, fault);
  });
}
