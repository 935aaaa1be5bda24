import { assert, assertEquals, assertGreater, assertThrows } from "@std/assert";
import { type LoopbackOptions, loopbackPair } from "../../../runtime/device/loopback.ts";
import { Frame } from "../../../stack/wire/frame.ts";
import {
  type DeviceUnderTest,
  testDeviceCompliance,
  testFrame,
} from "../../support/device_compliance.ts";

function pair(options?: LoopbackOptions): DeviceUnderTest {
  const [device, other] = loopbackPair(options);
  const frame = new Frame();
  return {
    device,
    far: {
      send: (bytes) => assert(other.transmit(new Frame(bytes))),
      take: () => other.receive(frame) ? frame.view().slice() : undefined,
    },
    async [Symbol.asyncDispose]() {
      await device.close();
      await other.close();
    },
  };
}

testDeviceCompliance("loopback", () => pair());
testDeviceCompliance(
  "loopback with offload",
  () => pair({ mtu: 9000, transmitChecksum: true, segmentation: true }),
);

Deno.test("a loopback carries offload metadata as it was sent", () => {
  const [a, b] = loopbackPair({ transmitChecksum: true, segmentation: true });
  const sent = new Frame(testFrame(65_549, 3));
  sent.checksum = "partial";
  sent.checksumStart = 34;
  sent.checksumOffset = 16;
  sent.segmentSize = 1460;
  sent.headerLength = 66;
  assert(a.transmit(sent));
  const got = new Frame();
  assert(b.receive(got));
  assertEquals(got.clone(), sent);
  sent.clearOffload();
  sent.checksum = "verified";
  assert(a.transmit(sent));
  assert(b.receive(got));
  assertEquals(got.clone(), sent);
});

Deno.test("a loopback that is full loses the newest frame, and counts it", () => {
  const [a, b] = loopbackPair({ capacity: 4096 });
  let sent = 0;
  while (a.transmit(new Frame(testFrame(100, sent)))) sent++;
  assertGreater(sent, 30);
  assertEquals(a.counters, { transmitted: sent, dropped: 1, rejected: 0 });
  const frame = new Frame();
  for (let i = 0; i < sent; i++) {
    assert(b.receive(frame));
    assertEquals(frame.view(), testFrame(100, i));
  }
  assertEquals(b.receive(frame), false);
  assert(a.transmit(new Frame(testFrame(100, sent))), "there is room again");
});

Deno.test("a loopback keeps every frame whole, however its queue wraps round", () => {
  const [a, b] = loopbackPair({ capacity: 8192 });
  const expected: Uint8Array[] = [];
  const frame = new Frame();
  // Lengths and bursts that share no divisor with the capacity meet its end in every way.
  for (let i = 0; i < 20_000; i++) {
    const bytes = testFrame(14 + (i * 37) % 1500, i);
    if (a.transmit(new Frame(bytes))) expected.push(bytes);
    for (let n = i % 11 === 0 ? 10 : 0; n > 0 && expected.length > 0; n--) {
      assert(b.receive(frame));
      const want = expected.shift()!;
      if (frame.length !== want.length || frame.view().some((byte, at) => byte !== want[at])) {
        assertEquals(frame.view(), want);
      }
    }
  }
  while (expected.length > 0) {
    assert(b.receive(frame));
    assertEquals(frame.view(), expected.shift()!);
  }
  assertEquals(b.receive(frame), false);
  assertGreater(a.counters.dropped, 0, "it was full now and then");
});

Deno.test("a loopback allocates no buffer per frame", () => {
  const [a, b] = loopbackPair();
  const sent = new Frame(testFrame(1514));
  const got = new Frame();
  const buffers = new Set<ArrayBufferLike>();
  for (let i = 0; i < 10_000; i++) {
    a.transmit(sent);
    b.receive(got);
    buffers.add(got.bytes.buffer);
  }
  assertEquals(buffers.size, 1);
});

Deno.test("a loopback whose other end is closed loses what it is given", async () => {
  const [a, b] = loopbackPair();
  await b.close();
  assertEquals(a.transmit(new Frame(testFrame(60))), false);
  assertEquals(a.counters.dropped, 1);
  await a.close();
});

Deno.test("a loopback refuses a capacity that no frame fits into", () => {
  const error = assertThrows(() => loopbackPair({ mtu: 1500, capacity: 1000 }), RangeError);
  assertEquals(error.message, "capacity 1000 is too small: a frame may take up to 1536 bytes");
});
