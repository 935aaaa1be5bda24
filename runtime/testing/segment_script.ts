import { TCP_FLAGS, type TcpFlag, type TcpOption, type TcpSegment } from "./packet.ts";

/**
 * Where the relative numbers of a segment start: the initial sequence number of its sender (`seq`)
 * and of its receiver (`ack`). `undefined` while that side has not sent its SYN.
 */
export interface SequenceBases {
  /** Initial sequence number of the sender. */
  readonly seq: number | undefined;
  /** Initial sequence number of the receiver. */
  readonly ack: number | undefined;
}

/** A segment as a script asks to send it. */
export interface ScriptedSegment {
  /** Flags that are set. */
  flags: TcpFlag[];
  /** Absolute sequence number; `undefined` when the script leaves it out. */
  seq: number | undefined;
  /** Absolute acknowledgement number; `undefined` when the script leaves it out. */
  ack: number | undefined;
  /** Window field, unscaled; `undefined` when the script leaves it out. */
  window: number | undefined;
  /** Urgent pointer. */
  urgent: number;
  /** Options, in the order written. */
  options: TcpOption[];
  /** Payload bytes asked for with `len=`. */
  length: number | undefined;
  /** Wrong header length asked for with `doff=`, in 32-bit words. */
  dataOffset: number | undefined;
  /** `checksum=bad`. */
  badChecksum: boolean;
}

interface Term {
  key: string;
  operator: string;
  value: string;
}

const SEND_KEYS = [
  "seq",
  "ack",
  "win",
  "len",
  "urp",
  "mss",
  "ws",
  "sackok",
  "sack",
  "ts",
  "nop",
  "opt",
  "doff",
  "checksum",
];
const EXPECT_KEYS = ["seq", "ack", "win", "len", "urp", "mss", "ws", "sackok", "sack", "ts"];

/**
 * Reads a segment script for sending: flags in capitals, then `key=value` in any order.
 *
 * `seq=1 ack=1` are relative to the sides' initial sequence numbers, `seq=@4096` is absolute,
 * `seq=1+200000` is a sum. `win=` is the window field as it stands on the wire, `len=` a number of
 * pattern bytes, `urp=` the urgent pointer. Options: `mss=1460 ws=7 sackok sack=1-101,201-301
 * ts=1:0 nop opt=fd02` (any bytes in hexadecimal). Lies: `checksum=bad`, `doff=4`.
 *
 * @throws {SyntaxError} If a word is not understood.
 */
export function parseSegment(script: string, bases: SequenceBases): ScriptedSegment {
  const { flags, terms } = parseWords(script, SEND_KEYS);
  const segment: ScriptedSegment = {
    flags,
    seq: undefined,
    ack: undefined,
    window: undefined,
    urgent: 0,
    options: [],
    length: undefined,
    dataOffset: undefined,
    badChecksum: false,
  };
  for (const { key, operator, value } of terms) {
    if (operator !== "=" && operator !== "") {
      throw new SyntaxError(`"${key}${operator}${value}" in "${script}": only = when sending`);
    }
    switch (key) {
      case "seq":
        segment.seq = sequence(value, bases.seq, script);
        break;
      case "ack":
        segment.ack = sequence(value, bases.ack, script);
        break;
      case "win":
        segment.window = integer(value, script);
        break;
      case "len":
        segment.length = integer(value, script);
        break;
      case "urp":
        segment.urgent = integer(value, script);
        break;
      case "doff":
        segment.dataOffset = integer(value, script);
        break;
      case "checksum":
        segment.badChecksum = value === "bad";
        break;
      default:
        segment.options.push(parseOption(key, value, bases.ack, script));
    }
  }
  return segment;
}

/**
 * Compares a segment with a script. Flags must be equal, but PSH is only looked at when the script
 * has it. Numbers are compared when the script gives them (`=`, `<`, `<=`, `>`, `>=`; `=*` is
 * anything); without `len` there must be no payload, unless `payload` says which. `mss=none` asks
 * for the absence of an option.
 *
 * @returns What differs, in words; empty if the segment is as expected.
 * @throws {SyntaxError} If a word is not understood.
 */
