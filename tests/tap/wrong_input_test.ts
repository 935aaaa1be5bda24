// What cannot be had: one clear message, the right exit status, and no stack trace.

import { assertEquals, assertMatch, assertNotMatch, assertStringIncludes } from "@std/assert";
import { Directory } from "../support/directory.ts";
import type { Namespace } from "../support/namespace.ts";
import { run } from "../support/process.ts";
import { tapTest } from "../support/tap.ts";
import {
  cachePackages,
  projectFile,
  spawnTaproom,
  STACK,
  startTaproom,
  tapConfig,
  taproomCommand,
} from "../support/taproom.ts";

const CONFIG = tapConfig([{ port: 7, module: "echo" }]);
const UNAVAILABLE = 69;
const NO_PERMISSION = 77;
const BAD_CONFIG = 78;

/** Runs Taproom by way of `prefix` (a program that runs a program) and expects it to fail. */
async function fails(
  ns: Namespace,
  prefix: readonly string[],
  expected: { code: number; message: RegExp },
  env?: Record<string, string>,
): Promise<void> {
  await cachePackages();
  await using directory = await Directory.create();
  await Deno.chmod(directory.path, 0o755);
  const file = await directory.write("taproom.json", JSON.stringify(CONFIG));
  const command = [...prefix, ...taproomCommand(file)];
  const { code, stdout, stderr } = await ns.attempt(command, { env });
  assertRefusal({ code, stdout, stderr }, expected);
}

function assertRefusal(
  result: { code: number; stdout: string; stderr: string },
  expected: { code: number; message: RegExp },
): void {
  const { code, stdout, stderr } = result;
  assertEquals(code, expected.code, stderr);
  assertMatch(stderr, expected.message);
  assertEquals(stdout, "");
  assertEquals(stderr.trim().split("\n").length, 1, `one message:\n${stderr}`);
  assertNotMatch(stderr, /Uncaught|^\s+at /m);
}

tapTest("no /dev/net/tun: 69", ["mount"], async (ns) => {
  const hide = 'mount -t tmpfs none /dev/net && exec "$@"';
  await fails(ns, ["unshare", "--mount", "sh", "-c", hide, "hide"], {
    code: UNAVAILABLE,
    message: /\/dev\/net\/tun/,
  });
});

tapTest("the name of the TAP is taken by a running Taproom: 69", [], async (ns) => {
  await startTaproom(ns, { config: CONFIG });
  await fails(ns, [], { code: UNAVAILABLE, message: /tap0/ });
});

tapTest("the name of the TAP belongs to a device of another kind: 78", [], async (ns) => {
  await ns.run(["ip", "link", "add", "tap0", "type", "veth", "peer", "name", "other"]);
  await fails(ns, [], { code: BAD_CONFIG, message: /tap0/ });
});

tapTest("no right to make a TAP: 77, and the command that mends it", ["setpriv"], async (ns) => {
  await fails(ns, ["setpriv", "--bounding-set", "-net_admin"], {
    code: NO_PERMISSION,
    message: /ip tuntap|setcap|sudo/,
  });
});

tapTest("an unprivileged user: 77, and the command that mends it", [
  "setpriv",
  "root",
], async (ns) => {
  await cachePackages();
  await using home = await Directory.create();
  await copyPackages(home.path);
  await fails(
    ns,
    // Reaches the project and Deno where those lie in a home that is not for everybody.
    ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"].concat(
      "--inh-caps=-all,+dac_override",
      "--ambient-caps=-all,+dac_override",
      "--bounding-set=-all,+dac_override",
    ),
    { code: NO_PERMISSION, message: /ip tuntap|setcap|sudo/ },
    { DENO_DIR: home.path },
  );
});

/** Copies the packages of the project out of a cache that is not for everybody. */
async function copyPackages(to: string): Promise<void> {
  const { stdout } = await run([Deno.execPath(), "info", "--json"]);
  const cache: string = JSON.parse(stdout).npmCache;
  await run(["mkdir", "-p", `${to}/npm`]);
  const lock = JSON.parse(await Deno.readTextFile(projectFile("deno.lock")));
  for (const registry of Deno.readDirSync(cache)) {
    for (const name of Object.keys(lock.npm).map((entry) => entry.replace(/@[^@]*$/, ""))) {
      const path = `${registry.name}/${name}`;
      if (!await exists(`${cache}/${path}`)) continue;
      await run(["mkdir", "-p", `${to}/npm/${path}`]);
      await run(["cp", "-r", `${cache}/${path}/.`, `${to}/npm/${path}`]);
    }
  }
  await run(["chmod", "-R", "a+rwX", to]);
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch {
    return false;
  }
}

tapTest("Deno without --allow-ffi: 77, and the flag", [], async (ns) => {
  await using directory = await Directory.create();
  const file = await directory.write("taproom.json", JSON.stringify(CONFIG));
  const result = await ns.attempt(
    [Deno.execPath(), "run", "--no-prompt", "--allow-read", projectFile("mod.ts"), "-c", file],
  );
  assertRefusal(result, { code: NO_PERMISSION, message: /--allow-ffi/ });
});

tapTest("another host on the link has our address: it is named by its MAC", [], async (ns) => {
  // The host's side of the TAP is a port of a bridge; on another port sits a host with our address.
  await ns.run(["ip", "tuntap", "add", "dev", "tap0", "mode", "tap"]);
  await ns.run(["ip", "link", "add", "br0", "type", "bridge"]);
  await ns.run(["ip", "address", "add", "192.168.69.1/24", "dev", "br0"]);
  const other = await ns.sibling();
  await ns.join(other, { name: "port1" }, { name: "eth0", address: `${STACK}/24` });
  for (const port of ["tap0", "port1"]) {
    await ns.run(["ip", "link", "set", port, "master", "br0", "up"]);
  }
  await ns.run(["ip", "link", "set", "br0", "up"]);
  const { stdout } = await other.run(["ip", "-json", "link", "show", "eth0"]);
  const mac: string = JSON.parse(stdout)[0].address;
  const config = JSON.parse(JSON.stringify(CONFIG));
  delete config.interfaces[0].device.host;
  const taproom = await spawnTaproom(ns, { config });
  await taproom.stderr.match(/192\.168\.69\.2/);
  const message = await taproom.stderr.match(new RegExp(`.*${mac}.*`));
  assertStringIncludes(message[0], STACK);
});
