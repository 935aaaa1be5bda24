import type { Link, LinkCapabilities } from "../../stack/link.ts";
import { Stack, type StackOptions } from "../../stack/stack.ts";
import { formatTransition } from "../../stack/tcp/state.ts";
import { Frame } from "../../stack/wire/frame.ts";
import { ImpairedDevice, type Impairment } from "../device/impairment.ts";
import { loopbackPair } from "../device/loopback.ts";
import { seededRandom } from "../device/random.ts";
import { EthernetSwitch } from "./ethernet_switch.ts";

/** How a {@link Lan} is. */
export interface LanOptions {
  /** Stations on it; default 2, at most 253. Station n has the address 10.0.0.(n + 1). */
  readonly stations?: number;
  /** Any integer: the same seed gives the same run, to the last frame. Default 1. */
  readonly seed?: number;
  /** What happens to each frame on its way from any station; default: nothing, at once. */
  readonly path?: Impairment;
  /** Options of every stack's TCP. */
  readonly tcp?: StackOptions["tcp"];
  /** What the links can do; default: MTU 1500 and no offload. */
  readonly link?: Partial<Omit<LinkCapabilities, "maxFrame">>;
  /** Told of every frame that a stack sends, before anything happens to it; the frame is lent. */
  readonly tap?: (station: Station, frame: Frame, now: number) => void;
  /** Told of every TCP transition, as it is added to {@link Lan.transitions}. */
  readonly trace?: (line: string) => void;
}

/** One stack and its link. */
export interface Station {
  /** Internet address: 10.0.0.1, 10.0.0.2 and so on. */
  readonly address: string;
  /** The stack. */
  readonly stack: Stack;
  /** Its link: `device.impair("transmit", …)` changes what happens to what it sends. */
  readonly device: ImpairedDevice;
}

/**
 * Stacks on one Ethernet in virtual time: the clock stands still until it is moved, and what
 * happens depends on the seed alone. It calls whoever observes its connections, and knows nothing
 * of promises.
 */
export class Lan {
  /** The stations, in the order of their addresses. */
  readonly stations: readonly Station[];
  /** TCP transitions of all stations in order, each after its station's address. */
  readonly transitions: string[] = [];
  /** Counts whatever may have given somebody something to do. */
  activity = 0;
  #now = 0;
  readonly #switch = new EthernetSwitch();
  readonly #frame = new Frame();

  /**
   * Makes a wire and its stations.
   *
   * @param options How it is.
   */
  constructor(options: LanOptions = {}) {
    const { stations = 2 } = options;
    this.stations = Array.from({ length: stations }, (_, i) => this.#station(i + 1, options));
    for (const { stack } of this.stations) stack.start(0);
  }

  /** Milliseconds since the beginning. */
  get now(): number {
    return this.#now;
  }

  /** Hands over all frames that are there, to the last one that comes of it. */
  receive(): void {
    for (let any = true; any;) {
      any = false;
      for (const { stack, device } of this.stations) {
        while (device.receive(this.#frame, this.#now)) {
          any = true;
          stack.receive(this.#frame, this.#now);
        }
      }
      if (this.#switch.forward(this.#now)) any = true;
      if (any) this.activity++;
    }
  }

  /** Lets every stack that has something to do at this time do it. */
  poll(): void {
    for (const { stack } of this.stations) {
      if (stack.nextDeadline() <= this.#now) {
        this.activity++;
        stack.poll(this.#now);
      }
    }
  }

  /** Receives and polls until there is nothing more to do at this time. */
  exchange(): void {
    for (let rounds = 0;; rounds++) {
      const before = this.activity;
      this.receive();
      this.poll();
      if (this.activity === before) return;
      if (rounds === 100_000) throw new Error(`there is no end to what happens at ${this.#now} ms`);
    }
  }

  /** When something next happens by itself, in milliseconds; `Infinity` for never. */
  nextDeadline(): number {
    let next = Infinity;
    for (const { stack, device } of this.stations) {
      next = Math.min(next, stack.nextDeadline(), device.nextDeadline());
    }
    return next;
  }

  /** Moves the clock, never back. */
  moveTo(now: number): void {
    this.#now = Math.max(this.#now, now);
  }

  #station(number: number, options: LanOptions): Station {
    const { seed = 1, path, tcp, link = {}, tap, trace } = options;
    const address = `10.0.0.${number}`;
    const [near, far] = loopbackPair({ names: [address, "switch"], capacity: 16 << 20, ...link });
    this.#switch.add(far);
    const device = new ImpairedDevice(near, { seed: seed * 509 + number, transmit: path });
    const joining: Link = {
      capabilities: { ...device.capabilities, gather: true },
      transmit(frame, now) {
        const whole = frame.apartLength > 0 ? frame.clone() : frame;
        tap?.(station, whole, now);
        return device.transmit(whole, now);
      },
    };
    const stack = new Stack({
      link: joining,
      mac: `02:00:00:00:00:${number.toString(16).padStart(2, "0")}`,
      addresses: [`${address}/24`],
      random: seededRandom(seed * 257 + number),
      clock: () => this.#now,
      trace: (transition) => {
        const line = `${address} ${formatTransition(transition)}`;
        this.transitions.push(line);
        trace?.(line);
      },
      wake: () => this.activity++,
      tcp,
    });
    const station: Station = { address, stack, device };
    return station;
  }
}
