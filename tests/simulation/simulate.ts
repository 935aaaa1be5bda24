import type { Impairment } from "../../runtime/device/impairment.ts";
import { Lan } from "../../runtime/testing/lan.ts";
import { IpAddress } from "../../stack/ip/address.ts";
import { type ConnectionPlan, type Plan, planOf } from "./plan.ts";
import { type Clock, Side } from "./side.ts";
import { verify } from "./verify.ts";
import { WireCheck } from "./wire_check.ts";

/** Virtual time after which a run must be over, in milliseconds. */
const LIMIT = 6 * 3_600_000;
/** The second station's port of connection n is this plus n: a trace tells them apart by it. */
const FIRST_PORT = 80;
/** Distance of the patterns of two streams. */
const STREAM = 1_000_003;

/** Both ends of one connection. */
export interface Pair {
  readonly plan: ConnectionPlan;
  /** Who opened it, and who accepted it. */
  readonly sides: readonly [Side, Side];
}

/** What came of a run. */
export interface Outcome {
  readonly plan: Plan;
  readonly pairs: readonly Pair[];
  /** What must not have happened, in words; empty for a good run. */
  readonly faults: string[];
  /** Virtual milliseconds that it took. */
  readonly duration: number;
  /** Segments and transitions, if they were wanted. */
  readonly trace: readonly string[];
}

/** Things to be done at a time, in order. */
class Agenda {
  readonly #items: { time: number; action: () => void }[] = [];

  get next(): number {
    return this.#items[0]?.time ?? Infinity;
  }

  add(time: number, action: () => void): void {
    const at = this.#items.findIndex((item) => item.time > time);
    this.#items.splice(at < 0 ? this.#items.length : at, 0, { time, action });
  }

  run(now: number): void {
    while (this.next <= now) this.#items.shift()!.action();
  }
}

/**
 * Runs what a seed says: two stacks, a bad line, connections with applications that do as they
 * please, until everything is over.
 *
 * @param seed Any integer.
 * @param options `trace`: write every segment down.
 */
export function simulate(seed: number, options: { trace?: boolean } = {}): Outcome {
  const plan = planOf(seed);
  const wire = new WireCheck(plan.mtu, options.trace ?? false);
  const lan = new Lan({
    seed,
    link: {
      mtu: plan.mtu,
      transmitChecksum: plan.transmitChecksum,
      segmentation: plan.segmentation,
    },
    tcp: {
      receiveBuffer: plan.receiveBuffer,
      sendBuffer: plan.sendBuffer,
      sack: plan.sack,
      timestamps: plan.timestamps,
      congestion: plan.congestion,
    },
    tap: (_station, frame, now) => wire.sent(frame, now),
    trace: (line) => wire.transition(line),
  });
  const [client, server] = [lan.stations[0]!, lan.stations[1]!];
  const agenda = new Agenda();
  const clock: Clock = {
    get now() {
      return lan.now;
    },
    later: (delay, action) => agenda.add(lan.now + delay, action),
  };
  const pairs = plan.connections.map((connection, index): Pair => {
    const pattern = 2 * index * STREAM;
    return {
      plan: connection,
      sides: [
        new Side(connection.sides[0], clock, pattern, pattern + STREAM),
        new Side(connection.sides[1], clock, pattern + STREAM, pattern),
      ],
    };
  });

  const weather = (down: boolean) => {
    client.device.impair("transmit", cut(plan.paths[0], down));
    server.device.impair("transmit", cut(plan.paths[1], down));
  };
  weather(false);
  for (const { from, to } of plan.partitions) {
    agenda.add(from, () => weather(true));
    agenda.add(to, () => weather(false));
  }
  for (const [index, { plan: { start }, sides }] of pairs.entries()) {
    const port = FIRST_PORT + index;
    server.stack.listen({ port }, (connection) => sides[1].begin(connection));
    agenda.add(start, () =>
      client.stack.connect({
        address: IpAddress.parse(server.address)!,
        port,
      }, {
        established: (connection) => sides[0].begin(connection),
        failed: (reason) => sides[0].failed(reason),
      }));
  }

  const faults: string[] = [];
  try {
    for (;;) {
      lan.exchange();
      const next = Math.min(lan.nextDeadline(), agenda.next);
      if (next === Infinity) break;
      if (next > LIMIT) {
        faults.push(`not over after ${LIMIT / 3_600_000} hours of virtual time`);
        break;
      }
      lan.moveTo(next);
      agenda.run(lan.now);
    }
  } catch (error) {
    faults.push(`at ${lan.now}: ${error instanceof Error ? error.stack : error}`);
  }
  faults.push(...wire.faults, ...verify(plan, pairs, lan));
  return { plan, pairs, faults, duration: lan.now, trace: wire.lines ?? [] };
}

function cut(path: Impairment, down: boolean): Impairment {
  return { ...path, down };
}
