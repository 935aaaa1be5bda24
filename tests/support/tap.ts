import { Namespace } from "./namespace.ts";

/** What TAP tests use beside `ip`, `unshare` and `nsenter`: programs, and the right to do things. */
export type Need =
  /** To capture with tcpdump (to read a capture, tcpdump itself is enough). */
  | "capture"
  /** To be root on the machine, not only in a namespace. */
  | "root"
  | "curl"
  | "ethtool"
  | "hping3"
  | "mount"
  | "nc"
  | "nmap"
  | "ping"
  | "setpriv"
  | "ss"
  | "tcpdump"
  | "tshark";

/** Finds a program on the PATH, or in the directories of system programs. */
export function findTool(name: string): string | undefined {
  const directories = (Deno.env.get("PATH") ?? "").split(":").concat("/usr/sbin", "/sbin");
  for (const directory of directories) {
    const path = `${directory}/${name}`;
    try {
      const { isFile, mode } = Deno.statSync(path);
      if (isFile && ((mode ?? 0) & 0o111) !== 0) return path;
    } catch {
      // Not in this directory.
    }
  }
  return undefined;
}

const NOT_INSTALLED = "not installed";

/** Why no TAP can be had on this machine, whoever runs the tests; `undefined` if one can. */
async function whyNoTap(): Promise<string | undefined> {
  if (Deno.build.os !== "linux") return `a TAP needs Linux, this is ${Deno.build.os}`;
  for (const tool of ["unshare", "nsenter", "ip"]) {
    if (!findTool(tool)) return `${tool} ${NOT_INSTALLED}`;
  }
  try {
    await using namespace = await Namespace.create();
    const made = await namespace.attempt(["ip", "tuntap", "add", "dev", "probe0", "mode", "tap"]);
    if (made.code === 0) return undefined;
    return `no TAP can be made in a namespace: ${made.stderr.trim() || made.stdout.trim()}`;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Why TAP tests cannot run here, if they cannot. */
export const tapUnavailable: string | undefined = await whyNoTap();

function whyNot(needs: readonly Need[]): string | undefined {
  const programs = needs.filter((need) => need !== "root")
    .map((need) => need === "capture" ? "tcpdump" : need);
  const missing = programs.filter((program) => !findTool(program));
  if (missing.length > 0) return `${missing.join(", ")} ${NOT_INSTALLED}`;
  if (Deno.uid() === 0) return undefined;
  if (needs.includes("capture")) return "tcpdump does not capture in a user namespace: be root";
  if (needs.includes("root")) return "root is needed";
}

/**
 * Registers a test that needs a TAP in a network namespace of its own, and tools.
 *
 * Where they cannot be had the test is reported as ignored, with the reason in its name. In CI as
 * root a tool that is not installed is a failure: there it could have been.
 *
 * @param needs What it uses beside `ip`.
 * @param fn Gets a fresh namespace, which is disposed of when the test ends in whatever way.
 */
export function tapTest(
  name: string,
  needs: readonly Need[],
  fn: (namespace: Namespace, test: Deno.TestContext) => Promise<void>,
): void {
  const reason = tapUnavailable ?? whyNot(needs);
  if (reason === undefined) {
    Deno.test(name, async (test) => {
      await using namespace = await Namespace.create();
      await fn(namespace, test);
    });
  } else if (
    reason.endsWith(NOT_INSTALLED) && Deno.uid() === 0 && Deno.env.get("CI") === "true"
  ) {
    Deno.test(name, () => {
      throw new Error(`cannot run in CI: ${reason}`);
    });
  } else {
    Deno.test({ name: `${name} [not run: ${reason}]`, ignore: true, fn: () => {} });
  }
}
