import { type Impairment, Path } from "../../runtime/device/impairment.ts";
import { seededRandom } from "../../runtime/device/random.ts";
import type { Link, LinkCapabilities } from "../../stack/link.ts";
import { Frame } from "../../stack/wire/frame.ts";

/** Whoever is on the network: a stack, or something that only behaves like one. */
export interface Host {
  /** Takes in one frame; it is lent. */
  receive(frame: Frame, now: number): void;
  /** Does what is due. */
  poll(now: number): void;
  /** When it next has something to do; `Infinity` for never. */
  nextDeadline(): number;
}

/** Most bytes that are held on one way. */
const LIMIT = 64 << 20;
/** Most rounds of receiving and polling at one time: more never comes to an end. */
const MOST_ROUNDS = 20_000;

/**
 * Hosts on a virtual network: a way of its own leads from each to each other one, with an
 * impairment of its own. Time stands still until it is moved; what happens depends on the seed.
 * Host n has the link address 02:00:00:00:00:0n.
 */
export class Network {
  /** Virtual milliseconds since the beginning. */
  now = 0;
  readonly #hosts: Host[] = [];
  /** By sender and receiver, numbered from 1. */
  readonly #paths: Path[][] = [];
  readonly #all: { path: Path; to: number }[] = [];
  readonly #shown = new Frame();
  readonly #passing = new Frame();
  /** Frames that arrive at once, behind those that are being worked at. */
  #atOnce: { to: number; frame: Frame }[] = [];

  /**
   * @param seed Any integer.
   * @param paths What happens on the way from the first to the second, both numbered from 1.
   * @param count How many hosts.
   */
  constructor(seed: number, count: number, paths: (from: number, to: number) => Impairment) {
    for (let from = 1; from <= count; from++) {
      this.#paths[from] = [];
      for (let to = 1; to <= count; to++) {
        if (from === to) continue;
        const random = seededRandom(seed * 509 + from * 16 + to);
        const path = new Path(random, LIMIT, paths(from, to));
        this.#paths[from]![to] = path;
        this.#all.push({ path, to });
      }
    }
  }

  /** Puts the next host on the network. */
  add(host: Host): void {
    this.#hosts.push(host);
  }

  /** Changes a way. */
  impair(from: number, to: number, impairment: Impairment): void {
    this.#paths[from]![to]!.impairment = impairment;
  }

  /** The link of a host: told of each frame, it sends it on its way. */
  link(
    from: number,
    capabilities: LinkCapabilities,
    tap: (frame: Frame, now: number) => void,
  ): Link {
    return {
      capabilities,
      transmit: (frame, now) => {
        tap(frame, now);
        this.send(from, frame, now);
        return true;
      },
    };
  }

  /** Sends a frame on its way, to one or to all. */
  send(from: number, frame: Frame, now: number): void {
    const group = (frame.bytes[frame.offset]! & 1) !== 0;
    const destination = frame.bytes[frame.offset + 5]!;
    for (let to = 1; to <= this.#hosts.length; to++) {
      if (to === from || !group && to !== destination) continue;
      const passing = this.#passing;
      passing.set(frame.bytes, frame.offset, frame.length);
      passing.copyOffload(frame);
      if (this.#paths[from]![to]!.passes(passing, now)) {
        this.#atOnce.push({ to, frame: passing.clone() });
      }
    }
  }

  /** Receives and polls until there is nothing more to do at this time. */
  exchange(): void {
    const { now } = this;
    for (let rounds = 0;; rounds++) {
      if (rounds === MOST_ROUNDS) throw new Error(`there is no end to what happens at ${now} ms`);
      let busy = false;
      for (const { path, to } of this.#all) {
        while (path.held.nextDue <= now) {
          busy = true;
          path.held.pop(this.#shown);
          this.#hosts[to - 1]!.receive(this.#shown, now);
        }
      }
      const atOnce = this.#atOnce;
      if (atOnce.length > 0) {
        this.#atOnce = [];
        for (const { to, frame } of atOnce) this.#hosts[to - 1]!.receive(frame, now);
        busy = true;
      }
      for (const host of this.#hosts) {
        if (host.nextDeadline() > now) continue;
        busy = true;
        host.poll(now);
      }
      if (!busy) return;
    }
  }

  /** When something next happens by itself; `Infinity` for never. */
  nextDeadline(): number {
    let next = Infinity;
    for (const { path } of this.#all) next = Math.min(next, path.held.nextDue);
    for (const host of this.#hosts) next = Math.min(next, host.nextDeadline());
    return next;
  }
}
