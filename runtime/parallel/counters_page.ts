import {
  ArpCounters,
  type Counters,
  IcmpCounters,
  Ipv4Counters,
  LinkCounters,
  UdpCounters,
} from "../../stack/counters.ts";
import { TcpCounters } from "../../stack/tcp/counters.ts";

/** Counters before anything was counted. */
export function noCounters(): Counters {
  return {
    link: new LinkCounters(),
    arp: new ArpCounters(),
    ipv4: new Ipv4Counters(),
    icmp: new IcmpCounters(),
    udp: new UdpCounters(),
    tcp: new TcpCounters(),
  };
}

/** What one thread has counted, where another can read it at any time: even after its death. */
export class CountersPage {
  /** What the other thread makes its own of. */
  readonly memory: SharedArrayBuffer;
  readonly #numbers: Float64Array;

  /** @param memory That of the other thread; `undefined` in the thread that begins. */
  constructor(memory?: SharedArrayBuffer) {
    const size = Object.values(noCounters()).flatMap((layer) => Object.keys(layer)).length;
    this.memory = memory ?? new SharedArrayBuffer(size * Float64Array.BYTES_PER_ELEMENT);
    this.#numbers = new Float64Array(this.memory);
  }

  /** Writes all of them down. */
  write(counters: Counters): void {
    let at = 0;
    for (const [layer, names] of Object.entries(noCounters())) {
      const counts: Record<string, number> = { ...counters[layer as keyof Counters] };
      for (const name of Object.keys(names)) this.#numbers[at++] = counts[name]!;
    }
  }

  /** What was written last. */
  read(): Counters {
    const counters = noCounters();
    let at = 0;
    for (const layer of Object.values(counters) as Record<string, number>[]) {
      for (const name of Object.keys(layer)) layer[name] = this.#numbers[at++]!;
    }
    return counters;
  }
}
