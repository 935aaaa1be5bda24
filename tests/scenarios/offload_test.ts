// What the device takes off the stack's hands, and what it joins.
import { assert, assertEquals } from "@std/assert";
import { Lan } from "../../runtime/testing/lan.ts";
import { patternBytes } from "../../runtime/testing/segment_script.ts";
import { IpAddress } from "../../stack/ip/address.ts";
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
