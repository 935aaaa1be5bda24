import type { IpAddress } from "../ip/address.ts";
import type { Route } from "../ip/output.ts";
import type { Connection, ConnectionObserver } from "./api.ts";
import { moveTo } from "./connection.ts";
import type { CongestionControl, CongestionName } from "./congestion.ts";
import type { Ecn } from "./ecn.ts";
import { isChallenged } from "./challenge_acks.ts";
import { PathMtu } from "./path_mtu.ts";
import { ReceiveTuning } from "./receive_tuning.ts";
import { SendLimits } from "./send_limits.ts";
import { type Block, Tcb, type TcpServices } from "./tcb.ts";

/** What times are kept in: whole numbers need no memory of their own, and a microsecond is enough. */
const MICROSECONDS = 1000;

/**
 * What a stack keeps of an Established connection on which nothing happens: the agreements of the
 * handshake, where both directions stand, and what was learnt of the path and still holds. All that
 * it takes to send and to receive is made anew when something happens again, by {@link awake}.
 */
export class Resting implements Block {
  readonly services: TcpServices;
  readonly route: Route;
  readonly localPort: number;
  readonly remotePort: number;
  flowHash: number;
  readonly #owner: Connection;
  readonly #observer: ConnectionObserver | undefined;

  // The agreements.
  readonly #scaling: boolean;
  readonly #sndScale: number;
  readonly #rcvScale: number;
  readonly #sackPermitted: boolean;
  readonly #timestamps: boolean;
  readonly #timestampOffset: number;
  readonly #ecn: Ecn | undefined;
  readonly #noDelay: boolean;

  // Sending: all that was sent has been acknowledged.
  readonly #sndNxt: number;
  readonly #sndWnd: number;
  readonly #sndWl1: number;
  readonly #sndWl2: number;
  readonly #maxSndWnd: number;
  readonly #sndMss: number;
  readonly #bytesAcknowledged: number;
  readonly #retransmissions: number;

  // Receiving: all that has come has been read and acknowledged.
  readonly #rcvNxt: number;
  readonly #rcvAdv: number;
  readonly #rcvMss: number;
  readonly #timestampRecent: number;
  readonly #timestampRecentAt: number;
  readonly #bytesReceived: number;
  /** Size of the receive buffer in bytes; 0: the first. */
  readonly #receiveLimit: number;

  /** When something last happened, in milliseconds. */
  readonly #quietSince: number;

  // The path.
  /** In microseconds. */
  readonly #srtt: number;
  /** In microseconds. */
  readonly #rttvar: number;
  /** Where segments had to be made smaller; else only what was proven, in bytes, is kept. */
  readonly #pathMtu: PathMtu | undefined;
  readonly #proven: number;
  readonly #congestionName: CongestionName;
  /** Congestion control that has a model of the path; the others begin anew with these two. */
  readonly #congestion: CongestionControl | undefined;
  readonly #cwnd: number;
  /** `undefined`: infinite. */
  readonly #ssthresh: number | undefined;

  /** @param tcb A connection that {@link mayRest}. */
  constructor(tcb: Tcb) {
    const { congestion, rto } = tcb;
    this.services = tcb.services;
    this.route = tcb.route;
    this.localPort = tcb.localPort;
    this.remotePort = tcb.remotePort;
    this.flowHash = tcb.flowHash;
    this.#owner = tcb.owner!;
    this.#observer = tcb.observer;
    this.#scaling = tcb.scaling;
    this.#sndScale = tcb.sndScale;
    this.#rcvScale = tcb.rcvScale;
    this.#sackPermitted = tcb.sackPermitted;
    this.#timestamps = tcb.timestamps;
    this.#timestampOffset = tcb.timestampOffset;
    this.#ecn = tcb.ecn;
    this.#noDelay = tcb.noDelay;
    this.#sndNxt = tcb.sndNxt;
    this.#sndWnd = tcb.sndWnd;
    this.#sndWl1 = tcb.sndWl1;
    this.#sndWl2 = tcb.sndWl2;
    this.#maxSndWnd = tcb.maxSndWnd;
    this.#sndMss = tcb.sndMss;
    this.#bytesAcknowledged = tcb.bytesAcknowledged;
    this.#retransmissions = tcb.retransmissions;
    this.#rcvNxt = tcb.rcvNxt;
    this.#rcvAdv = tcb.rcvAdv;
    this.#rcvMss = tcb.rcvMss;
    this.#timestampRecent = tcb.timestampRecent;
    this.#timestampRecentAt = Math.floor(tcb.timestampRecentAt);
    this.#bytesReceived = tcb.bytesReceived;
    this.#receiveLimit = tcb.receiveTuning?.limit ?? 0;
    this.#quietSince = Math.floor(tcb.quietSince);
    this.#srtt = Math.ceil(rto.srtt * MICROSECONDS);
    this.#rttvar = Math.round(rto.rttvar * MICROSECONDS);
    this.#pathMtu = tcb.pathMtu?.wasLowered ? tcb.pathMtu : undefined;
    this.#proven = tcb.pathMtu?.proven ?? 0;
    this.#congestionName = congestion.name;
    this.#congestion = congestion.model === undefined ? undefined : congestion;
    this.#cwnd = Math.floor(congestion.cwnd);
    this.#ssthresh = congestion.ssthresh === Infinity ? undefined : congestion.ssthresh;
  }

