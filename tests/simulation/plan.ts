import type { Impairment } from "../../runtime/device/impairment.ts";
import { DEFAULT_TCP_OPTIONS, type TcpOptions } from "../../stack/tcp/tcp_options.ts";
import { CONGESTION_NAMES, type CongestionName } from "../../stack/tcp/congestion.ts";
import { Dice } from "./dice.ts";

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

/** One connection, or several one after the other between the same ports. */
export interface ConnectionPlan {
  /** When it is opened. */
  readonly start: number;
  /** Station that opens it, from 1. */
  readonly opener: number;
  /** Station that accepts it. */
  readonly acceptor: number;
  /** What the two of them do. */
  readonly sides: readonly [SidePlan, SidePlan];
  /** How long after the end of both sides the same ports are used again; one each. */
  readonly again: readonly number[];
}

/** A time in which nothing passes between two groups of stations. */
export interface Partition {
  /** When it begins. */
  readonly from: number;
  /** When it is over. */
  readonly to: number;
  /** Stations from 1 to this one are cut off from the rest. */
  readonly after: number;
}

/** A station with a stack of ours. */
export interface StackPlan {
  readonly kind: "stack";
  readonly mtu: number;
  readonly transmitChecksum: boolean;
  readonly segmentation: boolean;
  readonly tcp: Partial<TcpOptions>;
}

/** A station that speaks TCP in ways of its own, all of them allowed. */
export interface OddPlan {
  readonly kind: "odd";
  /** MSS that it announces; 0 for none, which means 536. */
  readonly mss: number;
  /** Window scale that it offers; -1 for none. */
  readonly scale: number;
  readonly sack: boolean;
  readonly timestamps: boolean;
  /** Room for what it receives, in bytes. */
  readonly window: number;
  /** It reads what has come only every so many milliseconds, so that its window closes; 0: at once. */
  readonly readEvery: number;
  /** It acknowledges each so many segments at once ... */
  readonly ackEvery: number;
  /** ... and the others after this time. */
  readonly ackDelay: number;
  /** Probability, for each segment ahead, that it throws away all that it has ahead. */
  readonly renege: number;
  /** Probability that a segment begins with bytes that were sent before. */
  readonly overlap: number;
  /** Largest segment that it sends. */
  readonly segment: number;
  /** Most segments that it has in flight. */
  readonly flight: number;
  /** Probability that a frame is sent again much later. */
  readonly replay: number;
  /** Probability that somebody says something in its name who does not know where it stands. */
  readonly lies: number;
  /** Its first retransmission timeout. */
  readonly rto: number;
}

/** Everything that a run depends on. */
export interface Plan {
  readonly seed: number;
  /** Where sequence numbers begin: shortly before they come round, or anywhere. */
  readonly firstNumber: number | undefined;
  readonly stations: readonly (StackPlan | OddPlan)[];
  /** What happens on the way from one station to another, both from 0. */
  readonly paths: readonly (readonly Impairment[])[];
  readonly partitions: readonly Partition[];
  readonly connections: readonly ConnectionPlan[];
}

/** What happens in the run of a seed. */
export function planOf(seed: number): Plan {
  const dice = new Dice(seed);
  const count = dice.one(2, 2, 2, 3, 4);
  const odd = dice.chance(0.5);
  const stations = Array.from(
    { length: count },
    (_, i) => odd && i === count - 1 ? oddOf(dice) : stackOf(dice),
  );
  // One weather for all, or one for each way.
  const common = dice.chance(0.5) ? pathOf(dice) : undefined;
  const paths = stations.map(() => stations.map(() => common ?? pathOf(dice)));
  const connections = Array.from(
    { length: dice.one(1, 1, 2, 4) },
    () => connectionOf(dice, stations),
  );
  return {
    seed,
    firstNumber: dice.one(
      undefined,
      -dice.magnitude(1, 100_000),
      2 ** 31 - dice.magnitude(1, 100_000),
    ),
    stations,
    paths,
    partitions: dice.chance(0.15) ? [partitionOf(dice, count)] : [],
    connections,
  };
}

