import type { Impairment } from "../../runtime/device/impairment.ts";
import { network } from "../../runtime/testing/network.ts";
import { IpAddress } from "../../stack/ip/address.ts";
import type { Connection } from "../../stack/tcp/api.ts";
import type { CongestionName } from "../../stack/tcp/congestion.ts";

/** A path that all flows share. */
export interface Bottleneck {
  /** Rate in Mbit/s. */
  readonly rate: number;
  /** Round-trip time of the empty path in milliseconds. */
  readonly rtt: number;
  /** Probability that a frame with data is lost; default 0. */
  readonly loss?: number;
  /** Room before the bottleneck in bytes; default: what the path holds, at least 30 kB. */
  readonly queue?: number;
  /** Default 1. */
  readonly seed?: number;
}

/** What became of it. */
export interface Shares {
  /** What each flow has delivered to its application, in Mbit/s. */
  readonly rates: readonly number[];
  /** The mean of all round-trip times, in milliseconds: beyond that of the path it is the queue. */
  readonly rtt: number;
  /** Segments sent again by all. */
  readonly retransmissions: number;
  /** Recoveries that were taken for needless by all. */
  readonly undone: number;
}

/**
 * Lets flows share a bottleneck, each with data without end and a receiver of its own, in virtual
 * time.
 *
 * @param flows Congestion control of each.
 * @param path What they share.
 * @param seconds What is measured, after `warmUp`.
 * @param warmUp Seconds before that.
 */
export async function shareBottleneck(
  flows: readonly CongestionName[],
  path: Bottleneck,
  seconds: number,
  warmUp: number,
): Promise<Shares> {
  const { rate, rtt, loss = 0, seed = 1 } = path;
  const { queue = Math.max(rate * 125 * rtt, 30_000) } = path;
  await using net = network({ seed, stations: 1 + flows.length });
  const server = net.hosts[0]!;
  const forth: Impairment = { rate: rate * 1e6, delay: rtt / 2, loss, queue };
  server.impair(forth);
  const senders: Connection[] = [];
  const received = flows.map(() => 0);
  const buffer = new Uint8Array(65_536);
  for (const [i, congestion] of flows.entries()) {
    const port = 5000 + i;
    server.stack.listen({ port, congestion }, (connection) => {
      const fill = () => {
        while (connection.write(buffer) > 0);
      };
      connection.observer = { readable() {}, writable: fill, closed() {} };
      senders.push(connection);
      fill();
    });
    const host = net.hosts[1 + i]!;
    host.impair({ delay: rtt / 2 });
    host.stack.connect({ address: IpAddress.parse(server.address)!, port }, {
      established(connection) {
        const readable = () => {
          for (let n = connection.read(buffer); n > 0; n = connection.read(buffer)) {
            received[i]! += n;
          }
        };
        connection.observer = { readable, writable() {}, closed() {} };
      },
      failed(reason) {
        throw new Error(`flow ${i}: ${reason}`);
      },
    });
  }
  await net.advance(warmUp * 1000);
  const before = [...received];
  let sum = 0;
  const samples = seconds * 20;
  for (let i = 0; i < samples; i++) {
    await net.advance(50);
    for (const sender of senders) sum += sender.info().rtt;
  }
  return {
    rates: received.map((bytes, i) => (bytes - before[i]!) / 125_000 / seconds),
    rtt: sum / samples / flows.length,
    retransmissions: server.stack.counters.tcp.segmentsRetransmitted,
    undone: server.stack.counters.tcp.recoveriesUndone,
  };
}
