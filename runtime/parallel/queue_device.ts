import { Prefix } from "../../stack/ip/address.ts";
import type { IpPacket } from "../../stack/ip/packet.ts";
import type { LinkCapabilities } from "../../stack/link.ts";
import type { HandOver, Sharing } from "../../stack/sharing.ts";
import { portOwner } from "../../stack/tcp/ports.ts";
import * as arp from "../../stack/wire/arp.ts";
import { read16, write16 } from "../../stack/wire/bytes.ts";
import * as ethernet from "../../stack/wire/ethernet.ts";
import { Frame } from "../../stack/wire/frame.ts";
import { isMac, parseMac } from "../../stack/wire/mac.ts";
import type { InterfaceConfig } from "../config/config.ts";
import type { Device } from "../device/device.ts";
import type { Mailbox } from "./mailbox.ts";
import { ALL_ASKED, nextToAsk } from "./strays.ts";

/** Room for any frame. */
const LARGEST_FRAME = 65_536 + 64;

/** What a {@link QueueDevice} works with. */
export interface QueueDeviceOptions {
  /** The queue itself. */
  readonly queue: Device;
  /** The interface. */
  readonly config: InterfaceConfig;
  /** Which of the Workers this is. */
  readonly index: number;
  /** The mailboxes of all of them, its own among them. */
  readonly mailboxes: readonly Mailbox[];
  /** Who of them serves now, as bits. */
  serving(): number;
  /** Tells a Worker to look into its mailbox. */
  wake(index: number): void;
  /** Called for each frame. */
  busy(): void;
}

/**
 * One queue of a device that others share, as the device of a stack of its own.
 *
 * Which queue a frame comes on is not always that of the stack that it is for: the kernel's hash
 * knows nothing of connections, and remembers for 3 seconds only where a flow was written to. So
 * frames that no connection here is meant by are handed to the others, and those of the others are
 * received here. ARP packets are told to all: anyone may have asked.
 */
export class QueueDevice implements Device, Sharing {
  readonly index: number;
  readonly count: number;
  readonly name: string;
  readonly capabilities: LinkCapabilities;
  readonly #options: QueueDeviceOptions;
  readonly #queue: Device;
  readonly #mac: Uint8Array;
  readonly #addresses: readonly Prefix[];
  readonly #mailbox: Mailbox;
  readonly #buffer = new Uint8Array(LARGEST_FRAME);
  /** The frame that was received last, and who had looked at it before. */
  #frame = new Frame();
  #asked = 0;
  #wasHanded = false;

  /** @param options What it works with; the queue is closed when this is. */
  constructor(options: QueueDeviceOptions) {
    const { queue, config, index, mailboxes } = options;
    this.index = index;
    this.count = mailboxes.length;
    this.name = queue.name;
    this.capabilities = queue.capabilities;
    this.#options = options;
    this.#queue = queue;
    this.#mailbox = mailboxes[index]!;
    this.#mac = parseMac(config.mac)!;
    this.#addresses = config.addresses.map((text) => Prefix.parse(text)!);
  }

  receive(frame: Frame, now: number): boolean {
    this.#frame = frame;
    // In turns, so that neither keeps the other waiting.
    const received = this.#wasHanded
      ? this.#receiveOwn(frame, now) || this.#receiveHanded(frame)
      : this.#receiveHanded(frame) || this.#receiveOwn(frame, now);
    if (received) this.#options.busy();
    return received;
  }

  transmit(frame: Frame, now: number): boolean {
    this.#options.busy();
    return this.#queue.transmit(frame, now);
  }

  handOver(packet: IpPacket, localPort: number): HandOver {
    if (this.#isOwn(packet)) return "unwanted";
    const asked = this.#asked | 1 << this.index;
    const next = nextToAsk(asked, this.#options.serving(), portOwner(localPort, this.count));
    if (next < 0) return "unwanted";
    // The Ethernet header is that of the frame; the packet may have been put together of several.
    const { bytes, offset } = this.#frame;
    const header = bytes.subarray(offset, offset + ethernet.HEADER_LENGTH);
    const { headerOffset, payloadOffset, payloadLength, segmentSize } = packet;
    const whole = packet.bytes.subarray(headerOffset, payloadOffset + payloadLength);
    return this.#send(next, header, whole, segmentSize, asked) ? "taken" : "full";
  }

  nextDeadline(): number {
    return this.#queue.nextDeadline();
  }

  wait(timeout: number): Promise<void> {
    return this.#queue.wait(timeout);
  }

  wake(): void {
    this.#queue.wake();
  }

  close(): Promise<void> {
    return this.#queue.close();
  }

  /** As `close`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #receiveOwn(frame: Frame, now: number): boolean {
    this.#wasHanded = false;
    if (!this.#queue.receive(frame, now)) return false;
    this.#asked = 0;
    if (read16(frame.bytes, frame.offset + ethernet.TYPE) === ethernet.TYPE_ARP) {
      this.#tellNeighbor(frame);
    }
    return true;
  }

  #receiveHanded(frame: Frame): boolean {
    if (this.#mailbox.isEmpty) return false;
    this.#wasHanded = true;
    this.#asked = this.#mailbox.take(frame, this.#buffer);
    frame.checksum = "verified"; // by whom it comes from
    return true;
  }

  /** Tells the others what an ARP packet says of its sender, unless that is us or claims to be. */
  #tellNeighbor({ bytes, offset, length }: Frame): void {
    const at = offset + ethernet.HEADER_LENGTH;
    if (!arp.isValid(bytes, at, length - ethernet.HEADER_LENGTH)) return;
    if (isMac(bytes, at + arp.SENDER_MAC, this.#mac)) return;
    if (this.#addresses.some(({ address }) => address.matches(bytes, at + arp.SENDER_IP))) return;
    // As a reply, which nobody answers. Who has no room for it asks by itself.
    const packet = bytes.slice(at, at + arp.LENGTH);
    write16(packet, arp.OPERATION, arp.REPLY);
    const header = bytes.subarray(offset, at);
    const others = this.#options.serving() & ~(1 << this.index);
    for (let index = 0; index < this.count; index++) {
      if ((others >>> index & 1) === 1) this.#send(index, header, packet, 0, ALL_ASKED);
    }
  }

  #send(
    index: number,
    header: Uint8Array,
    packet: Uint8Array,
    segmentSize: number,
    asked: number,
  ): boolean {
    const mailbox = this.#options.mailboxes[index]!;
    if (!mailbox.put(this.index, header, packet, segmentSize, asked)) return false;
    this.#options.wake(index);
    return true;
  }

  /** Whether a packet comes from ourselves: no other stack would take it. */
  #isOwn({ bytes, sourceOffset, version }: IpPacket): boolean {
    return this.#addresses.some(({ address }) =>
      address.version === version && address.matches(bytes, sourceOffset)
    );
  }
}
