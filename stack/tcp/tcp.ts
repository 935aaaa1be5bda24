import type { IcmpErrorType } from "../icmp/error.ts";
import type { IpOutput } from "../ip/output.ts";
import type { IpPacket } from "../ip/packet.ts";
import { StackError } from "../error.ts";
import type { StackNotice } from "../notice.ts";
import type { Sharing } from "../sharing.ts";
import { read16, read32 } from "../wire/bytes.ts";
import { fold, sum } from "../wire/checksum.ts";
import { CONGESTION_EXPERIENCED } from "../wire/ipv4.ts";
import { PROTOCOL_TCP } from "../wire/protocol.ts";
import {
  ACK,
  DESTINATION_PORT,
  readOptions,
  readSegment,
  RST,
  Segment,
  SEQUENCE,
  SOURCE_PORT,
  SYN,
  TCP_HEADER_LENGTH,
} from "../wire/tcp.ts";
import type {
  ConnectAttempt,
  Connection,
  ConnectOutcome,
  ConnectTo,
  ListenAt,
  ListenHandle,
} from "./api.ts";
import { BufferPool } from "./buffer_pool.ts";
import type { CongestionEvent } from "./congestion_event.ts";
import { abort, close, deliver, notify } from "./connection.ts";
import { ChallengeAcks } from "./challenge_acks.ts";
import { checkCongestion } from "./congestion.ts";
import { TcpCounters } from "./counters.ts";
import { refuse, sendTimeWaitAck } from "./emit.ts";
import { type FlowEntry, FlowTable } from "./flow_table.ts";
import { activeOpen, openByCookie, passiveOpen, sendFirstSyn, synInSynRcvd } from "./handshake.ts";
import { icmpErrorArrives } from "./icmp_error.ts";
import { SecretNumbers } from "./isn.ts";
import { Line } from "./line.ts";
import { Listeners } from "./listeners.ts";
import { MemoryPressure } from "./memory_pressure.ts";
import { LocalPorts } from "./ports.ts";
import { segmentArrives } from "./receive.ts";
import { output } from "./send.ts";
import { seqGeq, seqLt } from "./sequence.ts";
import type { Transition } from "./state.ts";
import { type Ends, SynCookies } from "./syn_cookies.ts";
import { Resting } from "./resting.ts";
import { Tcb, type TcpServices } from "./tcb.ts";
import { DEFAULT_TCP_OPTIONS, type TcpOptions } from "./tcp_options.ts";
import { TimerWheel } from "./timer_wheel.ts";
import { timersExpired } from "./timers.ts";
import { TimeWait, TimeWaitLine } from "./time_wait.ts";
import { isNewer, segmentInTimeWait } from "./time_wait_segment.ts";
import { enterTimeWait, forget, teardown, transition } from "./transition.ts";

/**
 * Bytes sent in a poll after which acknowledgments are looked for before others have their turn:
 * they would overflow the link's queue.
 */
const BYTES_PER_POLL = 262_144;

/** What TCP is made with. */
export interface TcpInit {
  /** The way down. */
  readonly ip: IpOutput;
  /** Gives uniform unsigned 32-bit integers. */
  readonly random: () => number;
  /** Time at the start in milliseconds. */
  readonly now: number;
  /** The time between two calls of `receive` and `poll`, in milliseconds. */
  readonly clock?: (() => number) | undefined;
  /** Limits and times that differ from the defaults. */
  readonly options: Partial<TcpOptions> | undefined;
  /** Told each transition. */
  readonly trace: ((transition: Transition) => void) | undefined;
  /** Told what happens to the sending of connections. */
  readonly observe: ((event: CongestionEvent) => void) | undefined;
  /** Told what is worth a log line. */
  readonly notice: ((notice: StackNotice) => void) | undefined;
  /** Called when a call from outside `receive` and `poll` has left work for `poll`. */
  readonly pending: () => void;
  /** The other stacks that have the same addresses. */
  readonly sharing?: Sharing | undefined;
}

