// Listener modules of other people's, in a directory outside the project.

import { assertEquals, assertMatch, assertNotMatch, assertStringIncludes } from "@std/assert";
import { Directory } from "../support/directory.ts";
import { run } from "../support/process.ts";
import { tapTest } from "../support/tap.ts";
import { projectFile, spawnTaproom, STACK, startTaproom, tapConfig } from "../support/taproom.ts";

const URL_80 = `http://${STACK}/`;

tapTest("a module outside the project, named by a path relative to its config, is served", [
  "nc",
], async (ns) => {
  await using directory = await Directory.create();
  await directory.write(
    "services/shout.ts",
    `export default {
      async flow(flow: Deno.Conn) {
        const shout = new TransformStream<string, string>({
          transform: (text, out) => out.enqueue(text.toUpperCase()),
        });
        await flow.readable.pipeThrough(new TextDecoderStream()).pipeThrough(shout)
          .pipeThrough(new TextEncoderStream()).pipeTo(flow.writable);
      },
    };`,
  );
  await startTaproom(ns, {
    directory,
    config: tapConfig([{ port: 99, module: "./services/shout.ts" }]),
  });
  const { stdout } = await ns.run(["nc", "-N", STACK, "99"], { stdin: "hello" });
  assertEquals(stdout, "HELLO");
});

tapTest("an unchanged Hono app is served", ["curl"], async (ns) => {
  await using directory = await Directory.create();
  const app = await directory.write(
    "app.ts",
    `import { Hono } from "npm:hono@4";
    const app = new Hono();
    app.get("/hello/:name", (c) => c.json({ hello: c.req.param("name") }));
    app.post("/length", async (c) => c.text(String((await c.req.text()).length)));
    export default app;`,
  );
  // In the namespace there is no registry: the package is fetched before.
  await run([Deno.execPath(), "cache", "--no-lock", "--no-config", app], { timeout: 120_000 });
  await startTaproom(ns, {
    directory,
    config: tapConfig([{ port: 80, module: "./app.ts" }]),
    permissions: ["--no-lock"],
  });
  const hello = await ns.run(["curl", "-sS", `${URL_80}hello/tap`]);
  assertEquals(hello.stdout, '{"hello":"tap"}');
  const length = await ns.run(["curl", "-sS", "-d", "x".repeat(70_000), `${URL_80}length`]);
  assertEquals(length.stdout, "70000");
  const missing = await ns.run(["curl", "-sS", "-w", " %{http_code}", `${URL_80}none`]);
  assertEquals(missing.stdout, "404 Not Found 404");
});

const BROKEN = {
  "at import": `throw new Error("broken on purpose");`,
  "at start": `export default {
    start() { throw new Error("broken on purpose"); },
    flow() {},
  };`,
  "when it is made": `export default () => { throw new Error("broken on purpose"); };`,
};

for (const [when, source] of Object.entries(BROKEN)) {
  tapTest(`a module that throws ${when} is named, and harms no other listener`, [
    "nc",
  ], async (ns) => {
    await using directory = await Directory.create();
    await directory.write("broken.ts", source);
    const taproom = await startTaproom(ns, {
      directory,
      config: tapConfig([{ port: 99, module: "./broken.ts" }, { port: 7, module: "echo" }]),
    });
    const echo = await ns.run(["nc", "-N", STACK, "7"], { stdin: "hello" });
    assertEquals(echo.stdout, "hello");
    const refused = await ns.attempt(["nc", "-z", STACK, "99"]);
    assertEquals(refused.code, 1, "the port of the broken module is closed");
    const message = await taproom.stderr.match(/.*broken on purpose.*/);
    assertMatch(message[0], /99/);
    assertMatch(message[0], /broken\.ts/);
    assertEquals(taproom.stderr.text.match(/broken on purpose/g)?.length, 1, "said once");
    assertNotMatch(taproom.stderr.text, /^\s+at .*:\d+/m, "no stack trace");
  });
}

tapTest("a flow that throws is logged with port and peer, and resets itself alone", [
  "nc",
], async (ns) => {
  await using directory = await Directory.create();
  await directory.write(
    "picky.ts",
    `export default {
      async flow(flow) {
        const buffer = new Uint8Array(100);
        for (;;) {
          const length = await flow.read(buffer);
          if (length === null) return;
          const text = new TextDecoder().decode(buffer.subarray(0, length));
          if (text.startsWith("bad")) throw new Error("broken on purpose");
          await flow.write(buffer.subarray(0, length));
        }
      },
    };`,
  );
  const taproom = await startTaproom(ns, {
    directory,
    config: tapConfig([{ port: 99, module: "./picky.ts" }]),
  });
  const good = ns.spawn(["nc", STACK, "99"], { stdin: "open" });
  await good.write("one\n");
  await good.stdout.match(/one/);
  const bad = await ns.attempt(["nc", "-p", "45678", STACK, "99"], { stdin: "bad\n" });
  assertEquals(bad.stdout, "");
  await good.write("two\n");
  await good.stdout.match(/two/);
  const message = await taproom.stderr.match(/.*broken on purpose.*/);
  assertMatch(message[0], /\b99\b/);
  assertStringIncludes(message[0], "192.168.69.1:45678");
});

tapTest("two listeners on a port are refused, both named", [], async (ns) => {
  const taproom = await spawnTaproom(ns, {
    config: tapConfig([{ port: 7, module: "echo" }, { port: 7, module: "discard" }]),
  });
  const { code, stdout, stderr } = await taproom.result;
  assertEquals(code, 78);
  assertEquals(stdout, "");
  assertStringIncludes(stderr, "echo");
  assertStringIncludes(stderr, "discard");
  assertNotMatch(stderr, /^\s+at /m);
});

tapTest("the example of the design is served: echo, discard, chargen and a page", [
  "curl",
  "nc",
], async (ns) => {
  await using directory = await Directory.create();
  await directory.write("app.ts", `export default { fetch: () => new Response("my app") };`);
  await startTaproom(ns, {
    directory,
    config: `{ // as the design writes it
      "$schema": "${projectFile("runtime/config.schema.json")}",
      "interfaces": [{
        "device": { "type": "tap", "name": "tap0", "host": "192.168.69.1/24" },
        "mac": "02:00:00:00:00:02", // optional
        "addresses": ["192.168.69.2/24"],
        "gateway": "192.168.69.1",
        "mtu": 1500,
      }],
      "listeners": [
        { "port": 7, "module": "echo" },
        { "port": 9, "module": "discard" },
        { "port": 19, "module": "chargen" },
        { "port": 80, "module": "./app.ts", "options": {} },
      ],
      "drainTimeout": 10,
    }`,
  });
  const page = await ns.run(["curl", "-sSi", URL_80]);
  assertMatch(page.stdout, /^HTTP\/1\.1 200 /);
  assertMatch(page.stdout, /my app$/);
  const chargen = await ns.run(["sh", "-c", `nc ${STACK} 19 | head -c 74`]);
  assertEquals(chargen.stdout.slice(0, 12), " !\"#$%&'()*+");
  const discard = await ns.run(["nc", "-N", STACK, "9"], { stdin: "nothing" });
  assertEquals(discard.stdout, "");
});
