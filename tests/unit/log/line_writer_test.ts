import { assert, assertEquals } from "@std/assert";
import { LineWriter } from "../../../runtime/log/line_writer.ts";

/** A stream that takes bytes only when told. */
class SlowStream {
  text = "";
  writes = 0;
  #taken = Promise.withResolvers<void>();

  readonly write = async (bytes: Uint8Array): Promise<number> => {
    this.writes++;
    await this.#taken.promise;
    this.text += new TextDecoder().decode(bytes);
    return bytes.length;
  };

  take(): void {
    this.#taken.resolve();
  }
}

Deno.test("lines queued while one is written leave together, in order", async () => {
  const stream = new SlowStream();
  const writer = new LineWriter(stream.write);
  for (const text of ["a", "b", "c"]) writer.line(text);
  assertEquals(stream.text, "");
  stream.take();
  await writer.flush();
  assertEquals(stream.text, "a\nb\nc\n");
  assertEquals(stream.writes, 2);
});

Deno.test("a short write is continued where it ended", async () => {
  let text = "";
  const writer = new LineWriter((bytes) => {
    text += new TextDecoder().decode(bytes.subarray(0, 3));
    return Promise.resolve(Math.min(3, bytes.length));
  });
  writer.line("0123456789");
  await writer.flush();
  assertEquals(text, "0123456789\n");
});

Deno.test("a reader that does not read costs lines, not memory, and the loss is told", async () => {
  const stream = new SlowStream();
  const writer = new LineWriter(stream.write);
  const line = "x".repeat(1 << 20);
  for (let n = 0; n < 10; n++) writer.line(line);
  stream.take();
  await writer.flush();
  const lines = stream.text.split("\n").slice(0, -1);
  assertEquals(lines.filter((text) => text === line).length, 5);
  assertEquals(lines.at(-1), "5 log lines lost: they were not read in time");
});

Deno.test("a closed pipe is no error, and what follows is dropped", async () => {
  let writes = 0;
  const writer = new LineWriter(() => {
    writes++;
    return Promise.reject(new Deno.errors.BrokenPipe("Broken pipe (os error 32)"));
  });
  writer.line("a");
  await writer.flush();
  writer.line("b");
  await writer.flush();
  assertEquals(writes, 1);
});

Deno.test("a write begins at once, not a turn later", () => {
  let began = false;
  new LineWriter((bytes) => {
    began = true;
    return Promise.resolve(bytes.length);
  }).line("a");
  assert(began);
});
