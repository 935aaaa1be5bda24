import { assertEquals, assertMatch, assertNotMatch, assertStringIncludes } from "@std/assert";
import { embeddedDefault } from "../../../runtime/config/default.ts";
import project from "../../../deno.json" with { type: "json" };
import { DeviceError } from "../../../runtime/device/error.ts";
import { World } from "./world.ts";

/** A specifier of a module with this source. */
function source(text: string): string {
  return `data:text/javascript,${encodeURIComponent(text)}`;
}

/** The text of a config with these listeners. */
function config(...listeners: object[]): string {
  return JSON.stringify({
    interfaces: [{
      device: { type: "tap", name: "tap0" },
      addresses: ["192.168.69.2/24"],
    }],
    listeners,
  });
}

const NOT_CAPABLE = new Deno.errors.NotCapable(
  'Requires read access to "app.jsonc", run again with the --allow-read flag',
);

const WRONG: [
  name: string,
  args: string,
  file: string | Error | undefined,
  status: number,
  message: string,
][] = [
  [
    "an unknown flag",
    "--verison",
    undefined,
    2,
    'error: unknown flag "--verison" (did you mean "--version"?); --help shows all flags',
  ],
  [
    "a stray argument",
    "app.jsonc",
    undefined,
    2,
    'error: unexpected argument "app.jsonc" (a config file is named by --config); --help shows ' +
    "all flags",
  ],
  [
    "a missing value, before anything else is looked at",
    "--help --config",
    undefined,
    2,
    "error: --config needs the name of a file, found nothing; --help shows all flags",
  ],
  [
    "a missing config",
    "-c app.jsonc",
    undefined,
    78,
    "app.jsonc: expected a config file, found no such file",
  ],
  [
    "an empty config",
    "-c app.jsonc",
    "",
    78,
    'app.jsonc:1:1: expected a config, such as { "interfaces": […] }, found an empty file',
  ],
  [
    "a directory",
    "-c app.jsonc",
    new Deno.errors.IsADirectory("Is a directory (os error 21)"),
    78,
    "app.jsonc: expected a config file, found a directory",
  ],
  [
    "a config that the system does not let read",
    "-c app.jsonc",
    new Deno.errors.PermissionDenied("Permission denied (os error 13)"),
    78,
    "app.jsonc: the config file cannot be read: the system denies permission to this user",
  ],
  [
    "a config that Deno does not let read",
    "-c app.jsonc",
    NOT_CAPABLE,
    77,
    'error: Deno does not permit read access to "app.jsonc"; run again with ' +
    "--allow-read=app.jsonc: deno run --allow-read mod.ts -c app.jsonc",
  ],
  [
    "a malformed config",
    "-c app.jsonc",
    '{\n  "trace": yes\n}',
    78,
    "app.jsonc:2:12: not JSON with comments: unexpected yes",
  ],
  [
    "a config with two faults",
    "-c app.jsonc",
    '{"interfaces": [],\n"trase": 1}',
    78,
    "app.jsonc:1:16: interfaces: expected at least one interface, found an empty list\n" +
    'app.jsonc:2:1: (top level): unknown key, found "trase" (did you mean "trace"?)',
  ],
  [
    "queues of a gateway",
    "--parallel 2",
    undefined,
    2,
    "error: --parallel needs a config whose interfaces are all TAPs, found a gateway; --help " +
    "shows all flags",
  ],
  [
    "a capture of several queues",
    "--parallel 2 --capture all.pcapng -c app.jsonc",
    config(),
    78,
    "capture: expected none with 2 queues (let `tcpdump -i tap0 -w FILE` capture on the host's " +
    'side), found "all.pcapng"',
  ],
  [
    "two listeners on a port",
    "-c app.jsonc",
    config({ port: 80, module: "./a.ts" }, { port: 80, module: "./b.ts" }),
    78,
    "app.jsonc:1:140: listeners[1].port: two listeners on port 80: ./a.ts and ./b.ts",
  ],
  [
    "modules that cannot be served, when checked",
    "--check -c app.jsonc",
    config({ port: 1, module: "ehco" }, { port: 2, module: source("throw new Error('oh\\nno')") }),
    78,
    "error: port 1 (ehco): expected a built-in (chargen, daytime, discard, echo, goodbye, http), " +
    'a path, such as "./ehco", or a URL, found "ehco" (did you mean "echo"?)\n' +
    `error: port 2 (${source("throw new Error('oh\\nno')")}): the module cannot be imported: ` +
    "Error: oh",
  ],
];