/** Numbers of connections, listeners and timers: all zero when everything is over. */
export interface TcpCensus {
  /** Connections in the table, half-open and TIME_WAIT included. */
  readonly connections: number;
  /** Half-open connections. */
  readonly halfOpen: number;
  /** Connections that their application has closed and the peer has not; without TIME_WAIT. */
  readonly orphans: number;
  /** Connections in TIME_WAIT. */
  readonly timeWait: number;
  /** Ports being listened on. */
  readonly listeners: number;
  /** Established connections on which nothing has happened for a while. */
  readonly resting: number;
  /** Connections with a timer armed. */
  readonly timers: number;
  /** Bytes of the buffers that connections hold, unread data of ended ones included. */
  readonly memory: number;
}

/** TCP: the connections of one stack, and what moves them (RFC 9293). */
export class Tcp {
  /** What has been counted. */
  readonly counters: TcpCounters = new TcpCounters();
  readonly #services: TcpServices;
  readonly #listeners = new Listeners();
  readonly #ports: LocalPorts;
  readonly #sharing: Sharing | undefined;
  readonly #pressure: MemoryPressure;
  readonly #segment = new Segment();
  /** Connections that the next poll looks at, linked through `touchedNext`. */
  #firstTouched: Tcb | undefined = undefined;
  #lastTouched: Tcb | undefined = undefined;
  readonly #timersExpired = (tcb: Tcb): void => {
    timersExpired(tcb, this.#services.now);
    if (tcb.state !== "Closed") notify(tcb);
  };

