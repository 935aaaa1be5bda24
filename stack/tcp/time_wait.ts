import type { IpAddress } from "../ip/address.ts";
import type { Route } from "../ip/output.ts";
import type { FlowEntry } from "./flow_table.ts";
import { Line, type Lined } from "./line.ts";

/** What is taken over from a connection. */
export interface Ended {
  readonly route: Route;
  readonly localPort: number;
  readonly remotePort: number;
  readonly flowHash: number;
  readonly sndMax: number;
  readonly rcvNxt: number;
  readonly rcvScale: number;
  readonly timestamps: boolean;
  readonly timestampOffset: number;
  readonly timestampRecent: number;
  readonly lastOutOfWindowAck: number;
}

/**
 * What a stack remembers of a connection after both goodbyes, for 2 MSL (RFC 9293 section 3.4.2):
 * enough to acknowledge the peer's FIN when it comes again, and to tell a new SYN from an old one.
 * All the rest of the connection belongs to its owner from then on, and goes when that lets go.
 */
export class TimeWait implements FlowEntry, Lined {
  readonly route: Route;
  readonly localPort: number;
  readonly remotePort: number;
  flowHash: number;
  /** SND.NXT. */
  readonly sndNxt: number;
  /** RCV.NXT. */
  readonly rcvNxt: number;
  /** RCV.WND in bytes. */
  readonly rcvWnd: number;
  /** Shift of the windows that we send (RFC 7323). */
  readonly rcvScale: number;
  /** Both SYNs carried the timestamps option (RFC 7323 section 3.2). */
  readonly timestamps: boolean;
  /** What our timestamps differ from the stack's clock by. */
  readonly timestampOffset: number;
  /** TS.Recent. */
  readonly timestampRecent: number;
  /** When a segment outside the window was last answered. */
  lastOutOfWindowAck: number;
  /** When the 2 MSL are over, in milliseconds. */
  deadline = 0;
  /** An acknowledgment leaves with the next poll. */
  ackNow = false;
  /** It is forgotten: the state is Closed. */
  over = false;
  line: object | undefined = undefined;
  behind: Lined | undefined = undefined;
  before: Lined | undefined = undefined;

  /**
   * @param ended A connection in TIME_WAIT.
   * @param rcvWnd The window that it would advertise now, in bytes.
   */
  constructor(ended: Ended, rcvWnd: number) {
    this.route = ended.route;
    this.localPort = ended.localPort;
    this.remotePort = ended.remotePort;
    this.flowHash = ended.flowHash;
    this.sndNxt = ended.sndMax;
    this.rcvNxt = ended.rcvNxt;
    this.rcvWnd = rcvWnd;
    this.rcvScale = ended.rcvScale;
    this.timestamps = ended.timestamps;
    this.timestampOffset = ended.timestampOffset;
    this.timestampRecent = ended.timestampRecent;
    this.lastOutOfWindowAck = ended.lastOutOfWindowAck;
  }

  get localAddress(): IpAddress {
    return this.route.local;
  }

  get remoteAddress(): IpAddress {
    return this.route.remote;
  }

  /** `address:port` of the peer. */
  get peer(): string {
    return `${this.route.remote}:${this.remotePort}`;
  }
}

/**
 * Those in TIME_WAIT, the one that ends first at the front: all of them wait equally long, so they
 * stand in a line and need no timer of their own.
 */
export class TimeWaitLine extends Line<TimeWait> {
  /** Those that owe an acknowledgment. */
  #unanswered: TimeWait[] = [];

  /** When the first one ends; `Infinity` if there is none. */
  get deadline(): number {
    return this.first === undefined ? Infinity : this.first.deadline;
  }

  /** Whether any of them owes an acknowledgment. */
  get owes(): boolean {
    return this.#unanswered.length > 0;
  }

  /** Has one acknowledge with the next poll, however often it is asked to until then. */
  owe(memory: TimeWait): void {
    if (memory.ackNow) return;
    memory.ackNow = true;
    this.#unanswered.push(memory);
  }

  /** Gives those that owe an acknowledgment, and takes it for sent. */
  takeUnanswered(): TimeWait[] {
    const unanswered = this.#unanswered;
    this.#unanswered = [];
    for (const memory of unanswered) memory.ackNow = false;
    return unanswered;
  }
}