for (const [name, args, file, status, message] of WRONG) {
  Deno.test(`command line: ${name} gives exit status ${status} and one clear message`, async () => {
    const world = new World();
    if (file !== undefined) world.files["app.jsonc"] = file;
    const outcome = await world.run(args);
    assertEquals(outcome, { status, stdout: "", stderr: `${message}\n` });
    assertEquals(world.started, []);
  });
}

const FAILED_STARTS: [name: string, error: Error, status: number, message: string][] = [
  [
    "a device that is not there",
    new DeviceError("unavailable", "there is no /dev/net/tun"),
    69,
    "error: there is no /dev/net/tun",
  ],
  [
    "a device that somebody else has",
    new DeviceError("busy", 'TAP "tap0" is in use'),
    69,
    'error: TAP "tap0" is in use',
  ],
  [
    "a device that the system denies",
    new DeviceError("permission", "run: sudo ip tuntap add"),
    77,
    "error: run: sudo ip tuntap add",
  ],
  [
    "a device that makes no sense",
    new DeviceError("invalid", "an address that is taken"),
    78,
    "error: an address that is taken",
  ],
  [
    "a device that Deno denies",
    new DeviceError("permission", 'a TAP needs it: run deno with "--allow-ffi"'),
    77,
    "error: a TAP needs it; run again with --allow-ffi: " +
    "deno run --allow-read --allow-ffi mod.ts -c app.jsonc",
  ],
  [
    "FFI that Deno does not permit",
    new Deno.errors.NotCapable("Requires ffi access, run again with the --allow-ffi flag"),
    77,
    "error: Deno does not permit ffi access; run again with --allow-ffi: " +
    "deno run --allow-read --allow-ffi mod.ts -c app.jsonc",
  ],
  [
    "a port of a gateway that is taken",
    new Deno.errors.AddrInUse("127.0.0.1:8080 is in use"),
    69,
    "error: 127.0.0.1:8080 is in use",
  ],
  [
    "a port of a gateway that the system denies",
    new Deno.errors.PermissionDenied("127.0.0.1:80"),
    77,
    "error: 127.0.0.1:80",
  ],
  [
    "anything else",
    new TypeError("x is not a function\nmore"),
    1,
    "error: TypeError: x is not a function",
  ],
];

for (const [name, error, status, message] of FAILED_STARTS) {
  Deno.test(`command line: ${name} gives exit status ${status}`, async () => {
    const world = new World();
    world.files["app.jsonc"] = config({ port: 7, module: "echo" });
    world.start = () => Promise.reject(error);
    const outcome = await world.run("-c app.jsonc");
    assertEquals(outcome, { status, stdout: "", stderr: `${message}\n` });
    assertNotMatch(outcome.stderr, /^\s+at /m);
    assertEquals(world.handlers, 0);
  });
}

Deno.test("command line: help and version go to standard output, and nothing is started", async () => {
  for (const args of ["--help", "-h", "--help --config none.jsonc"]) {
    const { status, stdout, stderr } = await new World().run(args);
    assertEquals([status, stderr], [0, ""]);
    for (
      const flag of [
        "-c, --config",
        "--check",
        "--print-config",
        "--trace",
        "--capture",
        "--log-level",
        "--log-format",
        "-h, --help",
        "-V, --version",
      ]
    ) assertStringIncludes(stdout, flag);
    for (const line of stdout.split("\n")) assertEquals(line.length <= 100, true, line);
  }
  const world = new World();
  assertEquals(await world.run("-V"), {
    status: 0,
    stdout: `taproom ${project.version} (deno ${Deno.version.deno})\n`,
    stderr: "",
  });
  assertEquals(world.started, []);
});

