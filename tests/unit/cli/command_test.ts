import { assertEquals } from "@std/assert";
import { type Invocation, remedy } from "../../../runtime/cli/command.ts";
import { embeddedDefault } from "../../../runtime/config/default.ts";
import { parseConfig } from "../../../runtime/config/validate.ts";

const TAP = parseConfig({
  interfaces: [{ device: { type: "tap", name: "tap0" }, addresses: ["192.168.69.2/24"] }],
  capture: "/tmp/out.pcapng",
});

function invocation(more: Partial<Invocation> = {}): Invocation {
  return {
    args: [],
    mainModule: "file:///srv/taproom/mod.ts",
    cwd: "/srv/taproom",
    granted: () => false,
    ...more,
  };
}

/** The command, without what says why. */
function command(...args: Parameters<typeof remedy>): string {
  return remedy(...args).replace(/^run again with [^:]*(:\d+)?: /, "");
}

Deno.test("what is missing is named once, before the command", () => {
  assertEquals(
    remedy(invocation(), undefined, ["--allow-env=A", "--allow-env=B", "--allow-env=A"]),
    "run again with --allow-env=A --allow-env=B: " +
      "deno run --allow-read --allow-env=A,B mod.ts",
  );
});

Deno.test("the command has what the config needs", () => {
  assertEquals(
    command(invocation({ args: ["--config", "tap.jsonc"] }), TAP, ["--allow-ffi"]),
    "deno run --allow-read --allow-ffi --allow-write=/tmp/out.pcapng mod.ts --config tap.jsonc",
  );
  assertEquals(
    command(invocation(), embeddedDefault(), ["--allow-net=127.0.0.1:8080"]),
    "deno run --allow-read --allow-net=127.0.0.1 mod.ts",
  );
});

Deno.test("the command has what a listener lacks beside it", () => {
  assertEquals(
    command(invocation(), embeddedDefault(), ["--allow-net=example.com:443"]),
    "deno run --allow-read --allow-net=127.0.0.1,example.com:443 mod.ts",
  );
  assertEquals(
    command(invocation(), undefined, ["--allow-env=HOME"]),
    "deno run --allow-read --allow-env=HOME mod.ts",
  );
});

Deno.test("the command keeps what is granted without limits", () => {
  const granted = (kind: string) => kind === "net" || kind === "env";
  assertEquals(
    command(invocation({ granted }), embeddedDefault(), ["--allow-sys=hostname"]),
    "deno run --allow-net --allow-env --allow-read --allow-sys=hostname mod.ts",
  );
});

Deno.test("the command works from another directory, and with odd names", () => {
  assertEquals(
    command(
      invocation({ cwd: "/home/me", args: ["-c", "it's mine.jsonc"] }),
      undefined,
      ["--allow-ffi"],
    ),
    `deno run --allow-read --allow-ffi /srv/taproom/mod.ts -c 'it'\\''s mine.jsonc'`,
  );
  assertEquals(
    command(invocation({ mainModule: "jsr:@a/b" }), undefined, ["--allow-ffi"]),
    "deno run --allow-read --allow-ffi jsr:@a/b",
  );
});
