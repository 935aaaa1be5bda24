import { assertEquals, assertStringIncludes } from "@std/assert";
import type { TapOptions } from "../../runtime/device/tap.ts";
import type { Command, Namespace } from "../support/namespace.ts";
import { tapTest } from "../support/tap.ts";

const INSIDE = new URL("inside/", import.meta.url).pathname;

/** What opening a TAP came to: its name and MTU, or an error. */
interface Outcome {
  readonly name?: string;
  readonly mtu?: number;
  readonly code?: string;
  readonly message?: string;
}

/** Opens a TAP in another process, which may run under a command that takes something from it. */
async function open(
  namespace: Namespace,
  options: TapOptions,
  under: Command = [],
): Promise<Outcome> {
  const program = [Deno.execPath(), "run", "--allow-ffi", `${INSIDE}open_tap.ts`];
  const { stdout } = await namespace.run([...under, ...program, JSON.stringify(options)]);
  return JSON.parse(stdout);
}

/** Runs a command without the privilege to change networks. */
const UNPRIVILEGED: Command = ["setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"];

/** Runs a command that sees another /dev/net, which a shell command prepares. */
function withDevNet(prepare: string, command: Command = []): Command {
  const script = `mount -t tmpfs none /dev/net && ${prepare} && exec "$@"`;
  return ["unshare", "--mount", "sh", "-c", script, "sh", ...command];
}

tapTest("a TAP does what every device does, and its host's side is set up", [], async (ns) => {
  const test = [Deno.execPath(), "test", "--allow-all", `${INSIDE}device.ts`];
  await ns.run(test, { timeout: 120_000 });
});

tapTest("a user without privilege attaches to a TAP of their own", ["setpriv"], async (ns) => {
  await ns.run(["ip", "tuntap", "add", "dev", "tap0", "mode", "tap", "user", "0"]);
  await ns.run(["ip", "address", "add", "192.168.69.1/24", "dev", "tap0"]);
  await ns.run(["ip", "link", "set", "dev", "tap0", "up"]);
  for (const host of [undefined, "192.168.69.1/24"]) {
    assertEquals(await open(ns, { name: "tap0", host }, UNPRIVILEGED), { name: "tap0", mtu: 1500 });
  }
});

tapTest("what a user may not do is named, with the command that does it", [
  "setpriv",
  "root",
], async (ns) => {
  await ns.run(["ip", "tuntap", "add", "dev", "tap0", "mode", "tap", "user", "0"]);
  await ns.run(["ip", "tuntap", "add", "dev", "tap1", "mode", "tap", "user", "12345"]);
  const refused = async (options: TapOptions) => {
    const { code, message } = await open(ns, options, UNPRIVILEGED);
    assertEquals(code, "permission");
    return message;
  };
  assertEquals(
    await refused({ name: "tap0" }),
    'may not bring up interface "tap0": run as root, or once `sudo ip link set dev tap0 up`',
  );
  await ns.run(["ip", "link", "set", "dev", "tap0", "up"]);
  assertEquals(
    await refused({ name: "tap0", mtu: 1400 }),
    'may not set the MTU to 1400 of interface "tap0": run as root, or once ' +
      "`sudo ip link set dev tap0 mtu 1400`",
  );
  assertEquals(
    await refused({ name: "tap0", host: "10.0.0.1/8" }),
    'may not set the host address "10.0.0.1/8" of interface "tap0": run as root, or once ' +
      "`sudo ip address add 10.0.0.1/8 dev tap0`",
  );
  assertEquals(
    await refused({ name: "tap1" }),
    'may not use interface "tap1", which is another user\'s: run as root, or make it yours with ' +
      "`sudo ip tuntap del dev tap1 mode tap && sudo ip tuntap add dev tap1 mode tap user $USER`",
  );
  assertEquals(
    await refused({ name: "tap2" }),
    'may not make interface "tap2": run as root, or make it once with ' +
      "`sudo ip tuntap add dev tap2 mode tap user $USER`",
  );
});

tapTest("a system without /dev/net/tun says so", ["mount"], async (ns) => {
  const { code, message } = await open(ns, { name: "tap0" }, withDevNet("true"));
  assertEquals(code, "unavailable");
  assertStringIncludes(message!, 'there is no "/dev/net/tun" here');
});

tapTest("a /dev/net/tun that may not be opened says so", ["mount", "setpriv"], async (ns) => {
  const prepare = "touch /dev/net/tun && chmod 000 /dev/net/tun";
  const under = withDevNet(prepare, ["setpriv", "--bounding-set=-dac_override"]);
  const { code, message } = await open(ns, { name: "tap0" }, under);
  assertEquals(code, "permission");
  assertEquals(
    message,
    'may not open "/dev/net/tun": run as root, or let users open it with ' +
      "`sudo chmod 666 /dev/net/tun`",
  );
});