  /** @param init What it is made with. */
  constructor(init: TcpInit) {
    const options = { ...DEFAULT_TCP_OPTIONS, ...init.options };
    checkCongestion(options.congestion);
    const secrets = new SecretNumbers(init.random);
    const table = new FlowTable<FlowEntry>(init.random());
    this.#sharing = init.sharing;
    this.#ports = new LocalPorts(table, secrets, init.sharing?.index, init.sharing?.count);
    this.#services = {
      ip: init.ip,
      options,
      counters: this.counters,
      table,
      halfOpen: new Line(),
      orphans: new Line(),
      timeWait: new TimeWaitLine(),
      resting: 0,
      wheel: new TimerWheel(init.now),
      pool: new BufferPool(options.memoryLimit),
      challenges: new ChallengeAcks(options.challengeAcksPerSecond, init.random),
      secrets,
      cookies: new SynCookies(secrets),
      random: init.random,
      trace: init.trace,
      observe: init.observe,
      now: init.now,
      clock: init.clock,
      touch: (tcb) => {
        if (tcb.touched) return;
        tcb.touched = true;
        if (this.#lastTouched !== undefined) this.#lastTouched.touchedNext = tcb;
        this.#lastTouched = tcb;
        if (this.#firstTouched !== undefined) return;
        this.#firstTouched = tcb;
        init.pending();
      },
      listenerFailed: (tcb, error) =>
        init.notice?.({ type: "listener-error", port: tcb.localPort, peer: tcb.peer, error }),
    };
    this.#pressure = new MemoryPressure(this.#services);
  }

  /**
   * Takes a packet whose protocol is TCP.
   *
   * @param packet The packet; lent until the call returns.
   * @param now Time in milliseconds.
   */
  receive(packet: IpPacket, now: number): void {
    const { counters } = this;
    const segment = this.#segment;
    this.#services.now = now;
    counters.segmentsReceived++;
    if (packet.toGroup) {
      counters.droppedGroup++;
      return;
    }
    const { bytes, payloadOffset, payloadLength } = packet;
    if (!readSegment(bytes, payloadOffset, payloadLength, segment)) {
      counters.droppedMalformed++;
      return;
    }
    if (!packet.checksumVerified && !checksumHolds(packet)) {
      counters.droppedChecksum++;
      return;
    }
    if (segment.sourcePort === 0 || segment.destinationPort === 0) {
      counters.droppedMalformed++;
      return;
    }
    if (
      segment.offset > payloadOffset + TCP_HEADER_LENGTH && !readOptions(payloadOffset, segment)
    ) {
      counters.optionsMalformed++;
    }
    if (packet.segmentSize > 0) segment.segmentSize = packet.segmentSize;
    segment.congestionExperienced = packet.ecn === CONGESTION_EXPERIENCED;

    const { sourcePort, destinationPort } = segment;
    const found = this.#services.table.find(packet, sourcePort, destinationPort);
    if (found === undefined) this.#unconnected(packet, segment, now);
    else if (found instanceof Tcb) this.#connected(found, packet, segment, now);
    else if (found instanceof TimeWait) this.#inTimeWait(found, packet, segment, now);
    else this.#connected((found as Resting).awake(), packet, segment, now);
  }

  /**
   * Takes an ICMP error that quotes a segment of ours (RFC 5927).
   *
   * @param type What the network reports.
   * @param quoted The quoted packet: its source is us, its payload at least 8 bytes.
   * @param mtu With `"fragmentation-needed"`: the next hop's MTU in bytes.
   * @param now Time in milliseconds.
   * @param error The packet that quotes it.
   */
  icmpError(
    type: IcmpErrorType,
    quoted: IpPacket,
    mtu: number,
    now: number,
    error: IpPacket,
  ): void {
    this.#services.now = now;
    const { bytes, payloadOffset } = quoted;
    const localPort = read16(bytes, payloadOffset + SOURCE_PORT);
    const remotePort = read16(bytes, payloadOffset + DESTINATION_PORT);
    const seq = read32(bytes, payloadOffset + SEQUENCE);
    const tcb = this.#services.table.get(
      quoted.source,
      localPort,
      quoted.destination,
      remotePort,
    );
    if (tcb === undefined && this.#handedOver(error, localPort)) return;
    // Neither at rest nor in TIME_WAIT is anything in flight.
    if (!(tcb instanceof Tcb && seqGeq(seq, tcb.sndUna) && seqLt(seq, tcb.sndMax))) {
      this.counters.icmpErrorsIgnored++;
      return;
    }
    this.counters.icmpErrorsAccepted++;
    icmpErrorArrives(tcb, type, mtu);
  }

  /**
   * Takes back a packet of ours whose next hop does not answer on the link. A connection that is
   * being opened fails by it at once; one that works goes on trying.
   *
   * @param dropped The packet.
   * @param now Time in milliseconds.
   */
  neighborUnreachable(dropped: IpPacket, now: number): void {
    this.#services.now = now;
    const { bytes, payloadOffset } = dropped;
    const tcb = this.#services.table.get(
      dropped.source,
      read16(bytes, payloadOffset + SOURCE_PORT),
      dropped.destination,
      read16(bytes, payloadOffset + DESTINATION_PORT),
    );
    if (!(tcb instanceof Tcb)) return;
    tcb.softError = true;
    if (tcb.state !== "Syn_sent") return;
    transition(tcb, "Timeout");
    teardown(tcb, "unreachable");
  }

