import { assert, assertEquals } from "@std/assert";
import {
  Capture,
  type CaptureDevice,
  type CaptureOptions,
} from "../../../runtime/device/capture.ts";
import {
  type LoopbackDevice,
  type LoopbackOptions,
  loopbackPair,
} from "../../../runtime/device/loopback.ts";
import { Frame } from "../../../stack/wire/frame.ts";
import { testDeviceCompliance, testFrame } from "../../support/device_compliance.ts";
import { type CaptureContents, readPcapng } from "../../support/pcapng.ts";

/** A capture in memory. */
class Memory {
  readonly #chunks: number[][] = [];
  refuse = false;
  readonly sink = (chunk: Uint8Array) => {
    if (!this.refuse) this.#chunks.push([...chunk]);
    return !this.refuse;
  };

  read(): CaptureContents {
    return readPcapng(new Uint8Array(this.#chunks.flat()));
  }
}

function capture(options?: Partial<CaptureOptions>, wire?: LoopbackOptions): {
  memory: Memory;
  device: CaptureDevice;
  other: LoopbackDevice;
} {
  const memory = new Memory();
  const [inner, other] = loopbackPair(wire);
  const file = new Capture({ sink: memory.sink, timeOrigin: 1_700_000_000_000, ...options });
  return { memory, device: file.wrap(inner, "one end of a wire"), other };
}

testDeviceCompliance("captured loopback", () => {
  const { device, other } = capture();
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
});

Deno.test("a capture tells its program and its interfaces", async () => {
  const memory = new Memory();
  const file = new Capture({ sink: memory.sink, application: "Taproom 1.2" });
  const [a, b] = loopbackPair({ names: ["left", "right-ü"] });
  const devices = [file.wrap(a, "192.168.69.2/24"), file.wrap(b)];
  assertEquals(devices[0]!.name, "left");
  assertEquals(devices[0]!.capabilities, a.capabilities);
  for (const device of devices) await device.close();
  const { application, interfaces } = memory.read();
  assertEquals(application, "Taproom 1.2");
  const common = { linkType: 1, snapLength: 0, resolution: 9 };
  assertEquals(interfaces, [
    { ...common, name: "left", description: "192.168.69.2/24" },
    { ...common, name: "right-ü", description: "" },
  ]);
});

Deno.test("a capture has every frame whole, with its direction, in the order of time", async () => {
  const { memory, device, other } = capture({}, { mtu: 9000 });
  const frame = new Frame();
  for (let length = 60; length < 70; length++) {
    assert(device.transmit(new Frame(testFrame(length + 3).subarray(1), 2, length), length));
    other.transmit(new Frame(testFrame(length, length)));
    assert(device.receive(frame, length + 0.5));
  }
  device.transmit(new Frame(testFrame(9014)), 100);
  await device.close();
  const { packets } = memory.read();
  assertEquals(packets.length, 21);
  for (let length = 60; length < 70; length++) {
    const out = packets[2 * (length - 60)]!, back = packets[2 * (length - 60) + 1]!;
    assertEquals([out.direction, back.direction], ["out", "in"]);
    assertEquals(out.bytes, testFrame(length + 3).subarray(3));
    assertEquals(back.bytes, testFrame(length, length));
    assertEquals([out.originalLength, back.originalLength], [length, length]);
  }
  assertEquals(packets[20]!.bytes, testFrame(9014));
  const times = packets.map(({ time }) => time);
  assertEquals(times, times.toSorted((a, b) => Number(a - b)));
  await other.close();
});

Deno.test("stamps are nanoseconds of the wall clock, however long the clock has run", async () => {
  const { memory, device, other } = capture({ timeOrigin: 1_700_000_000_123.456 });
  const times = [0, 0.000_001, 1.5, 4294.967296, 86_400_000.000_25, 2 ** 33 + 0.125];
  // Many seconds apart, so that the lower half of the stamp overflows now and then.
  for (let i = 0; i < 100; i++) times.push(i * 1789.25);
  for (const now of times) device.transmit(new Frame(testFrame(60)), now);
  await device.close();
  assertEquals(
    memory.read().packets.map(({ time }) => time - 1_700_000_000_123_456_000n),
    [0n, 1n, 1_500_000n, 4_294_967_296n, 86_400_000_000_250n, 8_589_934_592_125_000n].concat(
      times.slice(6).map((now) => BigInt(now * 1e6)),
    ),
  );
  await other.close();
});

Deno.test("a comment stands at the frame that was received or sent last", async () => {
  const { memory, device, other } = capture();
  const frame = new Frame();
  other.transmit(new Frame(testFrame(60, 1)));
  device.receive(frame, 1);
  device.annotate("{ Closed }  - Passive_open ->  { Listen }");
  device.transmit(new Frame(testFrame(60, 2)), 1);
  device.annotate("{ Listen }  - Send_synack 7 ->  { Syn_rcvd 7 }");
  device.annotate("zwölf Boxkämpfer");
  device.transmit(new Frame(testFrame(60, 3)), 2);
  await device.close();
  assertEquals(memory.read().packets.map(({ comments }) => comments), [
    ["{ Closed }  - Passive_open ->  { Listen }"],
    ["{ Listen }  - Send_synack 7 ->  { Syn_rcvd 7 }", "zwölf Boxkämpfer"],
    [],
  ]);
  await other.close();
});

Deno.test("a comment never lands on a frame of another interface", async () => {
  const memory = new Memory();
  const file = new Capture({ sink: memory.sink });
  const [a, b] = loopbackPair();
  const left = file.wrap(a), right = file.wrap(b);
  left.transmit(new Frame(testFrame(60, 1)), 1);
  right.annotate("of the right one, before it had a frame");
  right.transmit(new Frame(testFrame(60, 2)), 2);
  left.annotate("of the left one, too late for its frame");
  right.annotate("of the right one");
  await left.close();
  await right.close();
  const { packets, statistics } = memory.read();
  assertEquals(packets.map(({ interface: id, comments }) => [id, comments]), [
    [0, []],
    [1, ["of the right one, before it had a frame", "of the right one"]],
  ]);
  assertEquals(statistics.map(({ interface: id, comments }) => [id, comments]), [
    [0, ["of the left one, too late for its frame"]],
    [1, []],
  ]);
});

Deno.test("comments without a frame are bounded", async () => {
  const { memory, device, other } = capture();
  for (let i = 0; i < 1000; i++) device.annotate(`comment ${i}`);
  await device.close();
  const { comments } = memory.read().statistics[0]!;
  assertEquals(comments.length, 257);
  assertEquals(comments[0], "comment 0");
  assertEquals(comments[256], "and 744 more");
  await other.close();
});

Deno.test("a comment of any length leaves the file whole", async () => {
  const { memory, device, other } = capture();
  device.transmit(new Frame(testFrame(60)), 0);
  for (const length of [0, 1, 4095, 4096, 65_535, 200_000]) device.annotate("ü".repeat(length));
  await device.close();
  const { comments } = memory.read().packets[0]!;
  assertEquals(comments.map(({ length }) => length), [0, 1, 4095, 4096, 32_767, 32_767]);
  await other.close();
});

Deno.test("a live capture is complete whenever its device waits", async () => {
  const { memory, device, other } = capture({ live: true });
  device.transmit(new Frame(testFrame(60, 1)), 1);
  device.annotate("in time");
  assertEquals(memory.read().packets.length, 0, "it may still be commented on");
  device.wake();
  await device.wait(Infinity);
  assertEquals(memory.read().packets.map(({ comments }) => comments), [["in time"]]);
  device.annotate("late");
  device.transmit(new Frame(testFrame(60, 2)), 2);
  await device.close();
  assertEquals(memory.read().packets.map(({ comments }) => comments), [["in time"], ["late"]]);
  await other.close();
});

Deno.test("a frame that the device refuses is not in the capture", async () => {
  const { memory, device, other } = capture();
  assertEquals(device.transmit(new Frame(testFrame(2000)), 1), false);
  await other.close();
  assertEquals(device.transmit(new Frame(testFrame(60)), 1), false);
  await device.close();
  assertEquals(memory.read().packets, []);
});

Deno.test("frames that the sink has no room for are counted", async () => {
  const { memory, device, other } = capture();
  for (let i = 0; i < 6; i++) {
    memory.refuse = i === 2 || i === 3;
    device.transmit(new Frame(testFrame(60, i)), i);
  }
  await device.close();
  const { packets, statistics } = memory.read();
  // Each frame is written when the next one comes: frames 1 and 2 met the full sink.
  assertEquals(packets.map(({ bytes, lost }) => [bytes[14]! / 31 | 0, lost]), [
    [0, 0n],
    [3, 2n],
    [4, 0n],
    [5, 0n],
  ]);
  assertEquals(statistics.map(({ seen, lost }) => [seen, lost]), [[6n, 2n]]);
  await other.close();
});

Deno.test("a super-segment with a partial checksum is written as it is", async () => {
  const { memory, device, other } = capture({}, { transmitChecksum: true, segmentation: true });
  const frame = new Frame(testFrame(65_549, 5));
  Object.assign(frame, { checksum: "partial", checksumStart: 34, checksumOffset: 16 });
  Object.assign(frame, { segmentSize: 1460, headerLength: 54 });
  assert(device.transmit(frame, 0));
  const got = new Frame();
  assert(other.receive(got));
  assertEquals(got.clone(), frame);
  await device.close();
  const { packets: [packet] } = memory.read();
  assertEquals(packet!.bytes, frame.bytes);
  assertEquals(packet!.originalLength, 65_549);
  await other.close();
});