export function matchSegment(
  script: string,
  segment: TcpSegment,
  bases: SequenceBases,
  payload?: Uint8Array,
): string[] {
  const { flags, terms } = parseWords(script, EXPECT_KEYS);
  const differences: string[] = [];
  const has = segment.flags.filter((flag) => flag !== "PSH" || flags.includes("PSH"));
  if (TCP_FLAGS.some((flag) => flags.includes(flag) !== has.includes(flag))) {
    differences.push(`flags are ${segment.flags.join(" ") || "none"}`);
  }
  if (payload !== undefined) {
    const differs = firstDifference(payload, segment.payload);
    if (differs !== undefined) differences.push(differs);
  } else if (!terms.some(({ key }) => key === "len")) {
    terms.push({ key: "len", operator: "=", value: "0" });
  }
  for (const { key, operator, value } of terms) {
    if (value === "*") continue;
    const found = fieldOf(segment, key, bases);
    const text = value === "none" ? "none" : found?.normalize(value) ?? value;
    if (!compare(found?.text ?? "none", operator, text)) {
      differences.push(`${key} is ${found?.text ?? "absent"}, not ${operator}${value}`);
    }
  }
  return differences;
}

/** Writes a segment as a script, with relative numbers where their base is known. */
export function formatSegment(segment: TcpSegment, bases: SequenceBases): string {
  const words: string[] = [...segment.flags];
  if (words.length === 0) words.push("none");
  words.push(`seq=${relative(segment.seq, bases.seq)}`);
  if (segment.flags.includes("ACK")) words.push(`ack=${relative(segment.ack, bases.ack)}`);
  words.push(`win=${segment.window}`);
  if (segment.payload.length > 0) words.push(`len=${segment.payload.length}`);
  if (segment.urgent !== 0) words.push(`urp=${segment.urgent}`);
  for (const option of segment.options) words.push(formatOption(option, bases.ack));
  return words.join(" ");
}

/**
 * Bytes that tell where they belong: the byte with relative sequence number n (the first byte of a
 * stream is 1) is always the same, and its neighbours far and near differ.
 *
 * @param from Relative sequence number of the first byte.
 * @param length How many.
 */
export function patternBytes(from: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    bytes[i] = Math.imul(from + i, 0x9e3779b1) >>> 24;
  }
  return bytes;
}

function parseWords(script: string, keys: string[]): { flags: TcpFlag[]; terms: Term[] } {
  const flags: TcpFlag[] = [];
  const terms: Term[] = [];
  for (const word of script.split(/\s+/).filter((word) => word !== "" && word !== "none")) {
    const flag = TCP_FLAGS.find((flag) => flag === word);
    if (flag !== undefined) {
      flags.push(flag);
      continue;
    }
    const match = /^([a-z]+)(?:(=|<=|>=|<|>)(.+))?$/.exec(word);
    if (match === null || !keys.includes(match[1]!)) {
      throw new SyntaxError(
        `"${word}" in "${script}": expected a flag (${TCP_FLAGS.join(" ")}) or one of ${
          keys.map((key) => key + "=").join(" ")
        }`,
      );
    }
    terms.push({ key: match[1]!, operator: match[2] ?? "", value: match[3] ?? "" });
  }
  return { flags, terms };
}

/** `12`, `0xff`, `1+200000`, `5-1`. */
function integer(text: string, script: string): number {
  const parts = text.match(/[+-]?(0x[0-9a-f]+|\d+)/gi);
  if (parts === null || parts.join("") !== text) {
    throw new SyntaxError(`"${text}" in "${script}": expected a number`);
  }
  return parts.reduce((sum, part) => {
    const size = Number(part.replace(/^[+-]/, ""));
    return sum + (part.startsWith("-") ? -size : size);
  }, 0);
}

