import { IpAddress } from "../../stack/ip/address.ts";
import type { LinkCapabilities } from "../../stack/link.ts";
import { Stack, type StackNotice, type StackOptions } from "../../stack/stack.ts";
import type { ConnectAttempt, Connection, ListenHandle } from "../../stack/tcp/api.ts";
import { formatTransition, type Transition } from "../../stack/tcp/state.ts";
import { Frame } from "../../stack/wire/frame.ts";
import type { Listener } from "../listener.ts";
import { ObservedConnection } from "./observed_connection.ts";
import type { ArpMessage, Packet, TcpSegment } from "./packet.ts";
import { decodePacket } from "./packet_decode.ts";
import { encodePacket } from "./packet_encode.ts";
import { seededRandom } from "../device/random.ts";
import { type PeerOptions, ScriptedPeer, type SendOptions, type Stage } from "./scripted_peer.ts";
import { formatSegment } from "./segment_script.ts";
import { TestHost } from "./test_host.ts";
import { turn } from "./turn.ts";

/** How a scenario is set up. */
export interface ScenarioOptions {
  /** Port that the stack listens on. */
  listen?: number;
  /** Serves the port as the runtime does: called with a flow for each connection. */
  flow?: Listener["flow"];
  /**
   * Gets each accepted connection. Without it the connections are observed only, see
   * {@link Scenario.accepted}.
   */
  accept?: (connection: Connection) => void;
  /** Options of the stack's TCP. */
  tcp?: StackOptions["tcp"];
  /** Told what happens to the sending of the stack's connections. */
  observe?: StackOptions["observe"];
  /** Seed of the stack's randomness; default 1. */
  seed?: number;
  /** Or the randomness itself. */
  random?: () => number;
  /** What the link can do; default: MTU 1500 and no offload. */
  link?: Partial<LinkCapabilities>;
  /** Whether peers answer ARP requests; default `true`. */
  arp?: boolean;
}

/** What became of an active open of the stack under test. */
export interface ObservedAttempt extends ConnectAttempt {
  /** The connection, once Established. */
  connection: ObservedConnection | undefined;
  /** Each outcome told, in order; more than one is a fault of the stack. */
  readonly outcomes: string[];
}

/** Who carries packets between the stack and peers outside 10.0.0.0/24. */
const GATEWAY = "10.0.0.254";

/** How long the trace of a failure may be, in lines. */
const TRACE_LINES = 400;

/**
 * One stack at 10.0.0.2 in virtual time, and scripted peers around it.
 *
 * Nothing happens by itself: frames that a peer sends are processed at once, the stack sends what
 * is due when a peer looks for it, and time stands still but for {@link Scenario.advance}. Every
 * frame that the stack emits is checked to the last field.
 *
 * @example
 * ```ts
 * import { gone, scenario } from "taproom/testing";
 *
 * const t = scenario({ listen: 80 });
 * const peer = t.peer();
 * peer.send("SYN seq=0 mss=1460 ws=7");
 * peer.expect("SYN ACK seq=0 ack=1");
 * peer.send("ACK seq=1 ack=1 win=65535");
 * t.accepted[0]!.connection.close();
 * peer.expect("FIN ACK seq=1 ack=1");
 * peer.send("FIN ACK seq=1 ack=2");
 * peer.expect("ACK seq=2 ack=2");
 * t.advance(60_000);
 * peer.expectNothing();
 * gone(t.stack);
 * ```
 */
export class Scenario implements Stage {
  /** The stack under test. */
  readonly stack: Stack;
  /** What the runtime is to listener modules: serves ports with them, connects, keeps their log. */
  readonly host: TestHost;
  /** Its Internet address. */
  readonly address = "10.0.0.2";
  /** Its link address. */
  readonly mac = "02:00:00:00:00:02";
  /** Accepted connections, in order, unless the scenario has an `accept` of its own. */
  readonly accepted: ObservedConnection[] = [];
  /** TCP transitions as they are printed, and the lines of {@link Scenario.note}, in order. */
  readonly log: string[] = [];
  /** What the stack thought worth a log line. */
  readonly notices: StackNotice[] = [];
  /** ARP messages from the stack. */
  readonly arp: ArpMessage[] = [];
  /** Packets from the stack that belong to no peer. */
  readonly strays: Packet[] = [];
  /** Frames that the stack emitted. */
  framesOut = 0;
  /** Set it to `false` and the link refuses what the stack sends. */
  linkUp = true;

  readonly #options: ScenarioOptions;
  readonly #capabilities: LinkCapabilities;
  readonly #peers = new Map<string, ScriptedPeer>();
  /** Who answers ARP: the gateway, and the peers on the link. */
  readonly #macs = new Map<string, string>([[GATEWAY, macOf(GATEWAY)]]);
  readonly #inbound: Frame[] = [];
  readonly #trace: (() => string)[] = [];
  readonly #faults: string[] = [];
  #clock = 0;
  #epoch = 0;
  #activity = 0;
  #nextPort = 40000;

