import type { IpAddress } from "../ip/address.ts";
import type { IpOutput, Route } from "../ip/output.ts";
import type {
  CloseReason,
  Connection,
  ConnectionObserver,
  ConnectOutcome,
  KeepAlive,
  TcpState,
} from "./api.ts";
import type { BufferPool } from "./buffer_pool.ts";
import type { ByteRing } from "./byte_ring.ts";
import type { ChallengeAcks, Challenged } from "./challenge_acks.ts";
import type { CongestionControl, CongestionName } from "./congestion.ts";
import type { CongestionEvent } from "./congestion_event.ts";
import type { TcpCounters } from "./counters.ts";
import type { Ecn } from "./ecn.ts";
import type { FlowEntry, FlowTable } from "./flow_table.ts";
import type { SecretNumbers } from "./isn.ts";
import type { Line, Lined } from "./line.ts";
import type { LossRecovery } from "./loss_recovery.ts";
import type { Pacer } from "./pacer.ts";
import { makeCongestionControl } from "./congestion_controls.ts";
import type { PathMtu } from "./path_mtu.ts";
import type { Reassembly } from "./reassembly.ts";
import type { ReceiveTuning } from "./receive_tuning.ts";
import type { SackReport } from "./sack_report.ts";
import { RetransmissionTimeout } from "./rto.ts";
import type { SendLimits } from "./send_limits.ts";
import type { Transition } from "./state.ts";
import type { SynCookies } from "./syn_cookies.ts";
import type { TcpOptions } from "./tcp_options.ts";
import type { TimeWait, TimeWaitLine } from "./time_wait.ts";
import type { Timed, TimerWheel } from "./timer_wheel.ts";

/** What all connections of a stack share. */
export interface TcpServices {
  /** The way down. */
  readonly ip: IpOutput;
  /** Limits and times. */
  readonly options: TcpOptions;
  /** Counters. */
  readonly counters: TcpCounters;
  /** The connection table. */
  readonly table: FlowTable<FlowEntry>;
  /** Connections of which it has but what must be kept while nothing happens on them. */
  resting: number;
  /** Half-open connections: those in Syn_rcvd that a listener's SYN-ACK began. */
  readonly halfOpen: Line<Tcb>;
  /** What is remembered of connections in TIME_WAIT. */
  readonly timeWait: TimeWaitLine;
  /** Connections that their application has closed and the peer has not, the oldest at the front. */
  readonly orphans: Line<Tcb>;
  /** Timers. */
  readonly wheel: TimerWheel<Tcb>;
  /** Buffers. */
  readonly pool: BufferPool;
  /** Limits of challenge ACKs. */
  readonly challenges: ChallengeAcks;
  /** Initial sequence numbers. */
  readonly secrets: SecretNumbers;
  /** What answers SYNs when there is no room for half-open connections. */
  readonly cookies: SynCookies;
  /** Gives uniform unsigned 32-bit integers. */
  readonly random: () => number;
  /** Told each transition. */
  readonly trace: ((transition: Transition) => void) | undefined;
  /** Told what happens to the sending of connections. */
  readonly observe: ((event: CongestionEvent) => void) | undefined;
  /** The latest time that the stack was told, in milliseconds. */
  now: number;
  /** The time between two calls of `receive` and `poll`, in milliseconds. */
  readonly clock: (() => number) | undefined;
  /** Has the connection looked at by the next poll. */
  touch(tcb: Tcb): void;
  /** Tells the runtime that a listener's callback threw. */
  listenerFailed(tcb: Tcb, error: unknown): void;
}

/** A port being listened on, as a connection that it accepted sees it. */
export interface Acceptor {
  /** Congestion control of its connections; `undefined`: that of the stack. */
  readonly congestion: CongestionName | undefined;
  /** Takes an Established connection. */
  accept(connection: Connection): void;
}

/**
 * What the send timer is running for: the retransmission timeout, RACK's second look, a tail loss
 * probe, or a window probe.
 */
export type SendTimer = "off" | "retransmit" | "reorder" | "probe" | "persist";

/** What a connection's handle holds: its block, or what is kept of it at rest. */
export interface Block extends FlowEntry {
  /** Nothing happens on it, and only what must be kept is there. */
  readonly atRest: boolean;
  /** Gives the block, which is made anew if the connection was at rest. */
  awake(): Tcb;
}

/**
 * The transmission control block: all that is known of one connection. The variables have the
 * names of RFC 9293 section 3.3.1; sequence numbers are signed 32-bit integers, times milliseconds.
 * What is to be done with them is said in the files around this one, concern by concern.
 */
export class Tcb implements Timed, Lined, Challenged, Block {
  readonly services: TcpServices;
  readonly route: Route;
  readonly localPort: number;
  readonly remotePort: number;
  flowHash = 0;

  wheelTime = 0;
  wheelSlot = -1;
  wheelNext: Timed | undefined = undefined;
  wheelPrevious: Timed | undefined = undefined;

