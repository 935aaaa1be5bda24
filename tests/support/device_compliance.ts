import { assert, assertEquals, assertGreater, assertGreaterOrEqual } from "@std/assert";
import type { Device } from "../../runtime/device/device.ts";
import { Frame } from "../../stack/wire/frame.ts";

/** The other side of a device: where its frames go, and where those that it receives come from. */
export interface FarEnd {
  /** Makes a frame arrive at the device. */
  send(bytes: Uint8Array): void;
  /** Takes the next frame that the device transmitted; `undefined` if there is none. */
  take(): Uint8Array | undefined;
}

/** A device with the other side at hand. Disposing of it closes the device. */
export interface DeviceUnderTest extends AsyncDisposable {
  /** The device. */
  readonly device: Device;
  /** Its other side. */
  readonly far: FarEnd;
}

/** Local experimental EtherType 1 (IEEE 802): nobody but the tests sends it. */
export const TEST_ETHERTYPE = 0x88b5;

const ETHERNET_HEADER_SIZE = 14;
const LONG = 5000;

/**
 * A broadcast frame of the test's own EtherType, whose payload is told by a number.
 *
 * @param length Length of the frame in bytes, at least 14.
 * @param number Fills the payload, together with the place of each byte.
 */
export function testFrame(length: number, number = 0): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  bytes.fill(0xff, 0, 6);
  bytes.set([2, 0, 0, 0, 0, 9, TEST_ETHERTYPE >> 8, TEST_ETHERTYPE & 0xff], 6);
  for (let i = ETHERNET_HEADER_SIZE; i < length; i++) bytes[i] = number * 31 + i;
  return bytes;
}

/** Waits for the device's next frame, and copies it. */
export async function nextFrame(device: Device): Promise<Uint8Array> {
  const frame = new Frame();
  const end = performance.now() + LONG;
  while (true) {
    const now = performance.now();
    if (device.receive(frame, now)) return frame.view().slice();
    if (now > end) throw new Error(`no frame on ${device.name} within ${LONG} ms`);
    await device.wait(Math.min(end, device.nextDeadline()) - now);
  }
}

/**
 * Registers the tests that every device passes: what the runtime relies on, whatever is behind it.
 *
 * @param name What the device is called in the names of the tests.
 * @param open Opens one, with nothing on its way; a device of its own for each test.
 */
