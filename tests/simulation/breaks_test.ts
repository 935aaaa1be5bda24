import { assertEquals } from "@std/assert";
import { BREAKS } from "./breaks.ts";

Deno.test("breaks: the text of each is there exactly once", async () => {
  for (const { name, file, search } of BREAKS) {
    const text = await Deno.readTextFile(new URL(`../../${file}`, import.meta.url));
    assertEquals(text.split(search).length, 2, `"${name}" in ${file}`);
  }
});
