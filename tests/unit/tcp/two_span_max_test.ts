import { assertEquals } from "@std/assert";
import { TwoSpanMax } from "../../../stack/tcp/two_span_max.ts";

Deno.test("a maximum lasts for its span and the next", () => {
  const max = new TwoSpanMax();
  assertEquals(max.value, 0);
  max.add(5);
  max.add(3);
  assertEquals(max.value, 5);
  max.advance();
  max.add(2);
  assertEquals(max.value, 5);
  max.advance();
  assertEquals(max.value, 2);
});

Deno.test("a span without a value does not push out the one before", () => {
  const max = new TwoSpanMax();
  max.add(5);
  max.advance();
  max.advance();
  max.advance();
  assertEquals(max.value, 5);
});
