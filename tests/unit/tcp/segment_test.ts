import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { TCP_FLAG_BITS, type TcpOption } from "../../../runtime/testing/packet.ts";
import { decodePacket } from "../../../runtime/testing/packet_decode.ts";
import { encodePacket } from "../../../runtime/testing/packet_encode.ts";
import * as wire from "../../../stack/wire/tcp.ts";

const TCP_OFFSET = 34;

/** A frame built by the other implementation. */
function frameWith(options: TcpOption[], dataOffset?: number): Uint8Array {
  return encodePacket({
    ethernet: { source: "02:00:00:00:00:01", destination: "02:00:00:00:00:02" },
    ip: { source: "10.0.0.1", destination: "10.0.0.2" },
    tcp: {
      sourcePort: 40000,
      destinationPort: 80,
      seq: 0xfedcba98,
      ack: 0x89abcdef,
      flags: ["PSH", "ACK"],
      window: 0xfffe,
      options,
      payload: new Uint8Array([1, 2, 3]),
      dataOffset,
    },
  });
}

/** `undefined` when the header is refused, `false` when the options are. */
function read(frame: Uint8Array): { segment: wire.Segment; options: boolean } | undefined {
  const segment = new wire.Segment();
  const length = frame.length - TCP_OFFSET;
  if (!wire.readSegment(frame, TCP_OFFSET, length, segment)) return undefined;
  return { segment, options: wire.readOptions(TCP_OFFSET, segment) };
}

function raw(...bytes: number[]): TcpOption {
  return { kind: "raw", bytes: Uint8Array.from(bytes) };
}

Deno.test("a segment is read as it was built", () => {
  const { segment, options } = read(
    frameWith([{ kind: "mss", size: 1460 }, { kind: "ws", shift: 7 }]),
  )!;
  assertEquals(options, true);
  assertEquals([segment.sourcePort, segment.destinationPort], [40000, 80]);
  assertEquals([segment.seq >>> 0, segment.ack >>> 0], [0xfedcba98, 0x89abcdef]);
  assertEquals(segment.flags, TCP_FLAG_BITS.PSH | TCP_FLAG_BITS.ACK);
  assertEquals([segment.window, segment.mss, segment.windowScale], [0xfffe, 1460, 7]);
  assertEquals([segment.length, segment.segmentSize], [3, 3]);
  assertEquals(segment.bytes[segment.offset], 1);
});

Deno.test("without options there is no MSS and no window scale", () => {
  const { segment } = read(frameWith([]))!;
  assertEquals([segment.mss, segment.windowScale], [0, -1]);
});

Deno.test("unknown options and padding are skipped, whatever the order", () => {
  const { segment, options } = read(frameWith([
    { kind: "nop" },
    raw(253, 6, 1, 2, 3, 4),
    { kind: "sackok" },
    { kind: "ts", value: 1, echo: 2 },
    { kind: "ws", shift: 3 },
    { kind: "mss", size: 536 },
  ]))!;
  assertEquals([options, segment.mss, segment.windowScale], [true, 536, 3]);
});

Deno.test("nothing is read behind the end of the list", () => {
  const { segment, options } = read(frameWith([raw(0), { kind: "mss", size: 1460 }]))!;
  assertEquals([options, segment.mss], [true, 0]);
});

Deno.test("a window scale above 14 counts as 14 (RFC 7323 section 2.3)", () => {
  assertEquals(read(frameWith([{ kind: "ws", shift: 255 }]))!.segment.windowScale, 14);
});

Deno.test("D12: an option of impossible length is an error, never a loop or a throw", () => {
  for (
    const bad of [
      raw(2, 0),
      raw(2, 1),
      raw(253, 0),
      raw(253, 41),
      raw(3, 2),
      raw(2, 5, 0),
      raw(5, 3),
    ]
  ) {
    const frame = frameWith([bad]);
    assertEquals(read(frame)!.options, false);
    assert(decodePacket(frame).faults.some((fault) => fault.includes("has length")));
  }
  assertEquals(read(frameWith([raw(1, 1, 1, 2)]))!.options, false);
});

Deno.test("D12: a data offset below 5 or beyond the segment is refused", () => {
  for (const offset of [0, 4, 7, 15]) assertEquals(read(frameWith([], offset)), undefined);
  for (const length of [0, 1, 19]) {
    assertEquals(wire.readSegment(new Uint8Array(100), 0, length, new wire.Segment()), false);
  }
});

Deno.test("D12: any option bytes are read within the header, in both implementations alike", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
    const frame = frameWith([{ kind: "raw", bytes }]);
    const { segment, options } = read(frame)!;
    const other = decodePacket(frame);
    const malformed = other.faults.some((fault) => fault.includes("has length"));
    if (!malformed) assert(options);
    const mss = other.tcp!.options.findLast(({ kind }) => kind === "mss");
    if (!malformed) assertEquals(segment.mss, mss?.kind === "mss" ? mss.size : 0);
  }));
});

Deno.test("a header is written so that the other implementation reads it", () => {
  const frame = frameWith([]);
  wire.writeSegment(
    frame,
    TCP_OFFSET,
    80,
    40000,
    0x81234567 | 0,
    0xf1234567 | 0,
    wire.SYN | wire.ACK,
    0x1234,
    20,
  );
  const { tcp } = decodePacket(frame);
  assertEquals({ ...tcp!, payload: undefined }, {
    sourcePort: 80,
    destinationPort: 40000,
    seq: 0x81234567,
    ack: 0xf1234567,
    flags: ["SYN", "ACK"],
    window: 0x1234,
    urgent: 0,
    options: [],
    payload: undefined,
  });
});

Deno.test("SYN options are written so that the other implementation reads them", () => {
  for (const windowScale of [undefined, 0, 7, 14]) {
    for (const sackPermitted of [false, true]) {
      for (const timestamp of [undefined, -5]) {
        const frame = frameWith([raw(...new Array(24).fill(0))]);
        const length = wire.writeSynOptions(frame, TCP_OFFSET, {
          mss: 1460,
          windowScale,
          sackPermitted,
          timestamp,
          timestampEcho: 7,
        });
        frame[TCP_OFFSET + 12] = length << 2;
        assertEquals(length % 4, 0);
        const kinds = decodePacket(frame).tcp!.options.map(({ kind }) => kind)
          .filter((kind) => kind !== "nop");
        assertEquals(kinds.includes("ws"), windowScale !== undefined);
        assertEquals(
          kinds.length,
          1 +
            [windowScale !== undefined, sackPermitted, timestamp !== undefined].filter(Boolean)
              .length,
        );
        const segment = new wire.Segment();
        wire.readSegment(frame, TCP_OFFSET, frame.length - TCP_OFFSET, segment);
        assert(wire.readOptions(TCP_OFFSET, segment));
        assertEquals([segment.mss, segment.windowScale], [1460, windowScale ?? -1]);
        assertEquals(segment.sackPermitted, sackPermitted);
        assertEquals(segment.hasTimestamps, timestamp !== undefined);
        if (timestamp !== undefined) {
          assertEquals([segment.timestamp, segment.timestampEcho], [timestamp, 7]);
        }
      }
    }
  }
});
