import type { Impairment } from "../../runtime/device/impairment.ts";
import { seededRandom } from "../../runtime/device/random.ts";
import { IpAddress } from "../../stack/ip/address.ts";
import { Stack } from "../../stack/stack.ts";
import { formatTransition } from "../../stack/tcp/state.ts";
import { type Clock, type End, FIRST_LOCAL_PORT, FIRST_PORT, patternOf } from "./end.ts";
import { Network } from "./network.ts";
import { OddEnd } from "./odd_end.ts";
import { OddHost } from "./odd_host.ts";
import { type ConnectionPlan, type Plan, planOf, type StackPlan, usesCookies } from "./plan.ts";
import { Side } from "./side.ts";
import { Transitions, verify } from "./verify.ts";
import { isConnected, isRemembered, lookAtAll, lookAtRemains, watchAnew } from "./watch.ts";
import { WireCheck } from "./wire_check.ts";

/** Virtual time after which a run must be over, in milliseconds. */
const LIMIT = 6 * 3_600_000;
/** How far the numbers of one connection lie from those of the next at the same ports: beyond any
 * window, so that nothing late fits. */
const NUMBERS_APART = 64 << 20;

/**
 * How long the ports rest where the acceptor remembers nothing of them: then it is the opener whose
 * TIME_WAIT keeps what is still under way from the next connection (RFC 9293 section 3.4.3).
 */
const TIME_WAIT = 120_000;

/** Both ends of one connection. */
export interface Pair {
  readonly plan: ConnectionPlan;
  /** Who opened it, and who accepted it. */
  readonly sides: readonly [End, End];
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
    let at = this.#items.length;
    while (at > 0 && this.#items[at - 1]!.time > time) at--;
    this.#items.splice(at, 0, { time, action });
  }

  run(now: number): void {
    while (this.next <= now) this.#items.shift()!.action();
  }
}

/** The run of one seed. */
class Run {
  readonly plan: Plan;
  readonly pairs: Pair[] = [];
  readonly faults: string[] = [];
  readonly network: Network;
  readonly wire: WireCheck;
  readonly stacks: { address: string; stack: Stack }[] = [];
  readonly transitions = new Transitions();
  readonly #hosts: (Stack | OddHost)[] = [];
  readonly #agenda = new Agenda();
  readonly #clock: Clock;

