import { assert } from "@std/assert";

Deno.test("the examples in the documentation of the testing export run", async () => {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "--doc", "runtime/testing/"],
    cwd: new URL("../../../", import.meta.url),
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  assert(success, text);
  assert(/ [2-9] passed/.test(text), text);
});
