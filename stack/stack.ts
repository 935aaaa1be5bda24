import { ArpCounters, IcmpCounters, Ipv4Counters, LinkCounters, UdpCounters } from "./counters.ts";
import type { Counters } from "./counters.ts";
import { StackError } from "./error.ts";
import { Icmp } from "./icmp/icmp.ts";
import { type Arrival, Ipv4Input } from "./ip/ipv4_input.ts";
import { Ipv4Output } from "./ip/ipv4_output.ts";
import type { LocalAddresses } from "./ip/local_addresses.ts";
import { LinkOutput } from "./link_output.ts";
import { Announcer } from "./neighbor/announcer.ts";
import { ArpInput } from "./neighbor/arp_input.ts";
import { ArpOutput } from "./neighbor/arp_output.ts";
import { Resolver } from "./neighbor/resolver.ts";
import type { StackNotice } from "./notice.ts";
import { checkOptions, type StackOptions } from "./stack_options.ts";
import type {
  ConnectAttempt,
  Connection,
  ConnectOutcome,
  ConnectTo,
  ListenAt,
  ListenHandle,
} from "./tcp/api.ts";
import { Tcp, type TcpCensus } from "./tcp/tcp.ts";
import { Udp } from "./udp/udp.ts";
import { read16 } from "./wire/bytes.ts";
import * as ethernet from "./wire/ethernet.ts";
import type { Frame } from "./wire/frame.ts";
import { BROADCAST, isGroupMac, isMac, isZeroMac } from "./wire/mac.ts";
import { PROTOCOL_ICMP, PROTOCOL_TCP, PROTOCOL_UDP } from "./wire/protocol.ts";

export type { Counters } from "./counters.ts";
export type { StackNotice } from "./notice.ts";
export type { StackOptions } from "./stack_options.ts";

/**
 * A TCP/IP stack on one interface: a state machine that is driven from outside. It has no clock, no
 * timers and no randomness of its own, and calls nothing but the link and the callbacks it is given.
 *
 * Times are milliseconds of a clock that never goes back, fractions allowed. A driver gives it each
 * frame, and polls it after each batch and when its deadline has come:
 *
 * ```ts ignore
 * while (device.receive(frame, now)) stack.receive(frame, now);
 * if (stack.nextDeadline() <= now) stack.poll(now);
 * ```
 */
export class Stack {
  /** What has been counted, layer by layer. */
  readonly counters: Counters;
  readonly #mac: Uint8Array;
  readonly #local: LocalAddresses;
  readonly #linkCounters = new LinkCounters();
  readonly #ipv4Counters = new Ipv4Counters();
  readonly #announcer: Announcer;
  readonly #announces: boolean;
  readonly #arpInput: ArpInput;
  readonly #resolver: Resolver;
  readonly #output: Ipv4Output;
  readonly #input: Ipv4Input;
  readonly #icmp: Icmp;
  readonly #udp: Udp;
  readonly #tcp: Tcp;
  /** `receive` or `poll` is at work: whatever is left to do, its caller polls anyway. */
  #driven = false;