  /**
   * Does what is due: timers, then one round of output for every connection that something
   * happened to.
   *
   * @param now Time in milliseconds.
   */
  poll(now: number): void {
    const services = this.#services;
    const { timeWait } = services;
    services.now = now;
    services.wheel.advance(now, this.#timersExpired);
    while (timeWait.deadline <= now) forget(services, timeWait.first!);
    this.#pressure.relieve(now);
    this.#outputTouched(now);
    if (timeWait.owes) {
      for (const memory of timeWait.takeUnanswered()) {
        if (!memory.over) sendTimeWaitAck(services, memory);
      }
    }
  }

  /** One round of output, or a part of it: the rest comes first in the next poll. */
  #outputTouched(now: number): void {
    const { counters } = this;
    const enough = counters.bytesSent + BYTES_PER_POLL;
    const last = this.#lastTouched;
    for (let tcb = this.#firstTouched; tcb !== undefined; tcb = this.#firstTouched) {
      this.#firstTouched = tcb.touchedNext;
      if (this.#firstTouched === undefined) this.#lastTouched = undefined;
      tcb.touchedNext = undefined;
      tcb.touched = false;
      if (tcb.state === "Closed") {
        if (tcb.closeReason === undefined) sendFirstSyn(tcb, now);
      } else output(tcb, now);
      if (tcb === last || counters.bytesSent >= enough) return;
    }
  }

  /** When `poll` next has something to do; `Infinity` if nothing is armed. */
  nextDeadline(): number {
    const { timeWait, wheel, now } = this.#services;
    if (this.#firstTouched !== undefined || timeWait.owes) return now;
    return Math.min(wheel.next, timeWait.deadline, this.#pressure.deadline);
  }

  /**
   * Listens on a port.
   *
   * @param options The port; our address if not all of them; congestion control if not the stack's.
   * @param accept Gets each connection once it is Established.
   * @throws {StackError} `"invalid"` or `"address-in-use"`.
   */
  listen(
    options: ListenAt,
    accept: (connection: Connection) => void,
  ): ListenHandle {
    const { port, address, congestion } = options;
    checkPort(port);
    checkCongestion(congestion);
    const { halfOpen } = this.#services;
    const listener = this.#listeners.add(port, address, congestion, accept, () => {
      for (const tcb of halfOpen) if (tcb.opening === listener) abort(tcb);
    });
    return listener;
  }

  /**
   * Begins to open a connection.
   *
   * @param options The remote end; our port if it matters; congestion control if not the stack's.
   * @param outcome Told what becomes of it.
   * @throws {StackError} `"invalid"`, `"no-route"`, `"address-in-use"` or `"ports-exhausted"`.
   */
  connect(
    options: ConnectTo,
    outcome: ConnectOutcome,
  ): ConnectAttempt {
    const { address, port } = options;
    const { ip, table } = this.#services;
    checkPort(port);
    checkCongestion(options.congestion);
    const route = ip.route(address);
    if (route === undefined) throw new StackError("no-route", `no route to ${address}`);
    let { localPort } = options;
    if (localPort === undefined) {
      localPort = this.#ports.choose(route, port, (port) => this.#listeners.has(port));
      if (localPort === 0) {
        throw new StackError("ports-exhausted", `no local port is free towards ${address}:${port}`);
      }
    } else {
      checkPort(localPort);
      if (table.get(route.local, localPort, address, port) !== undefined) {
        throw new StackError(
          "address-in-use",
          `port ${localPort} is in use for a connection to ${address}:${port}`,
        );
      }
    }
    const tcb = activeOpen(this.#services, outcome, route, localPort, port, options.congestion);
    return {
      cancel: () => {
        if (tcb.opening !== undefined) abort(tcb);
      },
    };
  }

  /** Stops listening and says goodbye on every connection; half-open ones are reset. */
  close(): void {
    this.#listeners.closeAll();
    for (const found of this.#services.table.values()) {
      if (found instanceof TimeWait) continue;
      const tcb = (found as Tcb | Resting).awake();
      if (tcb.opening !== undefined) abort(tcb);
      else close(tcb);
    }
  }

  /** Stops listening and resets every connection. */
  abort(): void {
    this.#listeners.closeAll();
    for (const found of this.#services.table.values()) {
      if (found instanceof TimeWait) forget(this.#services, found);
      else abort((found as Tcb | Resting).awake());
    }
  }

  /** Counts what there is. */
  census(): TcpCensus {
    const { table, halfOpen, orphans, timeWait, resting, wheel, pool } = this.#services;
    return {
      connections: table.size,
      halfOpen: halfOpen.size,
      orphans: orphans.size,
      timeWait: timeWait.size,
      resting,
      listeners: this.#listeners.size,
      timers: wheel.size,
      memory: pool.lent,
    };
  }

  /** A segment for a connection in the table. */
  #connected(tcb: Tcb, packet: IpPacket, segment: Segment, now: number): void {
    const { flags } = segment;
    if ((flags & (SYN | ACK | RST)) === SYN) {
      if (tcb.state === "Syn_rcvd") {
        if (synInSynRcvd(tcb, segment)) this.#unconnected(packet, segment, now);
        return;
      }
    }
    segmentArrives(tcb, segment, now);
    if (tcb.state === "Closed") return;
    if (tcb.state === "Time_wait") {
      enterTimeWait(tcb, now);
      return;
    }
    // The gate: whoever waits for Established is told now, after the whole segment.
    if (tcb.opening !== undefined) deliver(tcb);
    notify(tcb);
    this.#services.touch(tcb);
  }

  /** A segment for what is remembered of a connection. */
  #inTimeWait(memory: TimeWait, packet: IpPacket, segment: Segment, now: number): void {
    if ((segment.flags & (SYN | ACK | RST)) === SYN && isNewer(memory, segment)) {
      const listener = this.#listeners.find(packet, segment.destinationPort);
      if (listener !== undefined) {
        // A new connection takes the place of the old one (RFC 9293 section 3.10.7.4).
        forget(this.#services, memory);
        passiveOpen(this.#services, listener, packet, segment, now, memory.sndNxt);
        return;
      }
    }
    segmentInTimeWait(this.#services, memory, segment, now);
  }

  /** A segment for no connection (RFC 9293 sections 3.10.7.1 and 3.10.7.2). */
  #unconnected(packet: IpPacket, segment: Segment, now: number): void {
    const { flags } = segment;
    const listener = this.#listeners.find(packet, segment.destinationPort);
    if (listener !== undefined && (flags & (SYN | ACK | RST)) === SYN) {
      passiveOpen(this.#services, listener, packet, segment, now);
      return;
    }
    let rejected = false;
    if (listener !== undefined && (flags & (SYN | ACK | RST)) === ACK) {
      const { cookies } = this.#services;
      if (cookies.mayArrive(now)) {
        const kept = cookies.open(endsOf(packet, segment), segment, now);
        if (kept !== undefined) {
          const tcb = openByCookie(this.#services, listener, packet, segment, kept, now);
          if (tcb !== undefined) this.#connected(tcb, packet, segment, now);
          return;
        }
        rejected = true;
      }
    }
    if (this.#handedOver(packet, segment.destinationPort)) return;
    if (rejected) this.counters.synCookiesRejected++;
    this.counters.droppedNoConnection++;
    if ((flags & RST) !== 0) return;
    // LISTEN drops what has neither ACK nor SYN; CLOSED answers it with RST.
    if (listener === undefined || (flags & ACK) !== 0) refuse(this.#services, packet, segment);
  }

  /** Whether a packet that concerns no connection here is now another stack's, or lost. */
  #handedOver(packet: IpPacket, localPort: number): boolean {
    switch (this.#sharing?.handOver(packet, localPort)) {
      case "taken":
        this.counters.handedOver++;
        return true;
      case "full":
        this.counters.droppedHandOver++;
        return true;
    }
    return false;
  }
}

/** Where a segment comes from and goes to, as seen from here. */
function endsOf(packet: IpPacket, segment: Segment): Ends {
  return {
    localAddress: packet.destination,
    localPort: segment.destinationPort,
    remoteAddress: packet.source,
    remotePort: segment.sourcePort,
  };
}

function checkPort(port: number): void {
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new StackError("invalid", `port ${port}: expected a whole number from 1 to 65535`);
  }
}

/** The checksum over pseudo-header and segment (RFC 9293 section 3.1). */
function checksumHolds(packet: IpPacket): boolean {
  const { bytes, sourceOffset, version, payloadOffset, payloadLength } = packet;
  const addresses = sum(bytes, sourceOffset, version === 4 ? 8 : 32, 0);
  const pseudo = addresses + PROTOCOL_TCP + payloadLength;
  return fold(sum(bytes, payloadOffset, payloadLength, pseudo)) === 0;
}
