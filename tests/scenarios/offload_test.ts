// What the device takes off the stack's hands, and what it joins.
import { assert, assertEquals } from "@std/assert";
import type { Impairment } from "../../runtime/device/impairment.ts";
import { Lan } from "../../runtime/testing/lan.ts";
import { patternBytes } from "../../runtime/testing/segment_script.ts";
import type { StackOptions } from "../../stack/stack.ts";
import { CONGESTION_NAMES } from "../../stack/tcp/congestion.ts";
import { IpAddress } from "../../stack/ip/address.ts";
import type { Frame } from "../../stack/wire/frame.ts";
import { established } from "../support/established.ts";

Deno.test("segments that the device has joined are acknowledged as what they are: many", () => {
  const { peer, app } = established();
  peer.send("ACK seq=1 ack=1 len=20440", undefined, { offload: { segmentSize: 1460 } });
  peer.expect("ACK seq=1 ack=20441");
  assertEquals(app.read(), patternBytes(1, 20_440));
  // Their size is that of one: a single one of them waits for the next.
  peer.send("ACK len=1460");
  peer.expectNothing();
  peer.send("ACK len=1460");
  peer.expect("ACK seq=1 ack=23361");
});

Deno.test("a joined segment out of order is answered once and kept whole", () => {
  const { peer, app } = established();
  const joined = { offload: { segmentSize: 1460 } };
  peer.send("ACK seq=1461 ack=1 len=14600", undefined, joined);
  peer.expect("ACK seq=1 ack=1");
  peer.expectNothing();
  peer.send("ACK seq=1 ack=1 len=1460");
  peer.expect("ACK seq=1 ack=16061");
  assertEquals(app.read(), patternBytes(1, 16_060));
});

Deno.test("a checksum is verified by the stack unless the device vouches for it", () => {
  const { peer, app } = established();
  peer.send("PSH ACK seq=1 ack=1 checksum=bad", "no");
  assertEquals(app.connection.readableBytes, 0);
  for (const checksum of ["partial", "verified"] as const) {
    peer.send("PSH ACK checksum=bad seq=1 ack=1", "yes", { offload: { checksum } });
    assertEquals(app.connection.info().bytesReceived, 3);
  }
});

Deno.test("on a link that completes checksums the stack computes none", () => {
  for (const transmitChecksum of [true, false]) {
    const seen = new Set<string>();
    const lan = new Lan({
      link: { transmitChecksum },
      tap: (_station, { bytes, offset, checksum }) => {
        if (bytes[offset + 12] === 8 && bytes[offset + 13] === 0) seen.add(checksum);
      },
    });
    let received = 0;
    lan.stations[1]!.stack.listen({ port: 80 }, (connection) => {
      connection.observer = {
        readable: () => received += connection.read(new Uint8Array(10_000)),
        writable() {},
        closed() {},
      };
    });
    lan.stations[0]!.stack.connect({ address: IpAddress.parse("10.0.0.2")!, port: 80 }, {
      established: (connection) => assert(connection.write(new Uint8Array(5000)) === 5000),
      failed() {},
    });
    lan.exchange();
    assertEquals([received, [...seen]], [5000, [transmitChecksum ? "partial" : "complete"]]);
  }
});

/** What a link that splits segments was given. */
interface Given {
  readonly payload: number;
  readonly segmentSize: number;
  readonly flags: number;
  readonly checksum: string;
}