  /** Sets the stage: the stack is started and listens, if it is to. */
  constructor(options: ScenarioOptions = {}) {
    const { listen, flow, accept } = options;
    this.#options = options;
    this.#capabilities = {
      mtu: 1500,
      maxFrame: (options.link?.mtu ?? 1500) + 14,
      transmitChecksum: false,
      segmentation: false,
      ...options.link,
    };
    this.stack = new Stack({
      link: {
        capabilities: this.#capabilities,
        transmit: (frame) => this.linkUp && this.#emitted(frame),
      },
      mac: this.mac,
      addresses: [`${this.address}/24`],
      gateway: GATEWAY,
      random: options.random ?? seededRandom(options.seed ?? 1),
      clock: () => this.#clock,
      trace: (transition) => this.#transition(transition),
      notice: (notice) => this.notices.push(notice),
      wake: () => this.#activity++,
      tcp: options.tcp,
      observe: options.observe,
    });
    this.host = new TestHost(this.stack, this.address);
    this.stack.start(0);
    // Past the announcements of the stack's own address, which concern nobody here.
    this.advance(10_000);
    this.#epoch = this.#clock;
    if (listen !== undefined && flow !== undefined) this.host.serve(listen, { flow });
    else if (listen !== undefined) this.listen(listen, accept);
  }

  /** Milliseconds since the scene was set. */
  get now(): number {
    return this.#clock - this.#epoch;
  }

  /** Listens on another port; `accept` as in {@link ScenarioOptions}. */
  listen(port: number, accept?: (connection: Connection) => void): ListenHandle {
    return this.stack.listen(
      { port },
      accept ?? ((connection) => this.accepted.push(new ObservedConnection(connection))),
    );
  }

  /** Opens a connection from the stack to a peer. */
  connect(peer: ScriptedPeer, localPort?: number): ObservedAttempt {
    const outcomes: string[] = [];
    const observed: ObservedAttempt = {
      connection: undefined,
      outcomes,
      cancel: () => attempt.cancel(),
    };
    const attempt = this.stack.connect(
      { address: IpAddress.parse(peer.address)!, port: peer.port, localPort },
      {
        established(connection) {
          outcomes.push("established");
          observed.connection = new ObservedConnection(connection);
        },
        failed: (reason) => outcomes.push(reason),
      },
    );
    return observed;
  }

  /**
   * A scripted peer. One with the address and port of an earlier one takes its place.
   */
  peer(options: PeerOptions = {}): ScriptedPeer {
    const address = options.address ?? "10.0.0.1";
    const peer = new ScriptedPeer(this, {
      address,
      port: options.port ?? this.#nextPort++,
      isn: options.isn ?? 1000,
      mac: options.mac ?? this.#macs.get(neighborOf(address)) ?? macOf(address),
      to: options.to ?? this.#options.listen ?? 0,
    });
    this.#macs.set(neighborOf(address), peer.mac);
    this.#peers.set(`${address}:${peer.port}`, peer);
    return peer;
  }

  /** Lets virtual time pass; the stack does what comes due on the way. */
  advance(ms: number): void {
    const end = this.#clock + ms;
    this.pump();
    for (let due = this.stack.nextDeadline(); due <= end; due = this.stack.nextDeadline()) {
      this.#clock = Math.max(this.#clock, due);
      this.pump();
    }
    this.#clock = end;
    this.pump();
  }

  /** Moves the clock on and looks only then, as after the sleep of a machine. */
  jump(ms: number): void {
    this.#clock += ms;
    this.pump();
  }

  /**
   * Lets everything run that waits only for promises (flows, listeners, web streams), and the stack
   * send what they leave it to send, until nothing more comes of it. No time passes.
   */
  async settle(): Promise<void> {
    for (let quiet = 0; quiet < 2;) {
      const before = this.#activity;
      this.pump();
      await turn();
      this.pump();
      quiet = this.#activity === before ? quiet + 1 : 0;
    }
  }

  /** As {@link Scenario.advance}, settling after each thing that comes due. */
  async elapse(ms: number): Promise<void> {
    const end = this.#clock + ms;
    await this.settle();
    for (let due = this.stack.nextDeadline(); due <= end; due = this.stack.nextDeadline()) {
      this.#clock = Math.max(this.#clock, due);
      await this.settle();
    }
    this.#clock = end;
    await this.settle();
  }

  /** Lets the stack send what is due now. */
  pump(): void {
    this.#deliverAll();
    for (let polls = 0; this.stack.nextDeadline() <= this.#clock; polls++) {
      if (polls === 100) this.fail("the stack has work at once however often it is polled");
      this.stack.poll(this.#clock);
      this.#deliverAll();
    }
    this.#check();
  }

  /** Hands a frame to the stack, with what its device says of it. */
  deliver(frame: Uint8Array, offload?: SendOptions["offload"]): void {
    this.#inbound.push(Object.assign(new Frame(frame), offload));
    this.#deliverAll();
    this.#check();
  }

  /** Adds a line of one's own to {@link Scenario.log} and to the trace of a failure. */
  note(line: string): void {
    this.log.push(line);
    this.#line(() => line);
  }

  /** Ends the test: throws an error with the message and the whole trace. */
  fail(message: string): never {
    throw new Error(`at ${stamp(this.now)}: ${message}\n\n${this.traceText()}\n`);
  }

  /** All that was sent, received, noted and changed, one line each, with times in seconds. */
  traceText(): string {
    return this.#trace.map((line) => line()).join("\n");
  }

  /** Adds a segment to the trace. */
  trace(peer: ScriptedPeer, direction: "<" | ">", segment: TcpSegment): void {
    this.#line(() => {
      const bases = direction === ">" ? peer.sendBases : peer.receiveBases;
      return `${peer.address}:${peer.port} ${direction} ${formatSegment(segment, bases)}`;
    });
  }

  #line(text: () => string): void {
    const now = this.now;
    this.#trace.push(() => `${stamp(now)}  ${text()}`);
    if (this.#trace.length > 2 * TRACE_LINES) this.#trace.splice(0, TRACE_LINES);
  }

  #transition(transition: Transition): void {
    const line = formatTransition(transition);
    this.log.push(line);
    this.#line(() => line);
  }

  #deliverAll(): void {
    for (let next = this.#inbound.shift(); next !== undefined; next = this.#inbound.shift()) {
      this.stack.receive(next, this.#clock);
    }
  }

  #emitted(frame: Frame): boolean {
    this.framesOut++;
    this.#activity++;
    const checksum = frame.checksum === "partial" ? "partial" : "complete";
    const packet = decodePacket(frame.view(), { checksum });
    this.#inspect(packet, frame);
    const { arp, ip, tcp } = packet;
    if (arp !== undefined) {
      this.arp.push(arp);
      if (arp.operation === 1 && this.#options.arp !== false) this.answerArp(arp.targetIp);
      return true;
    }
    const peer = this.#peers.get(`${ip?.destination}:${tcp?.destinationPort}`);
    if (tcp === undefined || peer === undefined || peer.to !== 0 && peer.to !== tcp.sourcePort) {
      this.strays.push(packet);
      this.#line(() => `stray > ${JSON.stringify({ ...packet, ethernet: undefined })}`);
    } else peer.arrive({ ...tcp, time: this.now, ecn: ip!.tos & 3, df: ip!.df });
    return true;
  }

  /** Sends the ARP reply of a peer, in answer to a request or not. */
  answerArp(address: string): void {
    const mac = this.#macs.get(address);
    if (mac === undefined) return;
    const reply = encodePacket({
      ethernet: { destination: this.mac, source: mac },
      arp: {
        operation: 2,
        senderMac: mac,
        senderIp: address,
        targetMac: this.mac,
        targetIp: this.address,
      },
    });
    this.#inbound.push(new Frame(reply));
  }

  /** What must hold for every frame that the stack emits. */
  #inspect(packet: Packet, frame: Frame): void {
    const faults = [...packet.faults];
    const { ethernet, ip, tcp } = packet;
    if (frame.length > this.#capabilities.maxFrame) faults.push(`frame of ${frame.length} bytes`);
    if (ethernet.source !== this.mac) faults.push(`frame from ${ethernet.source}`);
    if (ip !== undefined) {
      if (ip.source !== this.address) faults.push(`packet from ${ip.source}`);
      const mac = this.#macs.get(neighborOf(ip.destination));
      if (mac !== undefined && mac !== ethernet.destination) {
        faults.push(`packet for ${ip.destination} in a frame to ${ethernet.destination}`);
      }
    }
    const bigger = this.#capabilities.mtu + 14;
    if (frame.segmentSize === 0 && frame.length > bigger) faults.push("frame beyond the MTU");
    if (tcp?.flags.includes("SYN") && tcp.flags.includes("FIN")) faults.push("SYN with FIN");
    for (const fault of faults) this.#faults.push(`${stamp(this.now)}  ${fault}`);
  }

  #check(): void {
    if (this.#faults.length === 0) return;
    const faults = this.#faults.splice(0).join("; ");
    this.fail(`the stack emitted what it must not: ${faults}`);
  }
}

/** Sets up a {@link Scenario}. */
export function scenario(options: ScenarioOptions = {}): Scenario {
  return new Scenario(options);
}

function stamp(ms: number): string {
  return (ms / 1000).toFixed(3).padStart(9);
}

/** Whose link address leads to an Internet address. */
function neighborOf(address: string): string {
  return address.startsWith("10.0.0.") ? address : GATEWAY;
}

/** A locally administered link address that shows the Internet address. */
function macOf(address: string): string {
  const bytes = address.split(".").map((part) => Number(part).toString(16).padStart(2, "0"));
  return `02:01:${bytes.join(":")}`;
}
