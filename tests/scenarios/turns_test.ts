// Connections that have much to send take turns.
import { assert, assertEquals } from "@std/assert";
import { scenario } from "../../runtime/testing/scenario.ts";

const LINK = { segmentation: true, transmitChecksum: true, maxFrame: 65_549 };
/** What a connection sends before it is the next one's turn, and one frame at most beyond it. */
const TURN = 131_072;
const FRAME = 65_536;

Deno.test("of connections with much to send none waits until another has sent all", () => {
  const t = scenario({ listen: 80, link: LINK });
  const peers = [t.peer(), t.peer(), t.peer()];
  const apps = peers.map((peer) => peer.open({ ws: 5 }));
  const much = new Uint8Array(800_000);
  // Windows that have room for all of it.
  for (const [i, peer] of peers.entries()) {
    for (let round = 0; round < 12; round++) {
      apps[i]!.write(much);
      peer.drain();
      t.advance(2); // A shorter path would get a smaller buffer.
      peer.send("ACK");
    }
    peer.drain();
    peer.send("ACK");
    peer.expectNothing();
  }
  const before = t.traceText().length;
  for (const app of apps) assertEquals(app.write(much), much.length);
  for (const peer of peers) peer.drain();
  const sent = t.traceText().slice(before).matchAll(/(\S+) < .* len=(\d+)/g);
  const turns: { peer: string; bytes: number }[] = [];
  for (const [, peer, length] of sent) {
    if (turns.at(-1)?.peer !== peer) turns.push({ peer: peer!, bytes: 0 });
    turns.at(-1)!.bytes += Number(length);
  }
  assert(turns.length >= 3 * Math.floor(much.length / (TURN + FRAME)), `${turns.length} turns`);
  for (const [i, { peer }] of turns.entries()) {
    assertEquals(peer, `${peers[i % 3]!.address}:${peers[i % 3]!.port}`, `turn ${i}`);
  }
  for (const { bytes } of turns) assert(bytes <= TURN + FRAME, `${bytes} bytes in a row`);
  assertEquals(turns.reduce((sum, { bytes }) => sum + bytes, 0), 3 * much.length);
});
