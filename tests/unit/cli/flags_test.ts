import { assertEquals, assertThrows } from "@std/assert";
import { type Flags, parseFlags, UsageError } from "../../../runtime/cli/flags.ts";

const DEFAULTS: Flags = {
  config: undefined,
  check: false,
  printConfig: false,
  trace: false,
  capture: undefined,
  parallel: undefined,
  logLevel: "info",
  logFormat: "text",
  help: false,
  version: false,
};

const RIGHT: [args: string, flags: Partial<Flags>][] = [
  ["", {}],
  ["--config app.jsonc", { config: "app.jsonc" }],
  ["--config=app.jsonc", { config: "app.jsonc" }],
  ["-c app.jsonc", { config: "app.jsonc" }],
  ["-c 12", { config: "12" }],
  ["--check --print-config --trace", { check: true, printConfig: true, trace: true }],
  ["--capture out.pcapng", { capture: "out.pcapng" }],
  ["--capture - --trace", { capture: "-", trace: true }],
  ["--capture=-", { capture: "-" }],
  ["--parallel 4", { parallel: 4 }],
  ["--parallel=32", { parallel: 32 }],
  ["--parallel", { parallel: "cores" }],
  ["--parallel --trace", { parallel: "cores", trace: true }],
  ["--log-level debug --log-format json", { logLevel: "debug", logFormat: "json" }],
  ["--help", { help: true }],
  ["-h", { help: true }],
  ["--version", { version: true }],
  ["-V", { version: true }],
  ["-hV", { help: true, version: true }],
  ["-- --trace", { trace: true }],
];

for (const [args, flags] of RIGHT) {
  Deno.test(`command line: "${args}" is understood`, () => {
    assertEquals(parseFlags(args.split(" ").filter(Boolean)), { ...DEFAULTS, ...flags });
  });
}

const STRAY = "(a config file is named by --config)";

const WRONG: [args: string, message: string][] = [
  ["--verison", 'unknown flag "--verison" (did you mean "--version"?)'],
  ["--loglevel=debug", 'unknown flag "--loglevel" (did you mean "--log-level"?)'],
  ["--no-trace", 'unknown flag "--no-trace" (did you mean "--trace"?)'],
  ["--frobnicate", 'unknown flag "--frobnicate"'],
  ["--config.a 1", 'unknown flag "--config.a" (did you mean "--config"?)'],
  ["--__proto__ 1", 'unknown flag "--__proto__"'],
  ["-t", 'unknown flag "-t" (did you mean "--trace"?)'],
  ["-v", 'unknown flag "-v" (did you mean "--version"?)'],
  ["-x", 'unknown flag "-x"'],
  ["app.jsonc", `unexpected argument "app.jsonc" ${STRAY}`],
  ["--trace app.jsonc", `unexpected argument "app.jsonc" ${STRAY}`],
  ["--trace -- app.jsonc", `unexpected argument "app.jsonc" ${STRAY}`],
  ["-", `unexpected argument "-" ${STRAY}`],
  ["--config", "--config needs the name of a file, found nothing"],
  ["--config=", "--config needs the name of a file, found nothing"],
  ["-c", "--config needs the name of a file, found nothing"],
  ["--config --trace", "--config needs the name of a file, found nothing"],
  ["--capture", "--capture needs the name of a file, or - for standard output, found nothing"],
  [
    "--log-level inf",
    '--log-level needs one of debug, info, warn, error, found "inf" (did you mean "info"?)',
  ],
  ["--log-level", "--log-level needs one of debug, info, warn, error, found nothing"],
  [
    "--parallel 0",
    '--parallel needs a whole number from 1 to 32, or nothing for one per core, found "0"',
  ],
  [
    "--parallel many",
    '--parallel needs a whole number from 1 to 32, or nothing for one per core, found "many"',
  ],
  ["--log-format xml", '--log-format needs one of text, json, found "xml"'],
  ["--check=no", '--check takes no value, found "--check=no"'],
  ["--config a --config b", "--config is given 2 times, expected once"],
  ["-c a --config b", "--config is given 2 times, expected once"],
  ["--trace --trace", "--trace is given 2 times, expected once"],
];

for (const [args, message] of WRONG) {
  Deno.test(`command line: "${args}" is refused`, () => {
    const error = assertThrows(() => parseFlags(args.split(" ").filter(Boolean)), UsageError);
    assertEquals(error.message, message);
  });
}
