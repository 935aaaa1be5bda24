// Segments that no sane peer sends, in every state: nothing is thrown, nothing malformed is emitted
// (the scenario checks each frame), nothing is left at the end.
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { gone } from "../../runtime/testing/gone.ts";
import { TCP_FLAGS } from "../../runtime/testing/packet.ts";
import { scenario } from "../../runtime/testing/scenario.ts";
import {
  closeWait,
  closing,
  connected,
  established,
  finWait1,
  finWait2,
  lastAck,
  timeWait,
} from "../support/established.ts";

const BEGINNINGS = {
  "nothing": () => {
    const t = scenario({ listen: 80 });
    return { t, peer: t.peer() };
  },
  "a SYN": () => {
    const t = scenario({ listen: 80 });
    const peer = t.peer();
    peer.send("SYN seq=0 mss=1460 ws=7");
    peer.expect("SYN ACK seq=0 ack=1");
    return { t, peer };
  },
  "our SYN": () => {
    const t = scenario();
    const peer = t.peer({ port: 80 });
    t.connect(peer);
    peer.expect("SYN seq=0");
    return { t, peer };
  },
  "an open connection": () => established(),
  "a connection that we opened": () => connected(),
  "data in flight": () => {
    const all = established({}, { win: 5000 });
    all.app.write(new Uint8Array(20_000));
    return all;
  },
  "Fin_wait_1": () => finWait1(),
  "Fin_wait_2": () => finWait2(),
  "Close_wait": () => closeWait(),
  "Closing": () => closing(),
  "Last_ack": () => lastAck(),
  "Time_wait": () => timeWait(),
};

/** Numbers at, around, near and far from the edges that matter. */
const offset = fc.oneof(
  fc.integer({ min: -3, max: 3 }),
  fc.constantFrom(100, -100, 5000, -5000, 65_534, 65_535, 65_536, 65_537, 262_144, -65_536),
  fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
);

const segment = fc.record({
  flags: fc.subarray([...TCP_FLAGS]),
  seq: offset,
  ack: offset,
  win: fc.constantFrom(0, 1, 500, 65_535),
  length: fc.constantFrom(0, 0, 1, 2, 100, 1460),
  urgent: fc.constantFrom(0, 0, 1, 65_535),
  pause: fc.constantFrom(0, 0, 0, 1, 50, 1000, 70_000),
});

for (const [name, begin] of Object.entries(BEGINNINGS)) {
  Deno.test(`any segments after ${name}`, () => {
    fc.assert(
      fc.property(fc.array(segment, { maxLength: 25, size: "max" }), (segments) => {
        const { t, peer } = begin();
        for (const { flags, seq, ack, win, length, urgent, pause } of segments) {
          const known = peer.remoteIsn === undefined ? "@" : "";
          peer.send(
            `${flags.join(" ")} seq=${peer.sndNxt + seq} ack=${known}${
              known === "" ? peer.rcvNxt + ack : ack >>> 0
            } win=${win} len=${length} urp=${urgent}`,
          );
          t.advance(pause);
          peer.drain();
        }
        t.stack.abort();
        peer.drain();
        gone(t.stack);
        const ends = t.accepted.map(({ reasons }) => reasons.length);
        assertEquals(ends, ends.map(() => 1));
      }),
      { numRuns: 150 },
    );
  });
}
