import type { Dice } from "../simulation/dice.ts";
import { checksum } from "../simulation/wire_check.ts";

const ETHERNET = 14;
const LARGEST = 1_600;

/** Distances at, around, near and far from the edges that matter. */
function distance(dice: Dice): number {
  switch (dice.whole(0, 5)) {
    case 0:
      return 0;
    case 1:
      return dice.whole(-2, 2);
    case 2:
      return dice.whole(-1_500, 1_500);
    case 3:
      return dice.one(65_535, 65_536, -65_536, 262_144, -262_144, 1 << 30, -(2 ** 31));
    case 4:
      return dice.whole(-300_000, 300_000);
    default:
      return dice.whole(-(2 ** 31), 2 ** 31 - 1);
  }
}

/**
 * Makes hostile frames out of those of a live connection, field by field, and out of nothing. The
 * frame is built in a buffer of its own, which is used again for the next one.
 */
export class Mutation {
  /** The frame. */
  readonly bytes = new Uint8Array(LARGEST);
  readonly #view = new DataView(this.bytes.buffer);
  readonly #dice: Dice;

  /** @param dice Decides everything. */
  constructor(dice: Dice) {
    this.#dice = dice;
  }

  /** A frame like another, but for one to four things; returns its length. */
  of(original: Uint8Array): number {
    const dice = this.#dice;
    let length = Math.min(original.length, LARGEST);
    this.bytes.set(original.subarray(0, length));
    if (length < ETHERNET + 40 || this.bytes[12] !== 8 || this.bytes[13] !== 0) {
      return this.#flipBytes(length);
    }
    if (this.bytes[ETHERNET + 9] !== 6) return this.#flipBytes(length);
    for (let changes = dice.whole(1, 4); changes > 0; changes--) {
      length = dice.chance(0.06) ? this.#changeIp(length) : this.#changeTcp(length);
    }
    if (!dice.chance(0.03)) this.#mend(length);
    return length;
  }

  /** Random bytes, or nearly so; returns the length. */
  ofNothing(mac: Uint8Array, own: Uint8Array, peer: Uint8Array): number {
    const dice = this.#dice;
    const length = dice.one(dice.whole(0, 60), dice.whole(14, 120), dice.whole(60, 1_514));
    for (let i = 0; i < length; i++) this.bytes[i] = dice.whole(0, 255);
    if (dice.chance(0.1)) return length;
    this.bytes.set(dice.chance(0.9) ? mac : [255, 255, 255, 255, 255, 255], 0);
    this.bytes[6]! &= 0xfe;
    const type = dice.whole(0, 9);
    if (type === 0) return length;
    this.bytes[12] = 8;
    this.bytes[13] = type < 3 ? 6 : 0;
    if (type < 3) return this.#arp(own, peer);
    if (length < ETHERNET + 28) return length;
    this.bytes[ETHERNET] = dice.chance(0.9) ? 0x45 : dice.whole(0x40, 0x4f);
    this.#view.setUint16(ETHERNET + 2, length - ETHERNET);
    if (dice.chance(0.7)) this.#view.setUint16(ETHERNET + 6, 0);
    this.bytes[ETHERNET + 9] = dice.one(1, 6, 6, 17, 2);
    this.bytes.set(peer, ETHERNET + 12);
    if (dice.chance(0.2)) this.bytes[ETHERNET + 15] = dice.whole(0, 255);
    this.bytes.set(own, ETHERNET + 16);
    this.#mend(length);
    return length;
  }