  line: object | undefined = undefined;
  behind: Lined | undefined = undefined;
  before: Lined | undefined = undefined;

  state: TcpState = "Closed";
  closeReason: CloseReason | undefined = undefined;
  /** Who waits for Established; `undefined` from then on. */
  opening: Acceptor | ConnectOutcome | undefined = undefined;
  observer: ConnectionObserver | undefined = undefined;
  /** The handle that was delivered. */
  owner: Connection | undefined = undefined;

  // Sending.
  /** ISS. */
  iss: number;
  /** SND.UNA. */
  sndUna: number;
  /** SND.NXT: what was never sent begins here, but for the byte of a window probe. */
  sndNxt: number;
  /** Nothing at or beyond it was ever sent: SND.NXT, or one more after a window probe. */
  sndMax: number;
  /** SND.WND in bytes, scaled. */
  sndWnd = 0;
  /** SND.WL1. */
  sndWl1 = 0;
  /** SND.WL2. */
  sndWl2 = 0;
  /** The largest window that the peer ever advertised (MAX.SND.WND of RFC 5961). */
  maxSndWnd = 0;
  /** Both SYNs carried the window scale option (RFC 7323 section 2.2). */
  scaling = false;
  /** Shift of the windows that we receive (RFC 7323). */
  sndScale = 0;
  /** Largest payload of a segment that we send. */
  sndMss: number;
  /** The end of the last segment sent that was not full: what Nagle's algorithm waits for. */
  sndSmall: number;
  /** Sequence number of our FIN once it was sent. */
  sndFin: number | undefined = undefined;
  /** Written and not acknowledged, from SND.UNA on; `undefined` while there is nothing. */
  sendRing: ByteRing | undefined = undefined;
  /** The application has ended our direction: a FIN follows the last byte. */
  finQueued = false;
  /** A write took less than it was offered. */
  writerWaits = false;
  noDelay = false;
  /** When new data was last sent. */
  lastDataSent = 0;
  /** What kept the sender back; made with the first byte sent. */
  limits: SendLimits | undefined = undefined;
  /** The congestion window kept data back when something was last sent. */
  windowLimited = false;
  /** Spreads what is sent over time; made when congestion control sets a rate. */
  pacer: Pacer | undefined = undefined;
  /** When the pacer lets more leave; `Infinity` while it holds nothing back. */
  paceDeadline = Infinity;
  /** Payload bytes acknowledged. */
  bytesAcknowledged = 0;
  /** Segments sent again. */
  retransmissions = 0;

  // Retransmission.
  readonly rto: RetransmissionTimeout;
  congestion: CongestionControl;
  sendTimer: SendTimer = "off";
  /** When the retransmission or persist timer expires. */
  sendDeadline = Infinity;
  /** Expiries without an answer. */
  retries = 0;
  /** The retransmission timeout counts from here: the last progress, or the first sending. */
  timeoutFrom = 0;
  /** Since when what was written waits without progress; `Infinity`: nothing waits. */
  waitingSince = Infinity;
  /** For how long it may, in milliseconds. */
  userTimeout: number;
  /** When our SYN was sent; -1 once it was sent twice (Karn). */
  synSentAt = -1;
  /** What is in flight, and what became of it; made with the first byte sent. */
  recovery: LossRecovery | undefined = undefined;

  /** What is known of the path's largest segment; made with the first byte sent. */
  pathMtu: PathMtu | undefined = undefined;

  /** Both SYNs carried the timestamps option (RFC 7323 section 3.2). */
  timestamps = false;
  /** What our timestamps differ from the stack's clock by, so that they do not tell its time. */
  timestampOffset = 0;
  /** Both sides react to marks of routers; `undefined`: they do not (RFC 3168). */
  ecn: Ecn | undefined = undefined;
  /** Both sides report what has arrived ahead (RFC 2018). */
  sackPermitted = false;

  // Receiving.
  /** TS.Recent: the timestamp that we echo. */
  timestampRecent = 0;
  /** When it was taken over. */
  timestampRecentAt = 0;
  /** Last.ACK.sent. */
  lastAckSent = 0;
  /** Which ranges to report; made with the first byte that arrives ahead. */
  sackReport: SackReport | undefined = undefined;
  /** IRS. */
  irs = 0;
  /** RCV.NXT. */
  rcvNxt = 0;
  /** Right edge of the window that we have offered: RCV.NXT + RCV.WND. Never moves back. */
  rcvAdv = 0;
  /** Shift of the windows that we send (RFC 7323). */
  rcvScale = 0;
  /** Largest payload of a received segment so far. */
  rcvMss = 0;
  /** Sequence number of the peer's FIN once it was seen, in order or not. */
  rcvFin: number | undefined = undefined;
  /** Received in order and not read, and what lies ahead; `undefined` while there is nothing. */
  receiveRing: ByteRing | undefined = undefined;
  /** Auto-tuning of the receive buffer; made when the application first reads. */
  receiveTuning: ReceiveTuning | undefined = undefined;
  /** Which bytes lie ahead. */
  ahead: Reassembly | undefined = undefined;
  /** Bytes received in order that no segment of ours has acknowledged. */
  unacknowledged = 0;
  /** An acknowledgment must leave with the next poll. */
  ackNow = false;
  /** When a delayed acknowledgment is due. */
  ackDeadline = Infinity;
  /** The application has closed: what arrives is acknowledged and discarded. */
  discarding = false;
  /** Bytes discarded. */
  discarded = 0;
  /** When the first byte was discarded. */
  discardingSince = 0;
  /** Payload bytes received in order. */
  bytesReceived = 0;