  get localAddress(): IpAddress {
    return this.route.local;
  }

  get remoteAddress(): IpAddress {
    return this.route.remote;
  }

  /** {@link Block.atRest} */
  get atRest(): boolean {
    return true;
  }

  /** Something is about to happen: the whole block takes its place again. */
  awake(): Tcb {
    const { services, localPort, remotePort } = this;
    const { now } = services;
    const name = this.#congestionName;
    const tcb = new Tcb(
      services,
      this.route,
      localPort,
      remotePort,
      this.#sndNxt,
      this.#sndMss,
      name,
    );
    tcb.state = "Established";
    tcb.owner = this.#owner;
    tcb.observer = this.#observer;
    tcb.scaling = this.#scaling;
    tcb.sndScale = this.#sndScale;
    tcb.rcvScale = this.#rcvScale;
    tcb.sackPermitted = this.#sackPermitted;
    tcb.timestamps = this.#timestamps;
    tcb.timestampOffset = this.#timestampOffset;
    tcb.ecn = this.#ecn;
    tcb.noDelay = this.#noDelay;
    tcb.sndWnd = this.#sndWnd;
    tcb.sndWl1 = this.#sndWl1;
    tcb.sndWl2 = this.#sndWl2;
    tcb.maxSndWnd = this.#maxSndWnd;
    tcb.bytesAcknowledged = this.#bytesAcknowledged;
    tcb.retransmissions = this.#retransmissions;
    tcb.rcvNxt = tcb.lastAckSent = this.#rcvNxt;
    tcb.rcvAdv = this.#rcvAdv;
    tcb.rcvMss = this.#rcvMss;
    tcb.timestampRecent = this.#timestampRecent;
    tcb.timestampRecentAt = this.#timestampRecentAt;
    tcb.bytesReceived = this.#bytesReceived;
    if (this.#receiveLimit > 0) {
      tcb.receiveTuning = new ReceiveTuning(this.#receiveLimit, this.#bytesReceived, now);
    }
    tcb.lastReceived = now;
    tcb.limits = new SendLimits(this.#quietSince);
    tcb.pathMtu = this.#pathMtu ?? new PathMtu(this.#proven);
    tcb.rto.resume(this.#srtt / MICROSECONDS, this.#rttvar / MICROSECONDS);
    if (this.#congestion !== undefined) tcb.congestion = this.#congestion;
    else {
      tcb.congestion.recall(this.#cwnd, this.#ssthresh ?? Infinity);
      tcb.congestion.restart(); // It was idle for longer than a timeout (RFC 5681 section 4.1).
    }
    services.table.replace(this, tcb);
    services.resting--;
    moveTo(this.#owner, tcb);
    return tcb;
  }
}

/**
 * Whether nothing is under way on a connection, in either direction, and nobody has asked for more
 * than that it be there.
 */
export function mayRest(tcb: Tcb): boolean {
  const { options, now } = tcb.services;
  return tcb.state === "Established" && tcb.owner !== undefined && !tcb.discarding &&
    !tcb.finQueued && tcb.sendRing === undefined && tcb.sndMax === tcb.sndUna &&
    tcb.receiveRing === undefined && tcb.rcvFin === undefined &&
    !tcb.writerWaits && !tcb.readableNews && tcb.unacknowledged === 0 &&
    tcb.lastAckSent === tcb.rcvNxt && !tcb.touched && !tcb.ackNow &&
    tcb.keepAlive === undefined && tcb.userTimeout === (options.userTimeout || Infinity) &&
    !isChallenged(tcb, now);
}

/** Gives up all of a connection that {@link mayRest} but what must be kept. */
export function rest(tcb: Tcb): void {
  const { services } = tcb;
  const resting = new Resting(tcb);
  services.wheel.cancel(tcb);
  services.table.replace(tcb, resting);
  services.resting++;
  moveTo(tcb.owner!, resting);
}
