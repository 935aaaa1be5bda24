import { assert, assertEquals, assertRejects } from "@std/assert";
import { Capture } from "../../../runtime/device/capture.ts";
import { CaptureFile } from "../../../runtime/device/capture_file.ts";
import { loopbackPair } from "../../../runtime/device/loopback.ts";
import { Frame } from "../../../stack/wire/frame.ts";
import { testFrame } from "../../support/device_compliance.ts";
import { readPcapng } from "../../support/pcapng.ts";
import { run } from "../../support/process.ts";
import { findTool } from "../../support/tap.ts";

function unexpected(error: Error): never {
  throw error;
}

/** A target that writes when it is told to, and how much of each buffer. */
class SlowTarget {
  readonly written: number[] = [];
  readonly sizes: number[] = [];
  #waiting: PromiseWithResolvers<number> | undefined;
  #bytes: Uint8Array = new Uint8Array(0);

  write(bytes: Uint8Array): Promise<number> {
    assertEquals(this.#waiting, undefined, "one write at a time");
    this.sizes.push(bytes.length);
    this.#bytes = bytes;
    this.#waiting = Promise.withResolvers();
    return this.#waiting.promise;
  }

  /** Lets the pending write go on, at most so many bytes of it. */
  async go(most = Infinity): Promise<void> {
    await Promise.resolve();
    const length = Math.min(most, this.#bytes.length);
    this.written.push(...this.#bytes.subarray(0, length));
    const waiting = this.#waiting!;
    this.#waiting = undefined;
    waiting.resolve(length);
    await waiting.promise;
    await Promise.resolve();
  }

  async fail(error: Error): Promise<void> {
    await Promise.resolve();
    this.#waiting!.reject(error);
  }
}

Deno.test("chunks are written in order, those that come meanwhile together", async () => {
  const target = new SlowTarget();
  const file = new CaptureFile(target, { failed: unexpected });
  const chunk = new Uint8Array(1);
  const take = (value: number) => {
    chunk[0] = value;
    assert(file.sink(chunk));
  };
  take(1);
  take(2);
  await target.go();
  take(3);
  await target.go(1);
  take(4);
  take(5);
  const closed = file.close();
  await target.go(1);
  await target.go(1);
  await closed;
  assertEquals(target.written, [1, 2, 3, 4, 5]);
  assertEquals(target.sizes, [2, 1, 2, 1]);
});

Deno.test("what exceeds the limit is refused until there is room", async () => {
  const target = new SlowTarget();
  const file = new CaptureFile(target, { failed: unexpected, limit: 100_000 });
  const chunk = new Uint8Array(60_000);
  assert(file.sink(chunk));
  assertEquals(file.sink(chunk), false);
  assert(file.sink(chunk.subarray(0, 40_000)));
  assertEquals(file.sink(chunk.subarray(0, 1)), false);
  await target.go(0);
  assert(file.sink(chunk), "the other buffer takes the next ones");
  const closed = file.close();
  while (target.written.length < 160_000) await target.go();
  await closed;
});

Deno.test("a target that fails is told of once, and the file still closes", async () => {
  const target = new SlowTarget();
  const errors: string[] = [];
  let released = 0;
  const file = new CaptureFile(target, { failed: (error) => errors.push(error.message) }, () => {
    released++;
  });
  file.sink(new Uint8Array(10));
  await target.fail(new Error("no space left"));
  await Promise.resolve();
  await file.close();
  await file.close();
  assertEquals(file.sink(new Uint8Array(10)), false);
  assertEquals(errors, ["no space left"]);
  assertEquals(released, 1);
});

Deno.test("a capture of many frames is read back whole from its file", async () => {
  const path = await Deno.makeTempFile({ suffix: ".pcapng" });
  try {
    await capture(path, 5000);
    const { packets, statistics } = readPcapng(await Deno.readFile(path));
    assertEquals(packets.length, 5000);
    packets.forEach(({ bytes }, i) => assertEquals(bytes, testFrame(60 + i % 1400, i)));
    assertEquals(statistics[0]!.lost, 0n);
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("a file that cannot be opened is told of at once", async () => {
  const path = `${await Deno.makeTempDir()}/missing/trace.pcapng`;
  await assertRejects(
    () => CaptureFile.open(path, { failed: unexpected }),
    Deno.errors.NotFound,
  );
});

const missing = ["tshark", "tcpdump"].filter((tool) => !findTool(tool));
Deno.test({
  name: "tshark and tcpdump read a capture" +
    (missing.length > 0 ? ` [not run: ${missing.join(", ")} not installed]` : ""),
  ignore: missing.length > 0,
  async fn() {
    const path = await Deno.makeTempFile({ suffix: ".pcapng" });
    try {
      await capture(path, 3);
      const tshark = await run(
        ["tshark", "-n", "-r", path, "-T", "fields"].concat(
          ["frame.time_epoch", "frame.len", "frame.interface_name", "frame.interface_description"]
            .concat("frame.packet_flags_direction", "frame.comment")
            .flatMap((field) => ["-e", field]),
        ),
      );
      const rows = tshark.stdout.trimEnd().split("\n").map((line) => line.split("\t"));
      assertEquals(rows.map(([time, ...rest]) => [time!.replace(/^.*:/, ""), ...rest]), [
        ["1700000000.000000000", "60", "loopback-a", "a wire", "0x00000002", "frame 0"],
        ["1700000000.001000001", "61", "loopback-a", "a wire", "0x00000002", "frame 1"],
        ["1700000000.002000002", "62", "loopback-a", "a wire", "0x00000002", "frame 2"],
      ]);
      const tcpdump = await run(["tcpdump", "-n", "-r", path]);
      assertEquals(tcpdump.stdout.match(/^\d\d:/gm)?.length, 3);
    } finally {
      await Deno.remove(path);
    }
  },
});

async function capture(path: string, frames: number): Promise<void> {
  await using file = await CaptureFile.open(path, { failed: unexpected });
  const [inner, other] = loopbackPair();
  const capture = new Capture({ sink: file.sink, timeOrigin: 1_700_000_000_000 });
  const device = capture.wrap(inner, "a wire");
  const frame = new Frame();
  for (let i = 0; i < frames; i++) {
    assert(device.transmit(new Frame(testFrame(60 + i % 1400, i)), i * 1.000_001));
    device.annotate(`frame ${i}`);
    assert(other.receive(frame));
  }
  await device.close();
  await other.close();
}

Deno.test("a capture that cannot be opened is told as that, with its path", async () => {
  const failed = () => {};
  const directory = await Deno.makeTempDir();
  try {
    for (
      const [path, found] of [
        [`${directory}/no/x`, "in a directory that is there, found no such directory"],
        [directory, "expected a file, found a directory"],
      ] as const
    ) {
      const error = await assertRejects(() => CaptureFile.open(path, { failed }), Error, found);
      assertEquals(error.message.split(": ")[0], `cannot write the capture to "${path}"`);
    }
  } finally {
    await Deno.remove(directory);
  }
});
