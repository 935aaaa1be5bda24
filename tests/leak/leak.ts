/**
 * Opens, uses and ends many connections between two stacks, round after round: tables must be empty
 * after each, and memory what it was after the first.
 *
 * ```sh
 * deno task leak --connections 10000 --rounds 20
 * ```
 *
 * @module
 */
import { gone } from "../../runtime/testing/gone.ts";
import { Lan } from "../../runtime/testing/lan.ts";
import { IpAddress } from "../../stack/ip/address.ts";
import type { Connection } from "../../stack/tcp/api.ts";
import { print, readCommandLine, whole } from "../support/command_line.ts";

const HELP = `Usage: deno task leak [options]

  --connections N  Connections in a round (default 10000)
  --rounds N       Rounds, at least 2: memory is compared with that after the first (default 20)
  --help           Shows this

Exit status 1 if memory has grown.
`;

/** Ways to end a connection: what its two ends do when both have said something. */
const WAYS: readonly ((opener: Connection, acceptor: Connection) => void)[] = [
  (opener) => opener.close(), // and the acceptor at the end of the stream
  (_, acceptor) => acceptor.close(),
  (opener, acceptor) => {
    opener.close();
    acceptor.close();
  },
  (opener) => opener.abort(),
  (_, acceptor) => acceptor.abort(),
  (opener) => opener.closeWrite(),
  (_, acceptor) => acceptor.closeWrite(),
  (opener, acceptor) => {
    opener.closeWrite();
    acceptor.closeWrite();
  },
];

/** Connections that are open at one time. */
const AT_ONCE = 500;
/** How much larger the heap may be than after the first round. */
const GROWTH = 1.05;

const buffer = new Uint8Array(4_096);

/** Reads what is there; at the end of the stream says goodbye. */
function observe(connection: Connection): void {
  connection.observer = {
    readable() {
      while (connection.read(buffer) > 0);
      if (connection.ended) connection.close();
    },
    writable() {},
    closed() {},
  };
}

/** Lets time pass until nothing is left to be done, or until a time. */
function run(lan: Lan, until: number): void {
  for (;;) {
    lan.exchange();
    const next = lan.nextDeadline();
    if (next === Infinity || next > until) break;
    lan.moveTo(next);
  }
  if (until !== Infinity) lan.moveTo(until);
}

function round(lan: Lan, connections: number, accepted: Map<number, Connection>): void {
  const client = lan.stations[0]!.stack;
  for (let done = 0; done < connections; done += AT_ONCE) {
    const pairs: Connection[] = [];
    accepted.clear();
    for (let i = 0; i < Math.min(AT_ONCE, connections - done); i++) {
      client.connect({ address: IpAddress.parse("10.0.0.2")!, port: 80 }, {
        established(connection) {
          observe(connection);
          pairs.push(connection);
          connection.write(buffer.subarray(0, 1 + i % 3_000));
        },
        failed(reason) {
          throw new Error(`a connection could not be opened: ${reason}`);
        },
      });
    }
    run(lan, lan.now + 5_000); // The first SYNs wait for ARP, and not all of them have room.
    if (pairs.length !== Math.min(AT_ONCE, connections - done)) throw new Error("not all are open");
    for (const [i, opener] of pairs.entries()) {
      WAYS[i % WAYS.length]!(opener, accepted.get(opener.local.port)!);
    }
    run(lan, lan.now + 1_000);
  }
  accepted.clear();
  run(lan, Infinity);
  for (const { stack } of lan.stations) gone(stack);
  lan.transitions.length = 0;
}

const { values: { connections, rounds } } = readCommandLine(HELP, {
  connections: whole(1, 10_000),
  rounds: whole(2, 20),
});
const collect = (globalThis as { gc?: () => void }).gc;
if (collect === undefined) throw new Error("run it with --v8-flags=--expose-gc");

const lan = new Lan({ tcp: { timeWaitLimit: connections } });
const accepted = new Map<number, Connection>();
lan.stations[1]!.stack.listen({ port: 80 }, (connection) => {
  observe(connection);
  accepted.set(connection.remote.port, connection);
  connection.write(buffer.subarray(0, 100));
});
let first = 0;
/** The last rounds: what leaks is there in all of them, what a collection has left is not. */
const last: number[] = [];
for (let i = 1; i <= rounds; i++) {
  round(lan, connections, accepted);
  // Code that is no longer used goes only after it has not been called for some collections.
  for (let times = 0; times < 8; times++) collect();
  const heap = Deno.memoryUsage().heapUsed;
  first ||= heap;
  const ratio = heap / first;
  last.push(ratio);
  if (last.length > 3) last.shift();
  print(
    `round ${i}: ${connections} connections, heap ${(heap / 2 ** 20).toFixed(2)} MB, ` +
      `${ratio.toFixed(3)} of the first\n`,
  );
}
Deno.exit(Math.min(...last) > GROWTH ? 1 : 0);
