import type { Impairment } from "../device/impairment.ts";
import type { Flow } from "../listener.ts";
import { Lan, type LanOptions, type Station } from "./lan.ts";
import { type LogLine, TestHost } from "./test_host.ts";
import { turn } from "./turn.ts";

/** How a testing network is. */
export interface NetworkOptions extends LanOptions {
  /** Virtual time after which {@link TestNetwork.run} gives up, in milliseconds; default one day. */
  readonly limit?: number;
  /**
   * Real time in milliseconds that {@link TestNetwork.run} waits for something outside the network
   * (a file, a timer) when nothing in it is left to happen; default 1000.
   */
  readonly patience?: number;
}

/** A host of a testing network. */
export class NetworkHost extends TestHost {
  readonly #station: Station;

  /** Made by a testing network. */
  constructor(station: Station) {
    super(station.stack, station.address);
    this.#station = station;
  }

  /** Changes what happens from now on to the frames that this host sends; `{}` for nothing. */
  impair(path: Impairment): void {
    this.#station.device.impair("transmit", path);
  }
}

/**
 * Hosts on a wire in this process, each with a TCP/IP stack of its own, in virtual time: a second
 * takes microseconds, and what happens depends on the seed alone. For tests of listener modules,
 * with any network weather, without root and without a socket.
 *
 * The clock moves only in {@link TestNetwork.run} and {@link TestNetwork.advance}, and only when
 * everything that waits for nothing but promises has run. Real time (timers, files, sockets) does
 * not know of it: a module that sleeps with `setTimeout` sleeps in real time.
 *
 * @example A plugin, tested over a bad line
 * ```ts
 * import { network } from "taproom/testing";
 * import { assertEquals } from "@std/assert";
 * import type { Listener } from "taproom";
 *
 * const shout: Listener = {
 *   async flow(flow) {
 *     const upper = new TransformStream<Uint8Array, Uint8Array>({
 *       transform: (chunk, controller) =>
 *         controller.enqueue(chunk.map((byte) => byte >= 97 && byte <= 122 ? byte - 32 : byte)),
 *     });
 *     await flow.readable.pipeThrough(upper).pipeTo(flow.writable);
 *   },
 * };
 *
 * const net = network({ seed: 7, path: { delay: 20, loss: 0.1 } });
 * net.server.serve(7, shout);
 * const answer = await net.run(async () => {
 *   const flow = await net.client.connect({ hostname: net.server.address, port: 7 });
 *   await flow.write(new TextEncoder().encode("hello, world\n"));
 *   await flow.closeWrite();
 *   return await new Response(flow.readable).text();
 * });
 * assertEquals(answer, "HELLO, WORLD\n");
 * assertEquals(net.server.log, []);
 * await net.close();
 * ```
 */
export class TestNetwork implements AsyncDisposable {
  /** The hosts: 10.0.0.1, 10.0.0.2 and so on. */
  readonly hosts: readonly NetworkHost[];
  readonly #lan: Lan;
  readonly #options: NetworkOptions;
  #driving = false;

  /**
   * Made by {@link network}.
   *
   * @param options How it is.
   */
  constructor(options: NetworkOptions = {}) {
    this.#options = options;
    this.#lan = new Lan(options);
    this.hosts = this.#lan.stations.map((station) => new NetworkHost(station));
  }

  /** The first host, 10.0.0.1. */
  get client(): NetworkHost {
    return this.hosts[0]!;
  }

  /** The second host, 10.0.0.2. */
  get server(): NetworkHost {
    return this.hosts[1]!;
  }

  /** Virtual milliseconds since the beginning. */
  get now(): number {
    return this.#lan.now;
  }

  /** TCP transitions of all hosts in order, each after its host's address. */
  get transitions(): readonly string[] {
    return this.#lan.transitions;
  }

