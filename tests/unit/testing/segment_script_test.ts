import { assertEquals, assertThrows } from "@std/assert";
import type { TcpSegment } from "../../../runtime/testing/packet.ts";
import {
  formatSegment,
  matchSegment,
  parseSegment,
  patternBytes,
} from "../../../runtime/testing/segment_script.ts";

const BASES = { seq: 1000, ack: 4294967290 };

const SEGMENT: TcpSegment = {
  sourcePort: 40000,
  destinationPort: 80,
  seq: 1001,
  ack: 3,
  flags: ["PSH", "ACK"],
  window: 65535,
  urgent: 0,
  options: [{ kind: "nop" }, { kind: "ts", value: 7, echo: 8 }],
  payload: new TextEncoder().encode("hello"),
};

Deno.test("relative numbers start at the sides' initial sequence numbers, and wrap", () => {
  const segment = parseSegment("PSH ACK seq=1 ack=9 win=100", BASES);
  assertEquals(segment.flags, ["PSH", "ACK"]);
  assertEquals([segment.seq, segment.ack, segment.window], [1001, 3, 100]);
});

Deno.test("numbers may be absolute, sums and hexadecimal", () => {
  assertEquals(parseSegment("RST seq=@0xffffffff", BASES).seq, 4294967295);
  assertEquals(parseSegment("RST seq=1+200000", BASES).seq, 201001);
  assertEquals(parseSegment("RST seq=1-2", BASES).seq, 999);
});

Deno.test("options are written as they are read", () => {
  const text = "SYN seq=0 win=1000 mss=1460 nop ws=7 sackok ts=1:0 sack=1-101,201-301 opt=fd02";
  const { options, flags } = parseSegment(text, BASES);
  const segment = {
    ...SEGMENT,
    flags,
    options,
    seq: 1000,
    window: 1000,
    payload: new Uint8Array(),
  };
  assertEquals(formatSegment(segment, BASES), text);
});

Deno.test("a word that means nothing, or a relative number without a base, is refused", () => {
  assertThrows(() => parseSegment("SYN sqe=1", BASES), SyntaxError, `"sqe=1"`);
  assertThrows(() => parseSegment("SYN seq=x", BASES), SyntaxError, `"x"`);
  assertThrows(() => parseSegment("SYN seq<5", BASES), SyntaxError, "only =");
  assertThrows(
    () => parseSegment("ACK ack=1", { seq: 0, ack: undefined }),
    SyntaxError,
    "write @ for absolute",
  );
});

Deno.test("a segment matches what it is, and PSH counts only where it is asked for", () => {
  const hello = SEGMENT.payload;
  assertEquals(matchSegment("ACK seq=1 ack=9", SEGMENT, BASES, hello), []);
  assertEquals(matchSegment("PSH ACK seq=1 len=5 win>0 ts=7:8", SEGMENT, BASES), []);
  assertEquals(matchSegment("ACK seq=* len=* win=* mss=none", SEGMENT, BASES), []);
  assertEquals(matchSegment("ACK seq=@1001 len<=5 ack=@3", SEGMENT, BASES), []);
});

Deno.test("every difference is named", () => {
  assertEquals(matchSegment("ACK seq=2 ack=8", SEGMENT, BASES), [
    "seq is 1, not =2",
    "ack is 9, not =8",
    "len is 5, not =0",
  ]);
  assertEquals(matchSegment("FIN ACK mss=1460 ts=none len>5 win<9", SEGMENT, BASES), [
    "flags are PSH ACK",
    "mss is absent, not =1460",
    "ts is 7:8, not =none",
    "len is 5, not >5",
    "win is 65535, not <9",
  ]);
  assertEquals(matchSegment("ACK", SEGMENT, BASES, new TextEncoder().encode("help!")), [
    `payload has 5 bytes, not 5; differs at 3: "hello", not "help!"`,
  ]);
  assertEquals(matchSegment("ACK", SEGMENT, BASES, new Uint8Array(0)), [
    "payload has 5 bytes, not 0",
  ]);
});

Deno.test("the pattern says where a byte belongs", () => {
  assertEquals(patternBytes(101, 50), patternBytes(1, 200).subarray(100, 150));
  const seen = new Set<string>();
  const long = patternBytes(1, 70_000);
  for (let i = 0; i + 4 < long.length; i += 1460) seen.add(long.subarray(i, i + 4).join());
  assertEquals(seen.size, Math.ceil((long.length - 4) / 1460));
});
