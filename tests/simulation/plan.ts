import type { CongestionName } from "../../stack/tcp/congestion.ts";
import type { Impairment } from "../../runtime/device/impairment.ts";
import { seededRandom } from "../../runtime/device/random.ts";

/** How one side of a connection says goodbye. */
export type Ending =
  /** `close()` when all is written, whatever the peer still sends. */
  | { readonly kind: "close" }
  /** `closeWrite()` when all is written, `close()` at the end of the peer's stream. */
  | { readonly kind: "half-close" }
  /** Waits for the end of the peer's stream, then as `close`. */
  | { readonly kind: "after-peer" }
  /** `close()` at a time, however much was written. */
  | { readonly kind: "close-at"; readonly time: number }
  /** `abort()` at a time. */
  | { readonly kind: "abort-at"; readonly time: number };

/** What one side of a connection does. */
export interface SidePlan {
  /** Bytes that it writes. */
  readonly bytes: number;
  /** Most bytes in one call of `write`. */
  readonly chunk: number;
  /** Pause between two calls of `write` in milliseconds; 0 for none. */
  readonly writePause: number;
  /** Most bytes in one call of `read`. */
  readonly readSize: number;
  /** Pause between two calls of `read` in milliseconds; 0 reads whatever there is at once. */
  readonly readPause: number;
  /** It does not read at all before this time. */
  readonly readFrom: number;
  /** Nagle's algorithm is off. */
  readonly noDelay: boolean;
  /** How it ends. */
  readonly ending: Ending;
}

/** One connection. */
export interface ConnectionPlan {
  /** When it is opened. */
  readonly start: number;
  /** Who opens it, and who accepts it. */
  readonly sides: readonly [SidePlan, SidePlan];
}

/** A time without any connection. */
export interface Partition {
  /** When it begins. */
  readonly from: number;
  /** When it is over. */
  readonly to: number;
}

/** Everything that a run depends on. */
export interface Plan {
  readonly seed: number;
  readonly mtu: number;
  readonly transmitChecksum: boolean;
  readonly segmentation: boolean;
  readonly receiveBuffer: number;
  readonly sendBuffer: number;
  /** What happens to the frames of the first and of the second station. */
  readonly paths: readonly [Impairment, Impairment];
  readonly partitions: readonly Partition[];
  readonly connections: readonly ConnectionPlan[];
  readonly sack: boolean;
  readonly timestamps: boolean;
  readonly congestion: CongestionName;
}

/** The dice of one seed. */
class Dice {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  /** A number from 0 to 1. */
  unit(): number {
    return this.#random() / 2 ** 32;
  }

  /** Whether something of this probability happens. */
  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  /** A whole number, both ends included. */
  whole(least: number, most: number): number {
    return least + Math.floor(this.unit() * (most - least + 1));
  }

  /** A whole number of any magnitude: small ones are as likely as large ones. */
  magnitude(least: number, most: number): number {
    return Math.round(least * (most / least) ** this.unit());
  }

  /** One of them. */
  one<T>(...choices: readonly T[]): T {
    return choices[this.whole(0, choices.length - 1)]!;
  }
}

/** What happens in the run of a seed. */
export function planOf(seed: number): Plan {
  const dice = new Dice(seed);
  const segmentation = dice.chance(0.3);
  return {
    seed,
    mtu: dice.one(576, 1500, 1500, 1500, 9000),
    transmitChecksum: segmentation || dice.chance(0.3),
    segmentation,
    receiveBuffer: dice.one(2048, 8192, 65_535, 262_144),
    sendBuffer: dice.one(2048, 16_384, 262_144),
    paths: [pathOf(dice), pathOf(dice)],
    partitions: dice.chance(0.15) ? [partitionOf(dice)] : [],
    connections: Array.from({ length: dice.one(1, 1, 2, 5) }, () => connectionOf(dice)),
    sack: dice.chance(0.75),
    timestamps: dice.chance(0.75),
    congestion: dice.one("cubic", "cubic", "reno"),
  };
}

function pathOf(dice: Dice): Impairment {
  if (dice.chance(0.1)) return {};
  const delay = dice.one(0, 1, 10, 50, 200);
  return {
    delay,
    jitter: dice.one(0, 0, delay / 2),
    loss: dice.one(0, 0, 0.01, 0.05, 0.15),
    burst: dice.chance(0.1) ? { enter: 0.005, exit: 0.2 } : undefined,
    duplicate: dice.one(0, 0, 0.01, 0.1),
    corrupt: dice.one(0, 0, 0.02),
    reorder: dice.chance(0.3)
      ? { probability: dice.one(0.01, 0.1), delay: dice.one(1, 30, 300) }
      : undefined,
    rate: dice.chance(0.4) ? dice.magnitude(100_000, 100_000_000) : undefined,
    queue: dice.one(20_000, 262_144),
  };
}

function partitionOf(dice: Dice): Partition {
  const from = dice.magnitude(1, 20_000);
  return { from, to: from + dice.magnitude(100, 60_000) };
}

function connectionOf(dice: Dice): ConnectionPlan {
  const sides: [SidePlan, SidePlan] = [sideOf(dice), sideOf(dice)];
  // If both waited for the other's goodbye neither would come.
  if (sides.every(({ ending }) => ending.kind === "after-peer")) {
    sides[0] = { ...sides[0], ending: { kind: "half-close" } };
  }
  return { start: dice.one(0, 0, dice.whole(0, 3000)), sides };
}

function sideOf(dice: Dice): SidePlan {
  return {
    bytes: dice.chance(0.2) ? 0 : dice.magnitude(1, 200_000),
    chunk: dice.magnitude(1, 100_000),
    writePause: dice.chance(0.2) ? dice.magnitude(1, 300) : 0,
    readSize: dice.magnitude(100, 100_000),
    readPause: dice.chance(0.3) ? dice.magnitude(1, 200) : 0,
    readFrom: dice.chance(0.1) ? dice.magnitude(10, 20_000) : 0,
    noDelay: dice.chance(0.5),
    ending: endingOf(dice),
  };
}

function endingOf(dice: Dice): Ending {
  const kind = dice.one(
    "close",
    "half-close",
    "half-close",
    "after-peer",
    "close-at",
    "abort-at",
  );
  return kind === "close-at" || kind === "abort-at"
    ? { kind, time: dice.magnitude(1, 10_000) }
    : { kind };
}