  constructor(seed: number, trace: boolean) {
    const plan = this.plan = planOf(seed);
    watchAnew(plan.firstNumber);
    const forgetful = new Set(
      plan.stations.flatMap((station, i) => usesCookies(station) ? [i + 1] : []),
    );
    const wire = this.wire = new WireCheck(trace, forgetful);
    const network = this.network = new Network(
      seed,
      plan.stations.length,
      (from, to) => plan.paths[from - 1]![to - 1]!,
    );
    for (const [i, station] of plan.stations.entries()) {
      const number = i + 1;
      const host = station.kind === "odd"
        ? new OddHost(network, number, station, seed, (frame, now) => wire.sent(frame, 9000, now))
        : this.#stack(number, station, seed);
      network.add(host);
      this.#hosts.push(host);
    }
    this.#clock = {
      get now() {
        return network.now;
      },
      later: (delay, action) => this.#agenda.add(network.now + delay, action),
    };
    for (const { from, to, after } of plan.partitions) {
      this.#agenda.add(from, () => this.#cut(after, true));
      this.#agenda.add(to, () => this.#cut(after, false));
    }
    for (const [index, connection] of plan.connections.entries()) {
      this.#prepare(index, connection);
    }
  }

  #stack(number: number, { mtu, transmitChecksum, segmentation, tcp }: StackPlan, seed: number) {
    const { network, wire, transitions } = this;
    const address = `10.0.0.${number}`;
    const maxFrame = 14 + (segmentation ? 65_535 : mtu);
    const stack: Stack = new Stack({
      link: network.link(
        number,
        { mtu, maxFrame, transmitChecksum, segmentation },
        (frame, now) => {
          const { droppedQueueFull, droppedUnresolved } = stack.counters.arp;
          wire.sent(frame, mtu, now, droppedQueueFull + droppedUnresolved === 0);
        },
      ),
      mac: `02:00:00:00:00:0${number}`,
      addresses: [`${address}/24`],
      random: seededRandom(seed * 257 + number),
      trace: (transition) => {
        transitions.add(address, transition);
        if (transition.event === "Passive_open") wire.opensPassively(number, transition.peer);
        if (wire.lines === undefined) return;
        wire.transition(`${address} ${formatTransition(transition)}`);
      },
      tcp,
    });
    stack.start(0);
    this.stacks.push({ address, stack });
    return stack;
  }

  /** The acceptor waits for it from the beginning, the opener opens it in time. */
  #prepare(index: number, plan: ConnectionPlan): void {
    const port = FIRST_PORT + index;
    const localPort = FIRST_LOCAL_PORT + index;
    const acceptor = this.#hosts[plan.acceptor - 1]!;
    let accepts: End | undefined;
    if (acceptor instanceof Stack) {
      acceptor.listen({ port }, (connection) => {
        const side = accepts as Side;
        // A late copy of a cookie is as good as the first.
        if (side.begun && usesCookies(this.plan.stations[plan.acceptor - 1]!)) connection.abort();
        else if (connection.remote.port === localPort) side.begin(connection);
        else this.faults.push(`connection ${index}: from port ${connection.remote.port}`);
      });
    }
    const begin = (incarnation: number, iss: number) => {
      const number = index + 10 * incarnation;
      const patterns = [patternOf(number, 0), patternOf(number, 1)] as const;
      this.wire.begins(plan.opener, localPort, plan.acceptor, port, patterns);
      accepts = acceptor instanceof Stack
        ? new Side(plan.sides[1], this.#clock, patterns[1], patterns[0])
        : this.#odd(acceptor, 1, plan, port, { station: plan.opener, port: localPort }, patterns);
      const opens = this.#open(plan, localPort, port, patterns, iss);
      this.pairs.push({ plan, sides: [opens, accepts] });
      const pause = plan.again[incarnation];
      if (pause === undefined) return;
      const before = accepts;
      const look = () => {
        const ended = opens.reasons.length > 0 &&
          (!before.begun || before.reasons.length > 0) && !isConnected(port, localPort);
        if (!ended) {
          this.#agenda.add(this.network.now + 1_000, look);
          return;
        }
        const iss = ((opens as OddEnd).endOfNumbers + NUMBERS_APART) | 0;
        const wait = isRemembered(port, localPort) ? 0 : TIME_WAIT;
        this.#agenda.add(this.network.now + wait, () => begin(incarnation + 1, iss));
      };
      this.#agenda.add(this.network.now + pause, look);
    };
    const anywhere = Math.imul(this.plan.seed * 7_919 + index * 1_000_003, 0x9e3779b1);
    this.#agenda.add(plan.start, () => begin(0, this.plan.firstNumber ?? anywhere));
  }

  #open(
    plan: ConnectionPlan,
    localPort: number,
    port: number,
    patterns: readonly [number, number],
    iss: number,
  ): End {
    const opener = this.#hosts[plan.opener - 1]!;
    if (opener instanceof OddHost) {
      const peer = { station: plan.acceptor, port };
      const end = new OddEnd(opener, plan.sides[0], localPort, peer, patterns, iss, true);
      opener.add(localPort, end);
      end.open(this.network.now);
      return end;
    }
    const side = new Side(plan.sides[0], this.#clock, patterns[0], patterns[1]);
    opener.connect({
      address: IpAddress.parse(`10.0.0.${plan.acceptor}`)!,
      port,
      localPort,
    }, {
      established: (connection) => side.begin(connection),
      failed: (reason) => side.failed(reason),
    });
    return side;
  }

  #odd(
    host: OddHost,
    side: 0 | 1,
    plan: ConnectionPlan,
    port: number,
    peer: { station: number; port: number },
    [first, second]: readonly [number, number],
  ): OddEnd {
    const iss = this.plan.firstNumber ?? host.dice.whole(0, 2 ** 32 - 1);
    const end = new OddEnd(host, plan.sides[side], port, peer, [second, first], iss, false);
    host.add(port, end);
    return end;
  }

  #cut(after: number, down: boolean): void {
    const { stations, paths } = this.plan;
    for (let from = 1; from <= stations.length; from++) {
      for (let to = 1; to <= stations.length; to++) {
        if (from <= after === to <= after) continue;
        const path: Impairment = { ...paths[from - 1]![to - 1]!, down };
        this.network.impair(from, to, path);
      }
    }
  }

  /** Lets it run until everything is over. */
  go(): void {
    const { network } = this;
    for (;;) {
      network.exchange();
      const fault = lookAtAll();
      if (fault !== undefined) {
        this.faults.push(`at ${network.now}: ${fault}`);
        return;
      }
      const next = Math.min(network.nextDeadline(), this.#agenda.next);
      if (next === Infinity) return;
      if (next > LIMIT) {
        this.faults.push(`not over after ${LIMIT / 3_600_000} hours of virtual time`);
        return;
      }
      network.now = Math.max(network.now, next);
      this.#agenda.run(network.now);
      // What goes wrong early may go on for hours.
      if (this.wire.faults.length > 20) return;
    }
  }
}

/**
 * Runs what a seed says: stacks and other hosts, bad lines between them, connections with
 * applications that do as they please, until everything is over.
 *
 * @param seed Any integer.
 * @param options `trace`: write every segment down.
 */
export function simulate(seed: number, options: { trace?: boolean } = {}): Outcome {
  const run = new Run(seed, options.trace ?? false);
  const { plan, pairs, wire, network, faults } = run;
  try {
    run.go();
  } catch (error) {
    faults.push(`at ${network.now}: ${error instanceof Error ? error.stack : error}`);
  }
  faults.push(...wire.faults);
  if (faults.length === 0) {
    faults.push(...verify(plan, pairs, run.stacks), ...run.transitions.verify());
    faults.push(...lookAtRemains());
  }
  return { plan, pairs, faults, duration: network.now, trace: wire.lines ?? [] };
}
