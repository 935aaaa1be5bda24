import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { tapTest } from "../support/tap.ts";

const ECHO = `
  const listener = Deno.listen({ port: 7007 });
  console.error("listening");
  for await (const conn of listener) conn.readable.pipeTo(conn.writable).catch(() => {});
`;

tapTest("a namespace has its own network, and joins a sibling by a veth pair", [
  "nc",
], async (namespace) => {
  const sibling = await namespace.sibling();
  await namespace.join(sibling, { name: "left", address: "10.9.0.1/24" }, {
    name: "right",
    address: "10.9.0.2/24",
  });
  const server = sibling.spawn([Deno.execPath(), "eval", ECHO]);
  await server.stderr.match(/listening/);
  const echoed = await namespace.run(["nc", "-N", "10.9.0.2", "7007"], { stdin: "hello" });
  assertEquals(echoed.stdout, "hello");
});

tapTest("a process that fails says what it printed", [], async (namespace) => {
  const error = await assertRejects(() => namespace.run(["ip", "link", "show", "nothing0"]), Error);
  assertStringIncludes(error.message, "nothing0");
});

tapTest("a process that runs too long is killed", [], async (namespace) => {
  const process = namespace.spawn(["cat"], { stdin: "open", timeout: 50 });
  const { signal } = await process.result;
  assertEquals(signal, "SIGKILL");
  assertEquals(process.timedOut, true);
});