  /**
   * Lets time pass until a promise is settled: what `await` is to the real network.
   *
   * @param work The promise, or a function that is called for it.
   * @returns What the promise resolves to.
   * @throws What it rejects with; or an error that shows what every host is doing, when nothing is
   *   left to happen and the promise is still pending, or the time limit is reached.
   */
  async run<T>(work: PromiseLike<T> | (() => PromiseLike<T>)): Promise<T> {
    const promise = Promise.resolve(typeof work === "function" ? work() : work);
    let settled = false;
    const done = () => void (settled = true);
    promise.then(done, done);
    const end = this.now + (this.#options.limit ?? 86_400_000);
    await this.#drive(async () => {
      for (await this.#settle(); !settled; await this.#settle()) {
        const next = this.#lan.nextDeadline();
        if (next > end) {
          if (await this.#waitOutside(() => settled)) continue;
          throw this.#stuck(next);
        }
        this.#lan.moveTo(next);
      }
    });
    return promise;
  }

  /**
   * Lets time pass.
   *
   * @param ms How much, in milliseconds; 0 to let happen what happens at once.
   */
  async advance(ms: number): Promise<void> {
    const end = this.now + ms;
    await this.#drive(async () => {
      for (await this.#settle(); this.#lan.nextDeadline() <= end; await this.#settle()) {
        this.#lan.moveTo(this.#lan.nextDeadline());
      }
      this.#lan.moveTo(end);
      await this.#settle();
    });
  }

  /** Resets whatever is still open, and ends every listener. */
  async close(): Promise<void> {
    for (const { stack } of this.hosts) stack.abort();
    await Promise.all(this.hosts.map((host) => host.drain()));
    for (const { device } of this.#lan.stations) await device.close();
    await turn();
  }

  /** {@link TestNetwork.close} */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Two loops that move the same clock would each wait for the other. */
  async #drive(work: () => Promise<void>): Promise<void> {
    if (this.#driving) {
      throw new Error("the network is being driven already: await the other run() or advance()");
    }
    this.#driving = true;
    try {
      await work();
    } finally {
      this.#driving = false;
    }
  }

  /** Lets everything happen that happens at this time, in whatever waits for promises too. */
  async #settle(): Promise<void> {
    for (let quiet = 0; quiet < 2;) {
      const before = this.#lan.activity;
      this.#lan.receive();
      await turn();
      this.#lan.poll();
      quiet = this.#lan.activity === before ? quiet + 1 : 0;
    }
  }

  /** Gives the real world time to do something. */
  async #waitOutside(settled: () => boolean): Promise<boolean> {
    const until = performance.now() + (this.#options.patience ?? 1000);
    const before = this.#lan.activity;
    while (performance.now() < until) {
      await turn();
      if (settled() || this.#lan.activity !== before) return true;
    }
    return false;
  }

  #stuck(next: number): Error {
    const what = next === Infinity
      ? "nothing is left to happen in the network, and the promise is still pending"
      : "the promise is still pending at the time limit";
    const lines = this.hosts.flatMap(({ address, flows, log }) => [
      `${address}:`,
      ...flows.map((flow) => `  ${describeFlow(flow)}`),
      ...(flows.length === 0 ? ["  no open flow"] : []),
      ...log.map(describeLine),
    ]);
    return new Error(`at ${this.now} ms: ${what}\n${lines.join("\n")}`);
  }
}

/**
 * Makes a {@link TestNetwork}: hosts, wire and virtual clock, for tests of listener modules.
 *
 * @param options How it is: by default two hosts, and a perfect wire.
 */
export function network(options: NetworkOptions = {}): TestNetwork {
  return new TestNetwork(options);
}

function describeFlow(flow: Flow): string {
  const { localAddr, remoteAddr, state } = flow;
  const { receiveQueued, sendQueued, sendWindow } = flow.info();
  return `port ${localAddr.port} - ${remoteAddr.hostname}:${remoteAddr.port} ${state}, ` +
    `${receiveQueued} bytes received and not read, ${sendQueued} bytes written and not ` +
    `acknowledged, the peer's window ${sendWindow}`;
}

function describeLine({ level, message, properties }: LogLine): string {
  const { error } = properties;
  const detail = error === undefined ? "" : `: ${error}`;
  return `  ${level} on port ${properties.port}: ${message}${detail}`;
}
