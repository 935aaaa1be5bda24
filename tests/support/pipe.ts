import { Bbr, type BbrState } from "../../stack/tcp/bbr.ts";
import { Flight } from "../../stack/tcp/flight.ts";
import { Pacer } from "../../stack/tcp/pacer.ts";
import type { Transmission } from "../../stack/tcp/transmission.ts";
import { seededRandom } from "../../runtime/device/random.ts";

/** Payload of a segment in bytes. */
export const MSS = 1000;

/** A bottleneck with a queue before it, and a delay; it may change as time goes by. */
export interface PipeOptions {
  /** Bytes per millisecond. */
  rate: number;
  /** Round-trip time of an empty pipe in milliseconds. */
  rtt: number;
  /** Room before the bottleneck in bytes. */
  queue: number;
  /** Probability that a segment is lost. */
  loss: number;
}

/** A segment on its way, or its acknowledgment on its way back. */
interface Flying {
  readonly seq: number;
  readonly sentAt: number;
  readonly arrives: number;
}

/**
 * BBR on a pipe, without a stack: a sender that always has data (unless `pause`d), acknowledgments
 * of every segment, and losses that are found as soon as a later segment is acknowledged.
 */
export class Pipe {
  readonly bbr: Bbr;
  readonly flight: Flight;
  now = 0;
  delivered = 0;
  /** Each state that BBR has been in, when it came to it, and the bytes in flight then. */
  readonly states: { state: BbrState; at: number; inFlight: number }[] = [];
  /** The application has nothing to send. */
  paused = false;
  readonly #options: PipeOptions;
  readonly #random = seededRandom(7);
  readonly #pacer = new Pacer();
  readonly #flying: Flying[] = [];
  #busyUntil = 0;
  #next = 0;
  #inRecovery = false;
  #recoverPoint = 0;

  constructor(options: PipeOptions) {
    this.#options = options;
    this.bbr = new Bbr(MSS, seededRandom(3));
    this.flight = new Flight(this.bbr);
    this.bbr.start(false, options.rtt, 0);
  }

  /** Changes the pipe. */
  become(change: Partial<PipeOptions>): void {
    Object.assign(this.#options, change);
  }

  /** Bytes that the pipe holds when its queue is empty. */
  get bdp(): number {
    return this.#options.rate * this.#options.rtt;
  }

  /** Lets so many milliseconds pass, or until something is the case; tells whether it is. */
  run(duration: number, until: () => boolean = () => false): boolean {
    const end = this.now + duration;
    for (;;) {
      this.#send();
      this.#note();
      if (until()) return true;
      const acknowledged = this.#flying[0]?.arrives ?? Infinity;
      const paced = this.#pacer.next > this.now && !this.paused ? this.#pacer.next : Infinity;
      const next = Math.min(acknowledged, paced);
      if (next > end) break;
      this.now = next;
      while (this.#flying.length > 0 && this.#flying[0]!.arrives <= this.now) {
        this.#acknowledge(this.#flying.shift()!);
      }
    }
    this.now = end;
    return false;
  }

  #note(): void {
    const { state } = this.bbr;
    if (this.states.at(-1)?.state === state) return;
    this.states.push({ state, at: this.now, inFlight: this.flight.pipe });
  }

  #send(): void {
    const { bbr, flight, now } = this;
    for (;;) {
      const lost = flight.firstLost;
      if (flight.pipe + MSS > bbr.cwnd) return;
      if (lost === undefined && this.paused) {
        flight.delivery.limitedByApplication(flight.pipe);
        return;
      }
      if (flight.bytes === 0) bbr.flightBegins(flight.delivery, now);
      if (!this.#pacer.ready(bbr.pacingRate, MSS, now)) return;
      this.#pacer.sent(MSS, bbr.pacingRate, now);
      const seq = lost?.start ?? this.#next;
      if (lost !== undefined) flight.markRepeated(lost, MSS, now);
      else {
        flight.append(seq, seq + MSS, now);
        this.#next += MSS;
      }
      this.#transmit(seq);
    }
  }

  #transmit(seq: number): void {
    const { rate, rtt, queue, loss } = this.#options;
    if (this.#random() < loss * 2 ** 32) return;
    const start = Math.max(this.now, this.#busyUntil);
    if ((start - this.now) * rate > queue) return;
    this.#busyUntil = start + MSS / rate;
    this.#flying.push({ seq, sentAt: this.now, arrives: this.#busyUntil + rtt });
  }

  #acknowledge({ seq, sentAt, arrives }: Flying): void {
    const { bbr, flight } = this;
    const { delivery } = flight;
    const limited = flight.pipe + MSS > bbr.cwnd;
    delivery.begin();
    const observer = {
      delivered: (range: Transmission) => {
        this.delivered += range.end - range.start;
        delivery.arrived(range, this.now);
      },
    };
    flight.sack(seq, seq + MSS, observer);
    for (let head = flight.head; head?.sacked; head = flight.head) {
      flight.acknowledge(head.end, observer);
    }
    // Nothing overtakes in this pipe: what was sent before and has not arrived is lost.
    for (let range = flight.oldest; range !== undefined;) {
      const later: Transmission | undefined = range.later;
      if (range.sentAt < sentAt) flight.markLost(range);
      range = later;
    }
    const una = flight.head?.start ?? this.#next;
    if (this.#inRecovery && una >= this.#recoverPoint) {
      this.#inRecovery = false;
      bbr.recovered();
    }
    if (!this.#inRecovery && flight.lostBytes > 0) {
      this.#inRecovery = true;
      this.#recoverPoint = this.#next;
      bbr.lossDetected();
    }
    delivery.finish(0);
    bbr.delivered(delivery, flight.pipe, limited, arrives - sentAt, this.now);
  }
}