  // The end, and the watch.
  /** Segments counted in Fin_wait_2. */
  finWait2Count = 0;
  /** When FIN_WAIT_2 ends. */
  waitDeadline = Infinity;
  /** What the stack remembers of it from TIME_WAIT on. */
  memory: TimeWait | undefined = undefined;
  keepAlive: KeepAlive | undefined = undefined;
  /** When the next keepalive probe is due. */
  keepAliveDeadline = Infinity;
  keepAliveProbes = 0;
  /** When something was last received. */
  lastReceived = 0;
  /** When a segment outside the window was last answered. */
  lastOutOfWindowAck = -Infinity;
  challenges = 0;
  challengedSince = -Infinity;
  /** A soft ICMP error said that the peer cannot be reached (RFC 1122 section 4.2.3.9). */
  softError = false;

  /** Data or the end of the stream has come since the observer was last told. */
  readableNews = false;
  /** In the list of connections that the next poll looks at. */
  touched = false;
  /** The next in that list. */
  touchedNext: Tcb | undefined = undefined;

  constructor(
    services: TcpServices,
    route: Route,
    localPort: number,
    remotePort: number,
    iss: number,
    mss: number,
    congestion?: CongestionName,
  ) {
    this.services = services;
    this.route = route;
    this.localPort = localPort;
    this.remotePort = remotePort;
    this.iss = iss;
    this.sndUna = iss;
    this.sndNxt = iss;
    this.sndMax = iss;
    this.sndSmall = iss;
    this.sndMss = mss;
    this.userTimeout = services.options.userTimeout || Infinity;
    this.rto = new RetransmissionTimeout(services.options);
    this.congestion = makeCongestionControl(
      congestion ?? services.options.congestion,
      mss,
      services.random,
    );
  }

  get localAddress(): IpAddress {
    return this.route.local;
  }

  get remoteAddress(): IpAddress {
    return this.route.remote;
  }

  /** Bytes of sequence space in flight, SYN and FIN included. */
  get inFlight(): number {
    return (this.sndNxt - this.sndUna) | 0;
  }

  /** Bytes written and not acknowledged. */
  get sendQueued(): number {
    return this.sendRing === undefined ? 0 : this.sendRing.length;
  }

  /** Bytes received in order and not read. */
  get receiveQueued(): number {
    return this.receiveRing === undefined ? 0 : this.receiveRing.length;
  }

  /** RCV.WND: what we have advertised and the peer has not yet used. */
  get rcvWnd(): number {
    return (this.rcvAdv - this.rcvNxt) | 0;
  }

  /** Largest segment payload that we can receive on this path: the MSS that we announce. */
  get localMss(): number {
    return this.route.mtu - this.route.headerLength - 20;
  }

  /** Our FIN was sent and the peer has acknowledged it. */
  get finAcknowledged(): boolean {
    return this.sndFin !== undefined && ((this.sndUna - this.sndFin) | 0) > 0;
  }

  /** `address:port` of the peer. */
  get peer(): string {
    return `${this.route.remote}:${this.remotePort}`;
  }

  /** Since when nothing has happened on it, in milliseconds. */
  get quietSince(): number {
    return Math.max(this.lastReceived, this.lastDataSent);
  }

  /** When to see whether it may rest: if it could not when it was time, as much later. */
  get #restDeadline(): number {
    const { now, options: { restAfter } } = this.services;
    const deadline = this.quietSince + restAfter;
    return deadline > now ? deadline : now + restAfter;
  }

  /** {@link Block.atRest} */
  get atRest(): boolean {
    return false;
  }

  /** {@link Block.awake} */
  awake(): Tcb {
    return this;
  }

  /** Brings the wheel in line with the earliest of the connection's deadlines. */
  rearm(): void {
    const deadline = Math.min(
      this.sendDeadline,
      this.paceDeadline,
      this.ackDeadline,
      this.waitDeadline,
      this.keepAliveDeadline,
      this.waitingSince + this.userTimeout,
    );
    const { wheel } = this.services;
    if (deadline !== Infinity) wheel.arm(this, deadline);
    else if (this.state === "Established") wheel.arm(this, this.#restDeadline);
  }
}