function sequence(text: string, base: number | undefined, script: string): number {
  if (text.startsWith("@")) return integer(text.slice(1), script) >>> 0;
  if (base === undefined) {
    throw new SyntaxError(
      `"${text}" in "${script}" is relative to a SYN that was not seen yet: write @ for absolute`,
    );
  }
  return (base + integer(text, script)) >>> 0;
}

function parseOption(
  key: string,
  value: string,
  ackBase: number | undefined,
  script: string,
): TcpOption {
  switch (key) {
    case "mss":
      return { kind: "mss", size: integer(value, script) };
    case "ws":
      return { kind: "ws", shift: integer(value, script) };
    case "sack":
      return {
        kind: "sack",
        blocks: value.split(",").map((block) => {
          const [left, right] = block.split("-") as [string, string];
          return [sequence(left, ackBase, script), sequence(right, ackBase, script)];
        }),
      };
    case "ts": {
      const [own, echo] = value.split(":") as [string, string];
      return { kind: "ts", value: integer(own, script), echo: integer(echo, script) };
    }
    case "opt":
      return {
        kind: "raw",
        bytes: Uint8Array.from(value.match(/../g) ?? [], (byte) => parseInt(byte, 16)),
      };
    default:
      return { kind: key as "nop" | "sackok" };
  }
}

function formatOption(option: TcpOption, ackBase: number | undefined): string {
  switch (option.kind) {
    case "mss":
      return `mss=${option.size}`;
    case "ws":
      return `ws=${option.shift}`;
    case "sack":
      return `sack=${
        option.blocks.map((block) => block.map((n) => relative(n, ackBase)).join("-")).join(",")
      }`;
    case "ts":
      return `ts=${option.value}:${option.echo}`;
    case "raw":
      return `opt=${Array.from(option.bytes, (b) => b.toString(16).padStart(2, "0")).join("")}`;
    default:
      return option.kind;
  }
}

interface Field {
  text: string;
  /** Brings the script's way of writing the value into the form of `text`. */
  normalize(value: string): string;
}

function fieldOf(segment: TcpSegment, key: string, bases: SequenceBases): Field | undefined {
  const number = (value: number): Field => ({
    text: String(value),
    normalize: (text) => String(integer(text, key)),
  });
  const numbered = (value: number, base: number | undefined): Field => ({
    text: relative(value, base),
    normalize: (text) =>
      base === undefined && !text.startsWith("@")
        ? `${text} from a SYN that was not seen`
        : relative(sequence(text, base, key), base),
  });
  switch (key) {
    case "seq":
      return numbered(segment.seq, bases.seq);
    case "ack":
      return numbered(segment.ack, bases.ack);
    case "win":
      return number(segment.window);
    case "len":
      return number(segment.payload.length);
    case "urp":
      return number(segment.urgent);
  }
  const option = segment.options.find(({ kind }) => kind === key);
  if (option === undefined) return undefined;
  const text = formatOption(option, bases.ack);
  return { text: text.slice(text.indexOf("=") + 1), normalize: (value) => value || key };
}

function relative(value: number, base: number | undefined): string {
  return base === undefined ? `@${value}` : String((value - base) | 0);
}

function compare(found: string, operator: string, wanted: string): boolean {
  switch (operator) {
    case "<":
      return Number(found) < Number(wanted);
    case "<=":
      return Number(found) <= Number(wanted);
    case ">":
      return Number(found) > Number(wanted);
    case ">=":
      return Number(found) >= Number(wanted);
    default:
      return found === wanted;
  }
}

function firstDifference(wanted: Uint8Array, found: Uint8Array): string | undefined {
  const at = wanted.findIndex((byte, index) => byte !== found[index]);
  if (at < 0 && wanted.length === found.length) return undefined;
  const show = (bytes: Uint8Array) => {
    const part = bytes.subarray(Math.max(0, at - 4), Math.max(0, at - 4) + 16);
    return `${JSON.stringify(String.fromCharCode(...part))}`;
  };
  return `payload has ${found.length} bytes, not ${wanted.length}` +
    (at < 0 || at >= found.length ? "" : `; differs at ${at}: ${show(found)}, not ${show(wanted)}`);
}