export function testDeviceCompliance(
  name: string,
  open: () => DeviceUnderTest | Promise<DeviceUnderTest>,
): void {
  function test(sentence: string, body: (device: Device, far: FarEnd) => Promise<void> | void) {
    Deno.test(`${name}: ${sentence}`, async () => {
      await using under = await open();
      await body(under.device, under.far);
    });
  }

  function send(device: Device, bytes: Uint8Array): boolean {
    return device.transmit(new Frame(bytes), performance.now());
  }

  test("says what it can do, and has a name", ({ name, capabilities }) => {
    assert(name !== "");
    assertGreaterOrEqual(capabilities.mtu, 576);
    assertGreaterOrEqual(65535, capabilities.mtu);
    assertGreaterOrEqual(capabilities.maxFrame, capabilities.mtu + ETHERNET_HEADER_SIZE);
    assert(!capabilities.segmentation || capabilities.transmitChecksum);
  });

  test("has nothing to receive at first", (device) => {
    assertEquals(device.receive(new Frame(), performance.now()), false);
  });

  test("receives frames in order", async (device, far) => {
    for (let i = 0; i < 100; i++) far.send(testFrame(60 + i, i));
    for (let i = 0; i < 100; i++) assertEquals(await nextFrame(device), testFrame(60 + i, i));
    assertEquals(device.receive(new Frame(), performance.now()), false);
  });

  test("transmits frames in order", (device, far) => {
    for (let i = 0; i < 100; i++) assert(send(device, testFrame(60 + i, i)));
    for (let i = 0; i < 100; i++) assertEquals(far.take(), testFrame(60 + i, i));
    assertEquals(far.take(), undefined);
  });

  test("carries the shortest and the longest frame", async (device, far) => {
    for (const length of [14, 15, device.capabilities.mtu + ETHERNET_HEADER_SIZE]) {
      const bytes = testFrame(length, 7);
      assert(send(device, bytes));
      assertEquals(far.take(), bytes);
      far.send(bytes);
      assertEquals(await nextFrame(device), bytes);
    }
  });

  test(
    "refuses frames that are too short or too long, or lie outside their buffer",
    (device, far) => {
      assertEquals(send(device, testFrame(14).subarray(0, 13)), false);
      assertEquals(send(device, new Uint8Array(0)), false);
      assertEquals(send(device, testFrame(device.capabilities.maxFrame + 1)), false);
      assertEquals(device.transmit(new Frame(testFrame(60), 1, 60), 0), false);
      assertEquals(device.transmit(new Frame(testFrame(60), -1, 60), 0), false);
      assertEquals(far.take(), undefined);
    },
  );

  test("refuses an offload that it does not offer", (device, far) => {
    const frame = new Frame(testFrame(1200));
    frame.checksum = "partial";
    frame.checksumStart = 34;
    frame.checksumOffset = 16;
    if (!device.capabilities.transmitChecksum) assertEquals(device.transmit(frame, 0), false);
    frame.segmentSize = 500;
    frame.headerLength = 54;
    if (!device.capabilities.segmentation) {
      assertEquals(device.transmit(frame, 0), false);
      assertEquals(far.take(), undefined);
    }
  });

  test("carries a frame whose end lies in another buffer, if it says so", (device, far) => {
    const bytes = testFrame(900, 3);
    const frame = new Frame(bytes.slice(0, 50), 0, 900);
    frame.setApart(bytes.slice(40), 10, 850);
    const { gather = false } = device.capabilities;
    assertEquals(device.transmit(frame, performance.now()), gather);
    assertEquals(far.take(), gather ? bytes : undefined);
    frame.setApart(bytes, 60, 850);
    assertEquals(device.transmit(frame, performance.now()), false, "beyond that buffer's end");
    frame.setApart(bytes, 0, 890);
    assertEquals(device.transmit(frame, performance.now()), false, "an Ethernet header in two");
  });

  test("transmits from any place in a buffer, which is free again at once", (device, far) => {
    const buffer = new Uint8Array(4096);
    for (const [start, offset] of [[0, 0], [0, 2], [100, 0], [101, 33]] as const) {
      const bytes = buffer.subarray(start);
      bytes.set(testFrame(200, start), offset);
      assert(device.transmit(new Frame(bytes, offset, 200), performance.now()));
      buffer.fill(0xee);
      assertEquals(far.take(), testFrame(200, start));
    }
  });

  test("shows a frame until the next receive, whatever else happens", (device, far) => {
    const frame = new Frame();
    far.send(testFrame(100, 1));
    assert(device.receive(frame, performance.now()));
    for (let i = 2; i < 30; i++) {
      far.send(testFrame(1000, i));
      assert(send(device, testFrame(1000, i + 100)));
    }
    assertEquals(frame.view(), testFrame(100, 1));
    assert(device.receive(frame, performance.now()));
    assertEquals(frame.view(), testFrame(1000, 2));
  });

  test("clears the offload of the frame before", (device, far) => {
    const frame = new Frame();
    Object.assign(frame, { checksum: "partial", checksumStart: 34, checksumOffset: 6 });
    Object.assign(frame, { segmentSize: 1460, headerLength: 54 });
    far.send(testFrame(100));
    assert(device.receive(frame, performance.now()));
    assertEquals(
      frame,
      Object.assign(new Frame(), frame.clone(), {
        bytes: frame.bytes,
        offset: frame.offset,
        checksum: "complete",
        checksumStart: 0,
        checksumOffset: 0,
        segmentSize: 0,
        headerLength: 0,
      }),
    );
  });

  test("ends a wait when a frame arrives", async (device, far) => {
    const wait = device.wait(Infinity);
    far.send(testFrame(60, 1));
    await wait;
    assertEquals(await nextFrame(device), testFrame(60, 1));
  });

  test("does not wait when a frame is there", async (device, far) => {
    far.send(testFrame(60, 1));
    await device.wait(Infinity);
    assertEquals(await nextFrame(device), testFrame(60, 1));
  });

  test("ends a wait when woken, or the next one at once", async (device) => {
    const wait = device.wait(Infinity);
    device.wake();
    await wait;
    device.wake();
    device.wake();
    await device.wait(Infinity);
    const start = performance.now();
    await device.wait(20);
    assertGreater(performance.now() - start, 10);
  });

  test("ends a wait when its time is up, and not before", async (device) => {
    for (const timeout of [0, 3.3, 25]) {
      const start = performance.now();
      await device.wait(timeout);
      const took = performance.now() - start;
      assertGreaterOrEqual(took, timeout - 0.1);
      assertGreater(1000, took);
    }
  });

  test("waits anew after being woken, for a shorter or longer time", async (device, far) => {
    for (const [before, after] of [[Infinity, 15], [LONG, 15], [5, 30]] as const) {
      const woken = device.wait(before);
      device.wake();
      await woken;
      const start = performance.now();
      await device.wait(after);
      assertGreaterOrEqual(performance.now() - start, after - 0.1);
      assertGreater(1000, performance.now() - start);
    }
    const woken = device.wait(Infinity);
    device.wake();
    await woken;
    const wait = device.wait(Infinity);
    far.send(testFrame(60, 1));
    await wait;
    assertEquals(await nextFrame(device), testFrame(60, 1));
  });

  test("closes during a wait, and twice", async (device) => {
    const wait = device.wait(Infinity);
    await Promise.all([device.close(), device.close(), wait]);
    await device.close();
  });

  test("neither receives nor transmits nor waits when closed", async (device, far) => {
    far.send(testFrame(60));
    await device.close();
    assertEquals(device.receive(new Frame(), performance.now()), false);
    assertEquals(send(device, testFrame(60)), false);
    await device.wait(Infinity);
    device.wake();
    assertEquals(device.nextDeadline(), Infinity);
  });
}
