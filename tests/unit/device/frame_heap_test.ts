import { assert, assertEquals } from "@std/assert";
import { FrameHeap } from "../../../runtime/device/frame_heap.ts";
import { seededRandom } from "../../../runtime/device/random.ts";
import { Frame } from "../../../stack/wire/frame.ts";
import { testFrame } from "../../support/device_compliance.ts";

Deno.test("frames come out when they are due, those of one time in the order of coming", () => {
  const random = seededRandom(5);
  const heap = new FrameHeap(Infinity);
  const model: { due: number; number: number }[] = [];
  const frame = new Frame();
  for (let number = 0; number < 20_000; number++) {
    if (random() % 5 < 3) {
      const due = random() % 50;
      assert(heap.push(new Frame(testFrame(14 + number % 700, number)), due));
      model.push({ due, number });
    } else if (model.length > 0) {
      model.sort((a, b) => a.due - b.due || a.number - b.number);
      const { due, number } = model.shift()!;
      assertEquals(heap.nextDue, due);
      heap.pop(frame);
      assertEquals(frame.view(), testFrame(14 + number % 700, number));
    }
    assertEquals(heap.size, model.length);
  }
});

Deno.test("a frame that was taken stays until the next one is taken", () => {
  const heap = new FrameHeap(Infinity);
  const frame = new Frame();
  heap.push(new Frame(testFrame(100, 1)), 1);
  heap.pop(frame);
  for (let i = 2; i < 5; i++) heap.push(new Frame(testFrame(100, i)), i);
  assertEquals(frame.view(), testFrame(100, 1));
});

Deno.test("buffers are used again", () => {
  const heap = new FrameHeap(Infinity);
  const frame = new Frame();
  const buffers = new Set<ArrayBufferLike>();
  for (let i = 0; i < 10_000; i++) {
    heap.push(new Frame(testFrame(i % 2 === 0 ? 60 : 1514)), i);
    if (i < 10) continue;
    heap.pop(frame);
    buffers.add(frame.bytes.buffer);
  }
  assert(buffers.size <= 14, `${buffers.size} buffers`);
});

Deno.test("a heap that is empty has nothing due, and one that is full takes no more", () => {
  const heap = new FrameHeap(100);
  assertEquals(heap.nextDue, Infinity);
  assert(heap.push(new Frame(testFrame(60)), 1));
  assertEquals(heap.push(new Frame(testFrame(60)), 1), false);
  assert(heap.push(new Frame(testFrame(40)), 1));
  heap.clear();
  assertEquals([heap.size, heap.nextDue], [0, Infinity]);
  assert(heap.push(new Frame(testFrame(100)), 1));
});
