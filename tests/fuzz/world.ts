import { seededRandom } from "../../runtime/device/random.ts";
import { IpAddress } from "../../stack/ip/address.ts";
import { Stack } from "../../stack/stack.ts";
import type { Connection, ConnectionObserver } from "../../stack/tcp/api.ts";
import { CONGESTION_NAMES } from "../../stack/tcp/congestion.ts";
import { DEFAULT_TCP_OPTIONS } from "../../stack/tcp/tcp_options.ts";
import { Frame } from "../../stack/wire/frame.ts";
import { Dice } from "../simulation/dice.ts";
import { buffersLent, lookAtAll, lookAtRemains, watchAnew } from "../simulation/watch.ts";
import { Mutation } from "./mutation.ts";

/** Frames on the wire at most; what comes beyond is lost. */
const WIRE = 512;
/** Frames that are kept to be changed. */
const KEPT = 64;
/** Connections that are kept open. */
const CONNECTIONS = 8;
/** Hostile frames between two looks at everything. */
const LOOK_EVERY = 500;
/** Rounds of receiving and polling at one time: more never comes to an end. */
const MOST_ROUNDS = 5_000;
/** Buffers that all connections of a world may hold, in bytes. */
const MOST_LENT = 256 << 20;
const PORT = 80;

/** An application that does this and that. */
class Application implements ConnectionObserver {
  over = false;
  readonly connection: Connection;
  readonly #dice: Dice;
  readonly #buffer = new Uint8Array(4_096);

  constructor(connection: Connection, dice: Dice) {
    this.connection = connection;
    this.#dice = dice;
    connection.observer = this;
    if (dice.chance(0.3)) connection.setKeepAlive({ idle: 1_000, interval: 500, probes: 3 });
  }

