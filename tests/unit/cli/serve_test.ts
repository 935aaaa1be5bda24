import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { DeviceError } from "../../../runtime/device/error.ts";
import { ListenerError } from "../../../runtime/modules.ts";
import project from "../../../deno.json" with { type: "json" };
import { FakeRuntime, World } from "./world.ts";

const CONFIG = JSON.stringify({
  interfaces: [{
    device: { type: "tap", name: "tap0" },
    addresses: ["192.168.69.2/24"],
    gateway: "192.168.69.1",
    mtu: 9000,
  }],
  listeners: [{ port: 7, module: "echo" }, { port: 8080, module: "http" }],
  drainTimeout: 2.5,
});

/** Listeners of a runtime; those with an error are not served. */
function listeners(...errors: (Error | undefined)[]): FakeRuntime["listeners"] {
  return [{ port: 7, module: "echo" }, { port: 8080, module: "http" }].map((listener, index) => ({
    ...listener,
    pending: false,
    error: errors[index],
  }));
}

/** Serves the config with a fake runtime. */
function serve(runtime: FakeRuntime, args = "-c app.jsonc") {
  const world = new World();
  world.files["app.jsonc"] = CONFIG;
  world.start = () => Promise.resolve(runtime);
  return { world, running: world.run(args) };
}

Deno.test("serving: the banner has interfaces, addresses, listeners and a line to copy", async () => {
  const { world, running } = serve(new FakeRuntime(listeners()));
  await world.says("Taproom");
  world.signal();
  const { stdout, stderr } = await running;
  assertEquals(stdout, "");
  assertEquals(
    stderr.split("\n").slice(0, 6).join("\n"),
    [
      `Taproom ${project.version}`,
      "  tap0       192.168.69.2/24  via 192.168.69.1  mtu 9000",
      "  port 7     echo",
      "  port 8080  http",
      "",
      "  try: curl http://192.168.69.2:8080/",
    ].join("\n"),
  );
});

Deno.test("serving: the embedded default is shown with the ports of this host", async () => {
  const world = new World();
  world.start = ({ listeners }) =>
    Promise.resolve(
      new FakeRuntime(listeners.map((one) => ({ ...one, pending: false, error: undefined }))),
    );
  const running = world.run("");
  await world.says("Taproom");
  world.signal();
  const { stderr } = await running;
  assertStringIncludes(stderr, "127.0.0.1:8080 to 80");
  assertStringIncludes(stderr, "\n  try: curl http://127.0.0.1:8080/\n");
});

Deno.test("serving: the banner waits for no pending listener; none left ends it all", async () => {
  const loaded = Promise.withResolvers<void>();
  const served = [{
    port: 7,
    module: "./slow.ts",
    pending: true,
    error: undefined as Error | undefined,
  }];
  const runtime = new FakeRuntime(served);
  runtime.loaded = loaded.promise;
  const world = new World();
  world.files["app.jsonc"] = JSON.stringify({
    ...JSON.parse(CONFIG),
    listeners: [{ port: 7, module: "./slow.ts" }],
  });
  world.start = () => Promise.resolve(runtime);
  const running = world.run("-c app.jsonc");
  await world.says("tap0");
  served[0]!.pending = false;
  served[0]!.error = new Error("too slow");
  loaded.resolve();
  const { status, stderr } = await running;
  assertEquals(status, 1);
  assertStringIncludes(stderr, "no listener can be served");
});

Deno.test("serving: with json the start is one object, and every line parses", async () => {
  const { world, running } = serve(
    new FakeRuntime(listeners()),
    "-c app.jsonc --log-format json --trace",
  );
  await world.says("serving");
  world.signal();
  const { stderr } = await running;
  const records = stderr.trim().split("\n").map((line) => JSON.parse(line));
  assertEquals(records.map(({ level, message }) => [level, message]), [
    ["info", "serving"],
    ["info", "SIGTERM: draining, for at most 2.5 s; once more resets all"],
  ]);
  assertEquals(records[0].addresses, ["192.168.69.2/24"]);
  assertEquals(records[0].listeners, [{ port: 7, module: "echo" }, { port: 8080, module: "http" }]);
});

