import { assertEquals, assertThrows } from "@std/assert";
import {
  names,
  parseCommandLine,
  positive,
  text,
  texts,
  toggle,
  UsageError,
  whole,
} from "../../support/command_line.ts";

const SETTINGS = {
  seeds: whole(1, 1000),
  round: whole(1, undefined),
  queues: whole(1, 1, 32),
  seconds: positive(3),
  json: text("the name of a file"),
  only: texts("a part of a name"),
  server: names(["taproom", "kernel"]),
  check: toggle(),
};
const parse = (line: string) => parseCommandLine(line.split(" ").filter(Boolean), SETTINGS, 1);

Deno.test("without arguments everything is what it is by default", () => {
  assertEquals(parse(""), {
    help: false,
    values: {
      seeds: 1000,
      round: undefined,
      queues: 1,
      seconds: 3,
      json: undefined,
      only: [],
      server: [],
      check: false,
    },
    operands: [],
  });
});

Deno.test("values follow their names, with a blank or an equals sign", () => {
  const { values, operands, help } = parse(
    "goodput --seeds 7 --round=2 --seconds 0.5 --json a=b --only x --only=y --server kernel --check -h",
  );
  assertEquals(values, {
    seeds: 7,
    round: 2,
    queues: 1,
    seconds: 0.5,
    json: "a=b",
    only: ["x", "y"],
    server: ["kernel"],
    check: true,
  });
  assertEquals([operands, help], [["goodput"], true]);
});

Deno.test("what makes no sense is refused, with what was found and what was expected", () => {
  const WHOLE = "expected a whole number from 1 on, found";
  const cases: [line: string, message: string][] = [
    ["--seeds abc", `--seeds: ${WHOLE} "abc"`],
    ["--seeds 0", `--seeds: ${WHOLE} "0"`],
    ["--seeds -3", `--seeds: ${WHOLE} "-3"`],
    ["--seeds 1e3", `--seeds: ${WHOLE} "1e3"`],
    ["--seeds 2.5", `--seeds: ${WHOLE} "2.5"`],
    ["--seeds=", `--seeds: ${WHOLE} ""`],
    ["--seeds", `--seeds: ${WHOLE} nothing`],
    ["--queues 33", '--queues: expected a whole number from 1 to 32, found "33"'],
    ["--seconds 0", '--seconds: expected a number above 0, found "0"'],
    ["--seconds NaN", '--seconds: expected a number above 0, found "NaN"'],
    ["--seconds Infinity", '--seconds: expected a number above 0, found "Infinity"'],
    ["--json=", '--json: expected the name of a file, found ""'],
    ["--server ceiling", '--server: expected one of taproom, kernel, found "ceiling"'],
    ["--seeds 1 --seeds 2", "--seeds is given twice"],
    ["--check=no", '--check takes no value, found "no"'],
    ["--seed 1", 'unknown flag "--seed" (did you mean "--seeds"?)'],
    ["--toString 1", 'unknown flag "--toString"'],
    ["-x", 'unknown flag "-x"'],
    ["--", 'unknown flag "--"'],
    ["one two", 'unexpected argument "two"'],
  ];
  for (const [line, message] of cases) {
    const { message: said } = assertThrows(() => parse(line), UsageError);
    assertEquals(said.startsWith(message), true, `${line}: ${said}`);
  }
});
