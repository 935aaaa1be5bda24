import { assertEquals } from "@std/assert";
import { Frame } from "../../../stack/wire/frame.ts";

Deno.test("a clone has its own bytes and the same offload", () => {
  const frame = new Frame(Uint8Array.of(9, 1, 2, 3, 9), 1, 3);
  frame.checksum = "partial";
  frame.checksumStart = 34;
  frame.checksumOffset = 16;
  frame.segmentSize = 1460;
  frame.headerLength = 54;
  const copy = frame.clone();
  frame.bytes[1] = 7;
  assertEquals([...copy.view()], [1, 2, 3]);
  assertEquals(
    [copy.checksum, copy.checksumStart, copy.checksumOffset, copy.segmentSize, copy.headerLength],
    ["partial", 34, 16, 1460, 54],
  );
});

Deno.test("a clone of a frame in two pieces is in one", () => {
  const frame = new Frame(Uint8Array.of(9, 1, 2), 1, 5);
  frame.setApart(Uint8Array.of(8, 8, 3, 4, 5, 8), 2, 3);
  const copy = frame.clone();
  assertEquals([[...copy.view()], copy.apartLength], [[1, 2, 3, 4, 5], 0]);
});

Deno.test("a frame that is pointed elsewhere forgets its offload", () => {
  const frame = new Frame();
  frame.checksum = "verified";
  frame.segmentSize = 1460;
  frame.setApart(new Uint8Array(10), 0, 10);
  frame.set(new Uint8Array(10), 2, 5);
  assertEquals([frame.checksum, frame.segmentSize, frame.view().length], ["complete", 0, 5]);
  assertEquals([frame.apart.length, frame.apartLength], [0, 0]);
});