for (const name of ["SIGTERM", "SIGINT"]) {
  Deno.test(`serving: ${name} drains, and the exit status is 0`, async () => {
    const runtime = new FakeRuntime(listeners());
    const { world, running } = serve(runtime);
    await world.says("Taproom");
    assertEquals(world.handlers, 2);
    world.signal(name);
    const { status, stderr } = await running;
    assertEquals(status, 0);
    assertStringIncludes(stderr, `${name}: draining`);
    assertEquals(runtime.calls, ["drain"]);
    assertEquals(world.handlers, 0);
  });
}

Deno.test("serving: a second signal resets all, and the exit status is 0", async () => {
  const runtime = new FakeRuntime(listeners(), false);
  const { world, running } = serve(runtime);
  await world.says("Taproom");
  world.signal();
  while (runtime.calls.length === 0) await Promise.resolve();
  world.signal();
  assertEquals((await running).status, 0);
  assertEquals(runtime.calls, ["drain", "abort"]);
});

Deno.test("serving: a third signal does not wait for anything", async () => {
  const runtime = new FakeRuntime(listeners(), false);
  runtime.abort = () => new Promise(() => {});
  const { world, running } = serve(runtime);
  await world.says("Taproom");
  for (let n = 0; n < 3; n++) world.signal();
  assertEquals((await running).status, 0);
});

Deno.test("serving: a signal while starting ends it, and what starts late is taken down", async () => {
  const late = new FakeRuntime();
  const started = Promise.withResolvers<FakeRuntime>();
  const world = new World();
  world.start = () => started.promise;
  const running = world.run("");
  while (world.handlers === 0) await Promise.resolve();
  world.signal();
  assertEquals((await running).status, 0);
  started.resolve(late);
  await late.closed;
  assertEquals(late.calls, ["abort"]);
});

Deno.test("serving: a device that dies ends the program with its message", async () => {
  const runtime = new FakeRuntime(listeners());
  const { world, running } = serve(runtime);
  await world.says("Taproom");
  runtime.die(new DeviceError("lost", 'TAP "tap0" is gone'));
  const { status, stderr } = await running;
  assertEquals(status, 69);
  assertMatch(stderr, /\nerror: TAP "tap0" is gone\n$/);
});

const BROKEN = new ListenerError({ port: 8080, module: "http" }, "broken on purpose");
const NOT_CAPABLE = new ListenerError(
  { port: 8080, module: "http" },
  "Requires env access to ...",
  {
    cause: new Deno.errors.NotCapable(
      'Requires env access to "HOME", run again with the --allow-env flag',
    ),
  },
);

Deno.test("serving: a listener that failed is not in the banner, and the others are", async () => {
  const { world, running } = serve(new FakeRuntime(listeners(undefined, BROKEN)));
  await world.says("Taproom");
  world.signal();
  const { status, stderr } = await running;
  assertEquals(status, 0);
  assertStringIncludes(stderr, "\n  port 7  echo\n\n  try: nc 192.168.69.2 7\n");
  assertEquals(stderr.includes("8080"), false);
});

Deno.test("serving: a listener that lacks a permission is told the command that gives it", async () => {
  const { world, running } = serve(new FakeRuntime(listeners(undefined, NOT_CAPABLE)));
  await world.says("Taproom");
  world.signal();
  assertStringIncludes(
    (await running).stderr,
    " error run again with --allow-env=HOME: deno run --allow-read --allow-ffi --allow-env=HOME " +
      "mod.ts -c app.jsonc\n",
  );
});

Deno.test("serving: without any listener that can be served the exit status is 1, or 77", async () => {
  for (const [error, expected] of [[BROKEN, 1], [NOT_CAPABLE, 77]] as const) {
    const runtime = new FakeRuntime(listeners(error, error));
    const { running } = serve(runtime);
    const { status, stderr } = await running;
    assertEquals(status, expected);
    assertStringIncludes(stderr, "no listener can be served");
    assertEquals(runtime.calls, ["abort", "drain"]);
  }
});

Deno.test("serving: an error that nobody caught is logged, and the service goes on", async () => {
  const runtime = new FakeRuntime(listeners());
  const { world, running } = serve(runtime);
  await world.says("Taproom");
  world.throwUncaught(new TypeError("forgotten"));
  await world.says("forgotten");
  assertEquals(runtime.calls, []);
  world.signal();
  assertEquals((await running).status, 0);
});
