import { assert } from "@std/assert";

Deno.test("connections that end in any of eight ways leave nothing: no entry, no timer, no memory", async () => {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-check",
      "--v8-flags=--expose-gc",
      new URL("leak.ts", import.meta.url).pathname,
      "--connections=1000",
      "--rounds=5",
    ],
  }).output();
  const decoder = new TextDecoder();
  assert(success, `${decoder.decode(stdout)}\n${decoder.decode(stderr)}`);
});