Deno.test("command line: --print-config prints a config that reads back the same", async () => {
  const { status, stdout, stderr } = await new World().run("--print-config --trace --capture -");
  assertEquals([status, stderr], [0, ""]);
  assertEquals(JSON.parse(stdout), { ...embeddedDefault(), trace: true, capture: "-" });
  const world = new World();
  world.files["printed.json"] = stdout;
  assertEquals((await world.run("--print-config -c printed.json")).stdout, stdout);
});

Deno.test("command line: --check says what is good, and starts nothing", async () => {
  const world = new World();
  assertEquals(await world.run("--check"), {
    status: 0,
    stdout: "the embedded default is good: 1 interface, 3 listeners\n",
    stderr: "",
  });
  world.files["app.jsonc"] = config({ port: 7, module: source("export default { flow() {} }") });
  world.stdout = "";
  const { stdout } = await world.run("--check -c app.jsonc");
  assertEquals(stdout, "app.jsonc is good: 1 interface, 1 listener\n");
  assertEquals(world.started, []);
});

Deno.test("command line: --check does not start listeners", async () => {
  const world = new World();
  const module = source(
    "export default { start() { globalThis.startedAtCheck = true }, flow() {} }",
  );
  world.files["app.jsonc"] = config({ port: 7, module });
  assertEquals((await world.run("--check -c app.jsonc")).status, 0);
  assertEquals("startedAtCheck" in globalThis, false);
});

Deno.test("command line: a permission that a checked module lacks is named with the command", async () => {
  const world = new World();
  const error = "new Deno.errors.NotCapable(" +
    "'Requires env access to \"HOME\", run again with the --allow-env flag')";
  const module = source(`throw ${error}`);
  world.files["app.jsonc"] = config({ port: 7, module });
  const { status, stderr } = await world.run("--check -c app.jsonc");
  assertEquals(status, 77);
  assertEquals(
    stderr,
    `error: port 7 (${module}): the module cannot be imported: Deno does not permit env access to ` +
      '"HOME"; run again with --allow-env=HOME: ' +
      "deno run --allow-read --allow-ffi --allow-env=HOME mod.ts --check -c app.jsonc\n",
  );
});

Deno.test("command line: modules are relative to the config file, wherever one stands", async () => {
  const file = config({ port: 7, module: "./echo.ts" });
  for (
    const [name, base] of [
      ["app.jsonc", "file:///srv/taproom/app.jsonc"],
      ["../other/app.jsonc", "file:///srv/other/app.jsonc"],
      ["/etc/a#b/app.jsonc", "file:///etc/a%23b/app.jsonc"],
    ] as const
  ) {
    const world = new World();
    world.files[name] = file;
    const running = world.run(`-c ${name}`);
    await world.says("Taproom");
    world.signal();
    assertEquals((await running).status, 0);
    assertEquals(world.started[0]!.base?.href, base);
  }
});

Deno.test("command line: flags come before the config", async () => {
  const world = new World();
  world.files["app.jsonc"] = config();
  const running = world.run("-c app.jsonc --trace --capture out.pcapng");
  await world.says("Taproom");
  world.signal();
  await running;
  const { trace, capture } = world.started[0]!.config;
  assertEquals({ trace, capture }, { trace: true, capture: "out.pcapng" });
});

Deno.test("command line: an unexpected error shows its stack at debug only", async () => {
  const world = new World();
  world.start = () => Promise.reject(new RangeError("oh no"));
  const { stderr } = await world.run("--log-level debug");
  assertMatch(stderr, /^error: RangeError: oh no\n\s+at /);
});

Deno.test("--check: a module whose top-level await never ends is a fault of the config", async () => {
  const go = Promise.withResolvers<void>();
  Object.assign(globalThis, { hungCheck: go.promise });
  const { setTimeout } = globalThis;
  globalThis.setTimeout = ((callback: () => void) => setTimeout(callback)) as typeof setTimeout;
  try {
    const world = new World();
    const module = "data:text/javascript,await globalThis.hungCheck";
    world.files["app.jsonc"] = config({ port: 7, module });
    const { status, stderr } = await world.run("--check -c app.jsonc");
    assertEquals(status, 78);
    assertEquals(stderr, `error: port 7 (${module}): not loaded and started within 30 s\n`);
  } finally {
    globalThis.setTimeout = setTimeout;
    go.resolve();
  }
});