  /**
   * Makes a stack; it says nothing on the link before {@link start}.
   *
   * @param options What it is made with.
   * @throws {StackError} `"invalid"` if an option makes no sense.
   */
  constructor(options: StackOptions) {
    const { mac, local, gateway } = checkOptions(options);
    const { random, trace, wake, now = 0 } = options;
    const { capabilities } = options.link;
    const notice = (notice: StackNotice) => options.notice?.(notice);
    const pending = () => {
      if (!this.#driven) wake?.();
    };
    const arp = new ArpCounters();
    const icmp = new IcmpCounters();
    const udp = new UdpCounters();
    const link = new LinkOutput(options.link, this.#linkCounters);
    this.#mac = mac;
    this.#local = local;
    const arpOutput = new ArpOutput(link, mac, local, arp);
    this.#announcer = new Announcer(arpOutput, local);
    this.#announces = (options.sharing?.index ?? 0) === 0;
    this.#resolver = new Resolver({
      link,
      arp: arpOutput,
      local,
      counters: arp,
      notice,
      undeliverable: (frame, now) => this.#icmp.hostUnreachable(frame, now),
    });
    this.#arpInput = new ArpInput(mac, local, this.#resolver, arpOutput, arp, notice);
    this.#output = new Ipv4Output({
      capabilities,
      resolver: this.#resolver,
      mac,
      local,
      gateway,
      random,
      counters: this.#ipv4Counters,
      pending,
    });
    this.#output.now = now;
    this.#tcp = new Tcp({
      ip: this.#output,
      random,
      now,
      clock: options.clock,
      options: options.tcp,
      trace,
      observe: options.observe,
      notice,
      pending,
      sharing: options.sharing,
    });
    this.#icmp = new Icmp(this.#output, local, this.#tcp, icmp);
    this.#udp = new Udp(this.#icmp, udp);
    this.#input = new Ipv4Input(
      local,
      this.#ipv4Counters,
      (packet, now) => this.#icmp.timeExceeded(packet, now),
    );
    this.counters = {
      link: this.#linkCounters,
      arp,
      ipv4: this.#ipv4Counters,
      icmp,
      udp,
      tcp: this.#tcp.counters,
    };
  }

  /** Announces our addresses on the link, and asks whether they are anybody else's (RFC 5227). */
  start(now: number): void {
    this.#output.now = now;
    if (this.#announces) this.#announcer.start(now);
  }

  /**
   * Takes in one frame. Segments that need no delay (SYN-ACK, RST) and the answers of ARP and ICMP
   * leave at once; data and its acknowledgments are left for {@link poll}.
   *
   * @param frame The frame; lent until the call returns.
   * @param now Time in milliseconds.
   */
  receive(frame: Frame, now: number): void {
    this.#output.now = now;
    this.#driven = true;
    try {
      this.#receiveFrame(frame, now);
    } finally {
      this.#driven = false;
    }
  }

  /** Does what is due: call it after each batch of frames, and when the deadline has come. */
  poll(now: number): void {
    this.#output.now = now;
    this.#driven = true;
    try {
      this.#input.poll(now);
      this.#resolver.poll(now);
      this.#announcer.poll(now);
      if (this.#output.hasLooped) {
        for (const frame of this.#output.takeLooped()) this.#receiveIpv4(frame, "loopback", now);
      }
      this.#tcp.poll(now);
    } finally {
      this.#driven = false;
    }
  }

  /**
   * When {@link poll} next has something to do: at most the present time if at once, `Infinity` if
   * nothing is armed.
   */
  nextDeadline(): number {
    if (this.#output.hasLooped) return this.#output.now;
    return Math.min(
      this.#tcp.nextDeadline(),
      this.#resolver.nextDeadline(),
      this.#announcer.nextDeadline(),
      this.#input.nextDeadline(),
    );
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
    const { address } = options;
    if (address !== undefined && (address.version !== 4 || !this.#local.isOwn(address.word3))) {
      throw new StackError(
        "invalid",
        `cannot listen on ${address}: expected an address of ours ` +
          `(${this.#local.prefixes.map((prefix) => prefix.address).join(", ")})`,
      );
    }
    return this.#tcp.listen(options, accept);
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
    return this.#tcp.connect(options, outcome);
  }

  /** Stops listening and says goodbye on every connection; new ones are refused. */
  close(): void {
    this.#tcp.close();
  }

  /** Stops listening and resets every connection. */
  abort(): void {
    this.#tcp.abort();
  }

  /** Counts what there is; takes time in proportion to the number of connections. */
  census(): TcpCensus {
    return this.#tcp.census();
  }

  #receiveFrame(frame: Frame, now: number): void {
    const { bytes, offset, length } = frame;
    const counters = this.#linkCounters;
    counters.framesReceived++;
    counters.bytesReceived += length;
    if (length < ethernet.HEADER_LENGTH) {
      counters.droppedShort++;
      return;
    }
    const destination = offset + ethernet.DESTINATION;
    let arrival: Arrival;
    if (isMac(bytes, destination, this.#mac)) arrival = "unicast";
    else if (isMac(bytes, destination, BROADCAST)) arrival = "broadcast";
    else {
      if (isGroupMac(bytes, destination)) counters.droppedMulticast++;
      else counters.droppedNotForUs++;
      return;
    }
    const source = offset + ethernet.SOURCE;
    if (isGroupMac(bytes, source) || isZeroMac(bytes, source)) {
      counters.droppedBadSource++;
      return;
    }
    const payload = offset + ethernet.HEADER_LENGTH;
    switch (read16(bytes, offset + ethernet.TYPE)) {
      case ethernet.TYPE_IPV4:
        this.#receiveIpv4(frame, arrival, now);
        return;
      case ethernet.TYPE_ARP:
        this.#arpInput.receive(bytes, payload, length - ethernet.HEADER_LENGTH, now);
        return;
    }
    counters.droppedUnknownType++;
  }

  #receiveIpv4(frame: Frame, arrival: Arrival, now: number): void {
    const packet = this.#input.receive(frame, arrival, now);
    if (packet === undefined) return;
    switch (packet.protocol) {
      case PROTOCOL_TCP:
        this.#tcp.receive(packet, now);
        return;
      case PROTOCOL_ICMP:
        this.#icmp.receive(packet, now);
        return;
      case PROTOCOL_UDP:
        this.#udp.receive(packet, now);
        return;
    }
    this.#ipv4Counters.droppedUnknownProtocol++;
    this.#icmp.protocolUnreachable(packet, now);
  }
}