  readable(): void {
    if (this.#dice.chance(0.7)) this.connection.read(this.#buffer);
  }

  writable(): void {
    this.step();
  }

  closed(): void {
    this.over = true;
    this.connection.close(); // What is unread need not be kept.
  }

  step(): void {
    const { connection } = this;
    const what = this.#dice.whole(0, 60);
    if (what < 25) connection.write(this.#buffer.subarray(0, this.#dice.magnitude(1, 4_096)));
    else if (what < 50) connection.read(this.#buffer);
    else if (what === 50) connection.closeWrite();
    else if (what === 51) connection.close();
    else if (what === 52) connection.abort();
    else if (what === 53) connection.setNoDelay(this.#dice.chance(0.5));
    else connection.info();
  }
}

/** One of the two stacks, and what has come out of it. */
interface Station {
  readonly stack: Stack;
  readonly mac: Uint8Array;
  readonly address: Uint8Array;
  /** On the way to it. */
  readonly inbound: Uint8Array[];
  /** Sent to it of late. */
  readonly kept: Uint8Array[];
}

/**
 * Two stacks that talk to each other over several connections, and somebody on their wire who sends
 * both whatever may hurt. All of it follows from a seed.
 */
export class World {
  readonly #dice: Dice;
  readonly #mutation: Mutation;
  readonly #stations: [Station, Station];
  readonly #frame = new Frame();
  #applications: Application[] = [];
  #attempts = 0;
  #now = 0;
  #sent = 0;

  /** @param seed Any integer. */
  constructor(seed: number) {
    watchAnew();
    this.#dice = new Dice(seed);
    this.#mutation = new Mutation(this.#dice);
    this.#stations = [this.#station(1, seed), this.#station(2, seed)];
    for (const { stack } of this.#stations) {
      stack.start(0);
      stack.listen({ port: PORT }, (connection) => this.#begun(connection));
    }
  }

  /**
   * Lets some hostile frames loose.
   *
   * @throws {Error} If anything is not as it must be.
   */
  run(frames: number): void {
    const dice = this.#dice;
    while (this.#sent < frames) {
      if (dice.chance(0.05)) this.#passTime();
      this.#open();
      if (dice.chance(0.5) && this.#applications.length > 0) {
        this.#applications[dice.whole(0, this.#applications.length - 1)]!.step();
      }
      this.#exchange();
      for (let i = dice.magnitude(1, 24); i > 0 && this.#sent < frames; i--) this.#attack();
    }
    this.#end();
  }

  #station(number: number, seed: number): Station {
    const dice = this.#dice;
    const mac = Uint8Array.of(2, 0, 0, 0, 0, number);
    const other = number === 1 ? 1 : 0;
    const mtu = dice.one(576, 1_500, 1_500);
    const station: Station = {
      mac,
      address: Uint8Array.of(10, 0, 0, number),
      inbound: [],
      kept: [],
      stack: new Stack({
        link: {
          capabilities: { mtu, maxFrame: mtu + 14, transmitChecksum: false, segmentation: false },
          transmit: (frame) => {
            this.#transmitted(this.#stations[other]!, frame.view());
            return !dice.chance(0.001);
          },
        },
        mac,
        addresses: [`10.0.0.${number}/24`],
        random: seededRandom(seed * 7 + number),
        tcp: Object.fromEntries(
          Object.entries({
            congestion: dice.one(...CONGESTION_NAMES),
            receiveBuffer: dice.one(2_048, 65_536, 1 << 20),
            sendBuffer: dice.one(2_048, 65_536, 1 << 20),
            sack: dice.chance(0.8),
            timestamps: dice.chance(0.6),
            halfOpenLimit: dice.one(0, 4, 64),
            connectionLimit: dice.one(40, 2_000),
            timeWaitLimit: dice.one(2, 100),
            reassemblyRanges: dice.one(4, 512),
            lingerBytes: dice.one(1_000, 4 << 20),
            memoryLimit: dice.one(100_000, 512 << 20),
            ecn: dice.one("offer", "accept", "off"),
          }).filter(([name]) => name in DEFAULT_TCP_OPTIONS),
        ),
      }),
    };
    return station;
  }

  #transmitted(to: Station, bytes: Uint8Array): void {
    const broadcast = (bytes[0]! & 1) !== 0;
    if (!broadcast && bytes[5] !== to.mac[5]) return;
    const copy = bytes.slice();
    if (to.inbound.length < WIRE) to.inbound.push(copy);
    if (to.kept.length < KEPT) to.kept.push(copy);
    else to.kept[this.#dice.whole(0, KEPT - 1)] = copy;
  }

  #begun(connection: Connection): void {
    this.#applications.push(new Application(connection, this.#dice));
  }

  #open(): void {
    const dice = this.#dice;
    if (this.#applications.length > 4 * CONNECTIONS) {
      this.#applications = this.#applications.filter(({ over }) => !over);
    }
    if (this.#attempts >= CONNECTIONS || !dice.chance(0.3)) return;
    const from = dice.whole(0, 1);
    this.#attempts++;
    const attempt = this.#stations[from]!.stack.connect(
      { address: IpAddress.parse(`10.0.0.${2 - from}`)!, port: dice.chance(0.95) ? PORT : 81 },
      {
        established: (connection) => {
          this.#attempts--;
          this.#begun(connection);
        },
        failed: () => this.#attempts--,
      },
    );
    if (dice.chance(0.02)) attempt.cancel();
  }

  #passTime(): void {
    const dice = this.#dice;
    const end = this.#now + dice.one(1, 1, 5, 40, 200, 1_000, dice.magnitude(1, 70_000));
    for (let due = this.#next(); due <= end; due = this.#next()) {
      this.#now = Math.max(this.#now, due);
      this.#exchange();
    }
    this.#now = end;
  }

  #next(): number {
    const [a, b] = this.#stations;
    return Math.min(a.stack.nextDeadline(), b.stack.nextDeadline());
  }

  /** Delivers what the stacks have to say to each other, and lets them do what is due. */
  #exchange(): void {
    for (let rounds = 0;; rounds++) {
      if (rounds === MOST_ROUNDS) {
        throw new Error(`there is no end to what happens at ${this.#now}`);
      }
      let busy = false;
      for (const { stack, inbound } of this.#stations) {
        for (const bytes of inbound.splice(0)) {
          busy = true;
          this.#frame.set(bytes, 0, bytes.length);
          stack.receive(this.#frame, this.#now);
        }
        if (stack.nextDeadline() > this.#now) continue;
        busy = true;
        stack.poll(this.#now);
      }
      if (!busy) return;
    }
  }

  #attack(): void {
    const dice = this.#dice;
    const side = dice.whole(0, 1);
    const { stack, kept, mac, address } = this.#stations[side]!;
    const other = this.#stations[1 - side]!;
    const what = dice.whole(0, 99);
    const original = kept.length > 0 ? kept[dice.whole(0, kept.length - 1)] : undefined;
    const isTcp = original !== undefined && original.length >= 54 && original[23] === 6 &&
      original[12] === 8 && original[13] === 0;
    let length: number;
    if (original === undefined || what < 4) {
      length = this.#mutation.ofNothing(mac, address, other.address);
    } else if (what < 7 && isTcp) length = this.#mutation.fragmentOf(original);
    else if (what < 10 && other.kept.length > 0) {
      const sent = other.kept[dice.whole(0, other.kept.length - 1)]!;
      length = sent.length >= 54 && sent[13] === 0
        ? this.#mutation.icmpAbout(sent)
        : this.#mutation.of(sent);
    } else length = this.#mutation.of(original);
    this.#frame.set(this.#mutation.bytes, 0, length);
    // A device that joins segments says so.
    if (what === 99) this.#frame.segmentSize = dice.one(1, 100, 536, 1_460);
    stack.receive(this.#frame, this.#now);
    if (dice.chance(0.3) && stack.nextDeadline() <= this.#now) stack.poll(this.#now);
    if (++this.#sent % LOOK_EVERY === 0) this.#look();
  }

  /** Nothing is without bounds, and nothing contradicts itself. */
  #look(): void {
    this.#exchange();
    const fault = lookAtAll();
    if (fault !== undefined) throw new Error(fault);
    if (buffersLent() > MOST_LENT) throw new Error(`${buffersLent()} bytes of buffers`);
    for (const { stack, inbound } of this.#stations) {
      const { connections, halfOpen, timeWait } = stack.census();
      if (connections > 2_001 || halfOpen > 2_001 || timeWait > 101) {
        throw new Error(`no bounds: ${JSON.stringify(stack.census())}`);
      }
      if (inbound.length > WIRE) throw new Error("no bounds on the wire");
    }
  }

  /** Both are reset: nothing may be left. */
  #end(): void {
    this.#look();
    for (const { stack } of this.#stations) stack.abort();
    for (let i = 0; i < 200 && this.#next() !== Infinity; i++) {
      this.#now = Math.max(this.#now, Math.min(this.#next(), this.#now + 60_000));
      this.#exchange();
      for (const { inbound } of this.#stations) inbound.length = 0;
    }
    for (const { stack } of this.#stations) {
      const { connections, halfOpen, timeWait, timers } = stack.census();
      if (connections + halfOpen + timeWait + timers > 0 || stack.nextDeadline() !== Infinity) {
        const left = JSON.stringify(stack.census());
        throw new Error(`left at the end: ${left}, next deadline ${stack.nextDeadline()}`);
      }
    }
    const remains = lookAtRemains();
    if (remains.length > 0) throw new Error(`left at the end: ${remains.slice(0, 3).join("; ")}`);
  }
}
