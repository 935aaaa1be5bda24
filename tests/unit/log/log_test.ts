import { assert, assertEquals, assertMatch } from "@std/assert";
import { resetSync } from "@logtape/logtape";
import { configureLog, createLog, type LogOptions, logTransition } from "../../../runtime/log.ts";

/** What a log shows of what is done with it, line by line. */
async function shown(
  options: Partial<LogOptions>,
  work: () => void,
): Promise<string[]> {
  const chunks: Uint8Array[] = [];
  const writer = configureLog({
    level: "info",
    format: "text",
    color: false,
    trace: false,
    write: (bytes) => {
      chunks.push(bytes.slice());
      return Promise.resolve(bytes.length);
    },
    ...options,
  });
  try {
    work();
    await writer.flush();
  } finally {
    resetSync();
  }
  return (await new Blob(chunks as BlobPart[]).text()).split("\n").slice(0, -1);
}

const TIME = /^\d\d:\d\d:\d\d\.\d{3} /;

/** Text lines without their time, which every one must have. */
function timeless(lines: string[]): string[] {
  return lines.map((line) => {
    assertMatch(line, TIME);
    return line.replace(TIME, "");
  });
}

Deno.test("log: a text line has time, level, message and properties", async () => {
  const lines = await shown({}, () => {
    const log = createLog({ port: 80, peer: "192.168.69.1:37629" });
    log.info("served", { path: "/a b", bytes: 12, deep: { list: [1, "x"] } });
    log.warn("slow");
    log.error("failed", { error: new TypeError("no such thing\nsecond line") });
  });
  assertEquals(timeless(lines), [
    'info  served  port=80 peer=192.168.69.1:37629 path="/a b" bytes=12 deep={ list: [ 1, "x" ] }',
    "warn  slow  port=80 peer=192.168.69.1:37629",
    'error failed  port=80 peer=192.168.69.1:37629 error="TypeError: no such thing"',
  ]);
});

Deno.test("log: nothing below the level is shown, and stacks at debug only", async () => {
  const work = () => {
    const log = createLog();
    log.debug("d");
    log.info("i");
    log.warn("w");
    log.error("e", { error: new Error("boom") });
  };
  const counts = [];
  for (const level of ["error", "warn", "info"] as const) {
    counts.push((await shown({ level }, work)).length);
  }
  assertEquals(counts, [1, 2, 3]);
  const all = await shown({ level: "debug" }, work);
  assertMatch(all[0]!, / debug d$/);
  assertMatch(all[4]!, /^ {4}Error: boom$/);
  assertMatch(all[5]!, /^ {4} {4}at .*log_test\.ts/);
});

Deno.test("log: a json line is one object whose own keys no property replaces", async () => {
  const lines = await shown({ format: "json" }, () => {
    createLog({ port: 7 }).error('a "text"\nof two lines', {
      error: new RangeError("too far"),
      level: "none",
      big: 2n ** 70n,
      nothing: undefined,
      go: () => {},
    });
  });
  const record = JSON.parse(lines[0]!);
  assertMatch(record.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  delete record.time;
  assertEquals(record, {
    level: "error",
    message: 'a "text"\nof two lines',
    port: 7,
    error: { name: "RangeError", message: "too far" },
    big: "1180591620717411303424",
    nothing: "undefined",
    go: "[Function: go]",
  });
});

Deno.test("log: a text line cannot be forged or move the cursor", async () => {
  const lines = await shown({}, () => {
    createLog().info("GET /\r\n10:00:00.000 error forged \x1b[2J", { "k\n": "a\u2028b\x7f" });
  });
  assertEquals(timeless(lines), [
    "info  GET /\\x0d\\n10:00:00.000 error forged \\x1b[2J  " + 'k\\n="a\\x2028b\\x7f"',
  ]);
});

Deno.test("log: colour is in the level only, and only when asked for", async () => {
  const [line] = await shown({ color: true }, () => createLog().error("failed", { port: 7 }));
  assertEquals(timeless([line!]), ["\x1b[31merror\x1b[0m failed  port=7"]);
});

Deno.test("log: whatever it is given, it never throws and still says something", async () => {
  const circle: Record<string, unknown> = {};
  circle.self = circle;
  const hostile = {
    [Symbol.for("Deno.customInspect")]: () => {
      throw new Error("no");
    },
    toJSON: () => {
      throw new Error("no");
    },
  };
  const proxy = new Proxy({}, {
    get: () => {
      throw new Error("no");
    },
    ownKeys: () => {
      throw new Error("no");
    },
  });
  for (const format of ["text", "json"] as const) {
    const lines = await shown({ format }, () => {
      const log = createLog();
      log.info("one", { circle, hostile, nothing: null, symbol: Symbol("s"), proxy });
      log.info("two", proxy);
      log.info("three {not} {{ a template }}", { not: 1 });
    });
    assert(lines[0]!.includes("one"));
    assert(lines.at(-1)!.includes("three {not} {{ a template }}"));
  }
});

const TRANSITION =
  "192.168.69.1:37629 { Syn_rcvd 452873839 }  - Recv_ack 452873840 ->  { Established }";

Deno.test("log: a transition is the bare line, in order with the rest, whatever the level", async () => {
  const lines = await shown({ trace: true, level: "error" }, () => {
    logTransition(TRANSITION);
    createLog().error("served");
    logTransition(TRANSITION);
  });
  assertEquals([lines[0], lines[2]], [TRANSITION, TRANSITION]);
  assertEquals(timeless([lines[1]!]), ["error served"]);
});

Deno.test("log: a transition is the message of an object with json", async () => {
  const lines = await shown({ trace: true, format: "json" }, () => logTransition(TRANSITION));
  const { level, message } = JSON.parse(lines[0]!);
  assertEquals({ level, message }, { level: "trace", message: TRANSITION });
});

Deno.test("log: without trace no transition is shown, at any level", async () => {
  assertEquals(await shown({ level: "debug" }, () => logTransition(TRANSITION)), []);
});

Deno.test("log: unconfigured it is silent", () => {
  createLog({ port: 1 }).error("nobody listens");
  logTransition(TRANSITION);
});