  /** An ICMP error about a packet that the receiver has sent; returns its length. */
  icmpAbout(original: Uint8Array): number {
    const dice = this.#dice;
    const quoted = original.subarray(ETHERNET, ETHERNET + dice.one(28, 28, 48, dice.whole(0, 60)));
    const length = ETHERNET + 28 + quoted.length;
    this.bytes.set(original.subarray(6, 12), 0);
    this.bytes.set(original.subarray(0, 6), 6);
    this.bytes.set([8, 0, 0x45, 0], 12);
    this.#view.setUint16(ETHERNET + 2, length - ETHERNET);
    this.bytes.set([0, dice.whole(0, 255), 0, 0, 64, 1], ETHERNET + 4);
    this.bytes.set(original.subarray(ETHERNET + 16, ETHERNET + 20), ETHERNET + 12);
    this.bytes.set(original.subarray(ETHERNET + 12, ETHERNET + 16), ETHERNET + 16);
    const icmp = ETHERNET + 20;
    this.bytes[icmp] = dice.one(3, 3, 3, 11, 12, 4, 5, dice.whole(0, 255));
    this.bytes[icmp + 1] = dice.one(0, 1, 2, 3, 4, 4, 4, 13, dice.whole(0, 255));
    this.#view.setUint32(
      icmp + 4,
      dice.one(0, 68, 552, 576, 577, 600, 1_000, 1_499, 1_500, dice.whole(0, 65_535)),
    );
    this.bytes.set(quoted, icmp + 8);
    if (dice.chance(0.3) && quoted.length >= 28) {
      const seq = icmp + 8 + 24;
      this.#view.setInt32(seq, (this.#view.getInt32(seq) + distance(dice)) | 0);
    }
    this.#mend(length);
    return length;
  }

  /** A fragment of a packet; returns its length. */
  fragmentOf(original: Uint8Array): number {
    const dice = this.#dice;
    const payload = original.length - ETHERNET - 20;
    const from = Math.min(dice.whole(0, Math.max(payload >> 3, 0)) * 8, payload);
    const size = Math.min(dice.chance(0.8) ? dice.whole(1, 8) * 8 : dice.whole(0, 200), payload);
    const end = Math.min(from + size, payload);
    this.bytes.set(original.subarray(0, ETHERNET + 20));
    this.bytes.set(original.subarray(ETHERNET + 20 + from, ETHERNET + 20 + end), ETHERNET + 20);
    const length = ETHERNET + 20 + end - from;
    const more = end < payload || dice.chance(0.1) ? 0x2000 : 0;
    const offset = dice.chance(0.95) ? from >> 3 : dice.whole(0, 0x1fff);
    this.#view.setUint16(ETHERNET + 2, length - ETHERNET);
    this.#view.setUint16(ETHERNET + 4, dice.whole(0, 200));
    this.#view.setUint16(ETHERNET + 6, more | offset);
    this.#mendIp();
    return length;
  }

  #arp(own: Uint8Array, peer: Uint8Array): number {
    const dice = this.#dice;
    this.bytes.set([0, 1, 8, 0, 6, 4, 0, dice.whole(1, 2)], ETHERNET);
    if (dice.chance(0.1)) this.bytes[ETHERNET + dice.whole(0, 7)] = dice.whole(0, 255);
    if (dice.chance(0.5)) this.bytes.set(this.bytes.subarray(6, 12), ETHERNET + 8);
    // The peer's own entry stays: what would be left to look at if nobody could be reached?
    this.bytes.set(peer, ETHERNET + 14);
    this.bytes[ETHERNET + 17] = dice.whole(3, 255);
    this.bytes.set(own, ETHERNET + 24);
    return ETHERNET + dice.one(28, 46, dice.whole(0, 46));
  }

  #changeIp(length: number): number {
    const dice = this.#dice;
    const at = ETHERNET;
    switch (dice.whole(0, 8)) {
      case 0:
        this.bytes[at] = dice.whole(0, 255);
        break;
      case 1:
        this.#view.setUint16(at + 2, dice.one(dice.whole(0, 65_535), length - dice.whole(0, 60)));
        break;
      case 2:
        this.#view.setUint16(at + 6, dice.whole(0, 65_535));
        break;
      case 3:
        this.bytes[at + 8] = dice.one(0, 1, 255);
        break;
      case 4:
        this.bytes[at + 9] = dice.one(1, 17, 6, dice.whole(0, 255));
        break;
      case 5:
        this.bytes[at + 15] = dice.whole(0, 255);
        break;
      case 6:
        this.bytes[at + 19] = dice.one(255, 0, dice.whole(0, 255));
        break;
      case 7:
        this.bytes[at + 1] = dice.whole(0, 255);
        break;
      default:
        return Math.max(dice.whole(0, length), 1);
    }
    return length;
  }

  #changeTcp(length: number): number {
    const dice = this.#dice;
    const tcp = ETHERNET + 20;
    switch (dice.whole(0, 13)) {
      case 0:
      case 1:
        this.bytes[tcp + 13] = dice.chance(0.5)
          ? dice.whole(0, 255)
          : dice.one(16, 2, 18, 4, 20, 1, 17, 24, 3);
        break;
      case 2:
      case 3:
      case 4:
        this.#view.setInt32(tcp + 4, (this.#view.getInt32(tcp + 4) + distance(dice)) | 0);
        break;
      case 5:
      case 6:
        this.#view.setInt32(tcp + 8, (this.#view.getInt32(tcp + 8) + distance(dice)) | 0);
        break;
      case 7:
        this.#view.setUint16(tcp + 14, dice.one(0, 1, 2, 500, 65_535, dice.whole(0, 65_535)));
        break;
      case 8:
        this.#view.setUint16(tcp + 18, dice.whole(0, 65_535));
        break;
      case 9:
        this.#view.setUint16(tcp + dice.one(0, 2), dice.one(80, dice.whole(0, 65_535)));
        break;
      case 10:
        this.bytes[tcp + 12] = dice.whole(0, 255);
        break;
      case 11: {
        // Other text, more or less of it.
        const header = (this.bytes[tcp + 12]! >> 4) * 4;
        const size = dice.one(0, 1, 2, dice.whole(0, 1_460));
        return this.#sized(Math.min(tcp + header + size, 1_514));
      }
      default:
        return this.#changeOptions(length);
    }
    return length;
  }

  /** New options, and the old text behind them as far as there is any. */
  #changeOptions(length: number): number {
    const dice = this.#dice;
    const tcp = ETHERNET + 20;
    const before = (this.bytes[tcp + 12]! >> 4) * 4;
    if (before < 20 || tcp + before > length) return length;
    const text = this.bytes.slice(tcp + before, length);
    let at = tcp + 20;
    const end = at + dice.whole(0, 10) * 4;
    while (at < end) {
      const left = end - at;
      const kind = dice.one(0, 1, 2, 3, 4, 5, 5, 5, 8, 8, dice.whole(0, 255));
      const right = { 2: 4, 3: 3, 4: 2, 5: 2 + 8 * dice.whole(1, 4), 8: 10 }[kind] ??
        dice.whole(0, 40);
      const size = dice.chance(0.9) ? right : dice.whole(0, 255);
      this.bytes[at] = kind;
      if (kind < 2 || left < 2) {
        at++;
        continue;
      }
      this.bytes[at + 1] = size;
      if (kind === 5) this.#sackBlocks(at + 2, Math.min(at + size, end), tcp);
      else {for (let i = at + 2; i < Math.min(at + size, end); i++) {
          this.bytes[i] = dice.whole(0, 255);
        }}
      at += Math.max(size, 1);
    }
    this.bytes[tcp + 12] = (end - tcp) << 2;
    const size = Math.min(text.length, LARGEST - end);
    this.bytes.set(text.subarray(0, size), end);
    return this.#sized(end + size);
  }

  /** Blocks around what is acknowledged. */
  #sackBlocks(from: number, to: number, tcp: number): void {
    const dice = this.#dice;
    const ack = this.#view.getInt32(tcp + 8);
    for (let at = from; at + 8 <= to; at += 8) {
      const start = (ack + distance(dice)) | 0;
      this.#view.setInt32(at, start);
      this.#view.setInt32(at + 4, (start + dice.one(1, 100, 1_460, distance(dice))) | 0);
    }
  }

  #sized(length: number): number {
    this.#view.setUint16(ETHERNET + 2, length - ETHERNET);
    return length;
  }

  #flipBytes(length: number): number {
    for (let i = this.#dice.whole(1, 4); i > 0; i--) {
      this.bytes[this.#dice.whole(12, length - 1)] = this.#dice.whole(0, 255);
    }
    return length;
  }

  #mendIp(): void {
    this.#view.setUint16(ETHERNET + 10, 0);
    const words = Math.max((this.bytes[ETHERNET]! & 15) * 4, 20);
    this.#view.setUint16(ETHERNET + 10, 0xffff - checksum(this.bytes, ETHERNET, words, 0));
  }

  /** Right checksums, so that the frame gets deeper than to the first look. */
  #mend(length: number): void {
    this.#mendIp();
    const protocol = this.bytes[ETHERNET + 9]!;
    const at = ETHERNET + Math.max((this.bytes[ETHERNET]! & 15) * 4, 20);
    const size = Math.min(this.#view.getUint16(ETHERNET + 2), length - ETHERNET) - (at - ETHERNET);
    const field = protocol === 6 ? 16 : protocol === 17 ? 6 : protocol === 1 ? 2 : -1;
    if (field < 0 || size < field + 2) return;
    const pseudo = protocol === 1 ? 0 : checksum(this.bytes, ETHERNET + 12, 8, protocol + size);
    this.#view.setUint16(at + field, 0);
    this.#view.setUint16(at + field, 0xffff - checksum(this.bytes, at, size, pseudo));
  }
}
