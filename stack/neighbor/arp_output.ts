import type { ArpCounters } from "../counters.ts";
import type { IpAddress } from "../ip/address.ts";
import type { LocalAddresses } from "../ip/local_addresses.ts";
import type { LinkOutput } from "../link_output.ts";
import * as arp from "../wire/arp.ts";
import * as ethernet from "../wire/ethernet.ts";
import { Frame } from "../wire/frame.ts";
import { BROADCAST, MAC_LENGTH } from "../wire/mac.ts";

const NOBODY = new Uint8Array(MAC_LENGTH);

/** Sends ARP packets. */
export class ArpOutput {
  readonly #link: LinkOutput;
  readonly #mac: Uint8Array;
  readonly #local: LocalAddresses;
  readonly #counters: ArpCounters;
  readonly #frame = new Frame(new Uint8Array(ethernet.HEADER_LENGTH + arp.LENGTH));

  /**
   * @param link Where frames leave.
   * @param mac Our MAC address.
   * @param local Our Internet addresses.
   * @param counters What is counted.
   */
  constructor(link: LinkOutput, mac: Uint8Array, local: LocalAddresses, counters: ArpCounters) {
    this.#link = link;
    this.#mac = mac;
    this.#local = local;
    this.#counters = counters;
  }

  /**
   * Asks who has an address.
   *
   * @param target The address.
   * @param to Whom to ask; everybody when omitted.
   */
  request(target: IpAddress, to: Uint8Array | undefined, now: number): void {
    const own = (this.#local.onLink(target) ?? this.#local.prefixes[0]!).address;
    this.#counters.requestsSent++;
    this.#send(arp.REQUEST, to ?? BROADCAST, own.word3, NOBODY, target.word3, now);
  }

  /**
   * Tells one station our MAC address.
   *
   * @param own Our address that it asked for, as 32 bits.
   * @param to Its MAC address.
   * @param target Its Internet address, as 32 bits.
   */
  reply(own: number, to: Uint8Array, target: number, now: number): void {
    this.#counters.repliesSent++;
    this.#send(arp.REPLY, to, own, to, target, now);
  }

  /**
   * Asks whether anybody has our address, in nobody's name: only so does a host that has it too
   * answer (RFC 5227 section 2.1.1).
   */
  probe(own: IpAddress, now: number): void {
    this.#counters.probesSent++;
    this.#send(arp.REQUEST, BROADCAST, 0, NOBODY, own.word3, now);
  }

  /** Tells every station our MAC address (RFC 5227 section 2.3). */
  announce(own: IpAddress, now: number): void {
    this.#counters.announcementsSent++;
    this.#send(arp.REQUEST, BROADCAST, own.word3, NOBODY, own.word3, now);
  }

  #send(
    operation: number,
    to: Uint8Array,
    own: number,
    targetMac: Uint8Array,
    target: number,
    now: number,
  ): void {
    const { bytes } = this.#frame;
    ethernet.emit(bytes, 0, to, this.#mac, ethernet.TYPE_ARP);
    arp.emit(bytes, ethernet.HEADER_LENGTH, operation, this.#mac, own, targetMac, target);
    this.#link.transmit(this.#frame, now);
  }
}