function stackOf(dice: Dice): StackPlan {
  const segmentation = dice.chance(0.3);
  return {
    kind: "stack",
    mtu: dice.one(576, 1500, 1500, 1500, 9000),
    transmitChecksum: segmentation || dice.chance(0.3),
    segmentation,
    tcp: known({
      receiveBuffer: dice.one(2048, 8192, 65_535, 262_144, 16 << 20),
      sendBuffer: dice.one(2048, 16_384, 262_144, 16 << 20),
      memoryLimit: dice.one(512 << 20, 512 << 20, 100_000),
      ecn: dice.one("offer", "accept", "off"),
      sack: dice.chance(0.75),
      timestamps: dice.chance(0.75),
      congestion: dice.one(...CONGESTIONS),
      msl: dice.one(30_000, 30_000, 15_000),
      delayedAck: dice.one(40, 40, 200),
      reassemblyRanges: dice.one(512, 512, 4),
      // With no room for half-open connections every one comes by a cookie.
      halfOpenLimit: dice.one(1024, 1024, 1024, 1024, 1024, 0),
    }),
  };
}

/** Whether a station is so short of room that it answers SYNs with cookies. */
export function usesCookies(station: StackPlan | OddPlan): boolean {
  return station.kind === "stack" && (station.tcp.halfOpenLimit ?? 1) < 1;
}

/** Each algorithm, the default one twice as often. */
const CONGESTIONS: readonly CongestionName[] = ["cubic", ...CONGESTION_NAMES, "bbr"];

/** Only what this stack has: a fault that is looked for with an older one has no other options. */
function known(options: Record<string, unknown>): Partial<TcpOptions> {
  return Object.fromEntries(
    Object.entries(options).filter(([name]) => name in DEFAULT_TCP_OPTIONS),
  );
}

function oddOf(dice: Dice): OddPlan {
  const scale = dice.one(-1, 0, 2, 7);
  return {
    kind: "odd",
    mss: dice.one(0, 100, 536, 1460, 1460),
    scale,
    sack: dice.chance(0.6),
    timestamps: dice.chance(0.5),
    window: scale > 0 ? dice.magnitude(200, 300_000) : dice.magnitude(50, 65_535),
    readEvery: dice.chance(0.5) ? dice.magnitude(1, 3_000) : 0,
    ackEvery: dice.one(1, 1, 2, 2, 8),
    ackDelay: dice.one(0, 40, 200, 400),
    renege: dice.one(0, 0, 0.05),
    overlap: dice.one(0, 0.2),
    segment: dice.magnitude(20, 1_400),
    flight: dice.magnitude(1, 40),
    replay: dice.one(0, 0.03),
    lies: dice.one(0, 0, 0.1),
    rto: dice.one(300, 1_000),
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

function partitionOf(dice: Dice, stations: number): Partition {
  const from = dice.magnitude(1, 20_000);
  return { from, to: from + dice.magnitude(100, 60_000), after: dice.whole(1, stations - 1) };
}

function connectionOf(dice: Dice, stations: Plan["stations"]): ConnectionPlan {
  let sides: [SidePlan, SidePlan] = [sideOf(dice), sideOf(dice)];
  // If both waited for the other's goodbye neither would come.
  if (sides.every(({ ending }) => ending.kind === "after-peer")) {
    sides[0] = { ...sides[0], ending: { kind: "half-close" } };
  }
  const opener = dice.whole(1, stations.length);
  const acceptor = (opener + dice.whole(1, stations.length - 1) - 1) % stations.length + 1;
  const [first, second] = sides;
  sides = [inTime(first, stations[opener - 1]!), inTime(second, stations[acceptor - 1]!)];
  // A stack of ours would not use its port again so soon.
  // Nor can a cookie tell a connection from the one before it.
  const odd = stations[opener - 1]!.kind === "odd" && !usesCookies(stations[acceptor - 1]!);
  const again = odd
    ? Array.from({ length: dice.one(0, 1, 3) }, () => dice.magnitude(1, 5_000))
    : [];
  return { start: dice.one(0, 0, dice.whole(0, 3000)), opener, acceptor, sides, again };
}

/** On the worst of lines an odd peer that sends in crumbs takes days for what others do in minutes. */
function inTime(side: SidePlan, station: StackPlan | OddPlan): SidePlan {
  return station.kind === "odd"
    ? { ...side, bytes: Math.min(side.bytes, 1_000 * station.segment) }
    : side;
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
