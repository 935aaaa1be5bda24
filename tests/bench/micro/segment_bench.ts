import { MSS, Peer } from "./peer.ts";
import { measure } from "./reference.ts";

const COUNT = 32;

{
  const peer = new Peer();
  const target = new Uint8Array(COUNT * MSS);
  measure(`${COUNT} segments received and read`, () => {
    for (let i = 0; i < COUNT; i++) peer.sendData();
    const length = peer.connection.read(target);
    peer.poll();
    if (length !== target.length) throw new Error(`read ${length} bytes of ${target.length}`);
    return length;
  });
}

{
  const peer = new Peer();
  const source = new Uint8Array(COUNT * MSS);
  measure(`${COUNT} segments written, sent and acknowledged`, () => {
    let written = peer.connection.write(source);
    // At first cwnd takes some rounds.
    for (let round = 0; round < 100; round++) {
      peer.poll();
      peer.acknowledge();
      if (written < source.length) written += peer.connection.write(source.subarray(written));
      else if (peer.connection.info().sendQueued === 0) return written;
    }
    throw new Error(`not sent after 100 rounds: ${JSON.stringify(peer.connection.info())}`);
  });
}
