import { assertEquals, assertThrows } from "@std/assert";
import { DeviceError } from "../../../runtime/device/error.ts";
import { openTap, type TapOptions } from "../../../runtime/device/tap.ts";
import { attachTap } from "../../../runtime/device/linux/tun.ts";
import type { Libc } from "../../../runtime/device/linux/libc.ts";
import { run } from "../../support/process.ts";

Deno.test("options that no TAP can have are refused before anything is opened", () => {
  const cases: [TapOptions, string][] = [
    [{ name: "" }, '"" cannot name an interface'],
    [{ name: "sixteen-letters-" }, '"sixteen-letters-" cannot name an interface'],
    [{ name: "acht-ö-zeichen-" }, '"acht-ö-zeichen-" cannot name an interface'],
    [{ name: "tap 0" }, '"tap 0" cannot name an interface'],
    [{ name: "a/b" }, '"a/b" cannot name an interface'],
    [{ name: "tap0:1" }, '"tap0:1" cannot name an interface'],
    [{ name: ".." }, '".." cannot name an interface'],
    [{ name: "tap0", host: "192.168.69.1" }, 'host address "192.168.69.1" is not an address with'],
    [{ name: "tap0", host: "192.168.69.256/24" }, 'host address "192.168.69.256/24" is not'],
    [{ name: "tap0", mtu: 575 }, "MTU 575 is out of range: expected 576 to 65521 bytes"],
    [{ name: "tap0", mtu: 65_522 }, "MTU 65522 is out of range: expected 576 to 65521 bytes"],
    [{ name: "tap0", mtu: 1500.5 }, "MTU 1500.5 is out of range: expected 576 to 65521 bytes"],
  ];
  for (const [options, message] of cases) {
    const error = assertThrows(() => openTap(options), DeviceError, message);
    assertEquals(error.code, "invalid");
  }
});

Deno.test({
  name: "a TAP without --allow-ffi names the flag",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const program = new URL("../../tap/inside/open_tap.ts", import.meta.url).pathname;
    const options = JSON.stringify({ name: "tap0" });
    const { stdout } = await run([Deno.execPath(), "run", "--no-prompt", program, options]);
    assertEquals(JSON.parse(stdout), {
      code: "permission",
      message: `a TAP needs Deno's permission to call the C library: run deno with "--allow-ffi"`,
    });
  },
});

Deno.test("a /dev/net/tun that is something else is told as that", () => {
  const libc = { symbols: { ioctl: () => -1 }, errno: () => 25 } as unknown as Libc;
  const error = assertThrows(
    () => attachTap(libc, 3, "tap0", false),
    DeviceError,
    '"/dev/net/tun" is not the TUN/TAP driver',
  );
  assertEquals(error.code, "unavailable");
});
