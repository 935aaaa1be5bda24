import { assertEquals } from "@std/assert";
import {
  readVirtioNetHeader,
  VIRTIO_NET_HEADER_SIZE,
  writeVirtioNetHeader,
} from "../../../runtime/device/linux/virtio_net.ts";
import { Frame } from "../../../stack/wire/frame.ts";

/** A frame of 14 + 20 + 32 bytes of headers and a payload. */
function tcpFrame(etherType: number): Frame {
  const bytes = new Uint8Array(3000);
  bytes.set([etherType >> 8, etherType & 0xff], 12);
  bytes[34 + 12] = 8 << 4;
  return new Frame(bytes);
}

function write(frame: Frame): number[] {
  const bytes = new Uint8Array(VIRTIO_NET_HEADER_SIZE + 4).fill(0xee);
  writeVirtioNetHeader(frame, bytes, 2);
  assertEquals([...bytes.subarray(0, 2), ...bytes.subarray(12)], [0xee, 0xee, 0xee, 0xee]);
  return [...bytes.subarray(2, 12)];
}

function read(header: number[], frame: Frame): Frame {
  readVirtioNetHeader(new Uint8Array([0xee, ...header]), 1, frame);
  return frame;
}

Deno.test("an ordinary frame has a header of zeros", () => {
  assertEquals(write(tcpFrame(0x0800)), [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  const frame = read([0, 0, 0, 0, 0, 0, 0, 0, 0, 0], tcpFrame(0x0800));
  assertEquals(frame, tcpFrame(0x0800));
});

Deno.test("a partial checksum is NEEDS_CSUM, with the place of the field", () => {
  const frame = tcpFrame(0x0800);
  Object.assign(frame, { checksum: "partial", checksumStart: 34, checksumOffset: 16 });
  const header = [1, 0, 0, 0, 0, 0, 34, 0, 16, 0];
  assertEquals(write(frame), header);
  assertEquals(read(header, tcpFrame(0x0800)), frame);
});

Deno.test("a super-segment tells its version, the size of its segments and its headers", () => {
  for (const [etherType, gsoType] of [[0x0800, 1], [0x86dd, 4]] as const) {
    const frame = tcpFrame(etherType);
    Object.assign(frame, { checksum: "partial", checksumStart: 34, checksumOffset: 16 });
    Object.assign(frame, { segmentSize: 1448, headerLength: 66 });
    assertEquals(write(frame), [1, gsoType, 66, 0, 0xa8, 5, 34, 0, 16, 0]);
    // What the kernel gives as hdr_len may reach into the payload.
    const header = [1, gsoType | 0x80, 200, 0, 0xa8, 5, 34, 0, 16, 0];
    assertEquals(read(header, tcpFrame(etherType)), frame);
  }
});

Deno.test("a checksum that the device has verified is DATA_VALID", () => {
  const frame = read([2, 0, 0, 0, 0, 0, 0, 0, 0, 0], tcpFrame(0x0800));
  assertEquals(frame.checksum, "verified");
  assertEquals(write(frame)[0], 0, "which means nothing on the way out");
});

Deno.test("a header that points beyond its frame does not read there", () => {
  const frame = read([1, 1, 0, 0, 0xa8, 5, 0xff, 0xff, 0xff, 0xff], tcpFrame(0x0800));
  assertEquals(frame.headerLength, frame.length);
});