/** Moves bytes over a link that splits segments; gives what the sender handed to it. */
function transfer(
  bytes: number,
  tcp: StackOptions["tcp"] = {},
  path: Impairment = {},
  segmentation = true,
): { given: Given[]; lan: Lan } {
  const given: Given[] = [];
  const lan = new Lan({
    link: { segmentation, transmitChecksum: true },
    path,
    tcp,
    tap: (station, { bytes, offset, length, segmentSize, headerLength, checksum }) => {
      const tcp = offset + 34;
      if (station.address !== "10.0.0.1" || bytes[offset + 23] !== 6) return;
      const header = 34 + (bytes[tcp + 12]! >> 4) * 4;
      if (segmentSize > 0) assertEquals(headerLength, header);
      given.push({ payload: length - header, segmentSize, flags: bytes[tcp + 13]!, checksum });
    },
  });
  const target = new Uint8Array(bytes);
  let received = 0;
  let closed = 0;
  lan.stations[1]!.stack.listen({ port: 80 }, (connection) => {
    connection.observer = {
      readable() {
        for (let count; (count = connection.read(target.subarray(received))) > 0;) {
          received += count;
        }
        if (connection.ended) connection.close();
      },
      writable() {},
      closed: () => void closed++,
    };
  });
  const source = patternBytes(1, bytes);
  let sent = 0;
  lan.stations[0]!.stack.connect({ address: IpAddress.parse("10.0.0.2")!, port: 80 }, {
    established(connection) {
      const write = () => {
        sent += connection.write(source.subarray(sent));
        if (sent === bytes) connection.closeWrite();
      };
      connection.observer = { readable() {}, writable: write, closed: () => void closed++ };
      write();
    },
    failed() {},
  });
  for (let turns = 0; closed < 2; turns++) {
    assert(turns < 1_000_000, `stands still at ${received} of ${bytes} bytes`);
    lan.exchange();
    const next = lan.nextDeadline();
    if (next > lan.now && next !== Infinity) lan.moveTo(next);
  }
  assertEquals(received, bytes);
  assertEquals(target, source);
  return { given, lan };
}

Deno.test("a link that splits segments is given many at once, of one size, as the windows allow", () => {
  const { given, lan } = transfer(2_000_000, {}, { delay: 5 });
  const large = given.filter(({ segmentSize }) => segmentSize > 0);
  assert(large.length > 20 && given.length < 500, `${large.length} of ${given.length}`);
  for (const { payload, segmentSize, checksum } of large) {
    assertEquals([segmentSize, checksum], [1448, "partial"]);
    assert(payload > 1448 && payload <= 65_495, `${payload} bytes`);
  }
  assert(large.some(({ payload }) => payload > 60_000));
  assertEquals(lan.stations[0]!.stack.counters.tcp.segmentsRetransmitted, 0);
  assert(lan.stations[0]!.stack.counters.tcp.segmentsSent >= 2_000_000 / 1448);
});

Deno.test("neither SYN nor FIN is in what the link splits", () => {
  for (const bytes of [1448, 1449, 2896, 14_480, 14_481, 100_000]) {
    for (const noDelay of [true, false]) {
      const { given } = transfer(bytes, noDelay ? { delayedAck: 0 } : {});
      for (const { segmentSize, flags } of given) {
        assert(segmentSize === 0 || (flags & 3) === 0, `flags ${flags}`);
      }
      assertEquals(given.filter(({ flags }) => (flags & 1) !== 0).length, 1);
    }
  }
});

Deno.test("what is lost of a large segment is sent again in segments that the path takes", () => {
  for (const congestion of CONGESTION_NAMES) {
    let large = 0; // The third that follows another at once is lost.
    let before = -1;
    const drop = (frame: Frame, _index: number, now: number) => {
      const follows = now === before && frame.segmentSize > 0;
      if (frame.segmentSize > 0) before = now;
      return follows && ++large === 3;
    };
    const path = { delay: 5, drop };
    const { lan } = transfer(1_000_000, { congestion }, path);
    const { counters } = lan.stations[0]!.stack;
    assert(counters.tcp.segmentsRetransmitted > 0);
    assertEquals([congestion, counters.tcp.retransmissionTimeouts], [congestion, 0]);
  }
});

Deno.test("with and without such a link the same is sent, and bad lines are no matter", () => {
  const path = { delay: 3, loss: 0.02, reorder: { probability: 0.02, delay: 4 } };
  for (const segmentation of [true, false]) transfer(500_000, {}, path, segmentation);
});

Deno.test("what a link refuses was not sent: it leaves when the link takes it, the FIN included", () => {
  const { t, peer, app } = established();
  t.linkUp = false;
  app.write("hello");
  t.advance(0);
  assertEquals(app.connection.info().inFlight, 0);
  assertEquals(app.connection.info().limit, "link");
  t.linkUp = true;
  t.advance(200);
  peer.expect("PSH ACK seq=1 ack=1", "hello");
  peer.send("ACK ack=6");
  t.linkUp = false;
  app.connection.closeWrite();
  t.advance(0);
  assertEquals(app.connection.state, "Established");
  t.linkUp = true;
  t.advance(200);
  peer.expect("FIN ACK seq=6 ack=1");
  assertEquals(app.connection.state, "Fin_wait_1");
});
