import { read32, write32 } from "../wire/bytes.ts";

/** Version of the Internet Protocol that an address belongs to. */
export type IpVersion = 4 | 6;

/**
 * An Internet address: an immutable value of 128 bits. An IPv4 address is held as its IPv4-mapped
 * form `::ffff:a.b.c.d` (RFC 4291 section 2.5.5.2), so that nothing above the IP layer depends on
 * the width of an address.
 */
export class IpAddress {
  /** Bits 0 to 31, as a signed 32-bit integer; likewise the other three words. */
  readonly word0: number;
  /** Bits 32 to 63. */
  readonly word1: number;
  /** Bits 64 to 95; `0xffff` for an IPv4 address. */
  readonly word2: number;
  /** Bits 96 to 127: the whole of an IPv4 address. */
  readonly word3: number;
  /** 4 or 6. */
  readonly version: IpVersion;

  private constructor(version: IpVersion, w0: number, w1: number, w2: number, w3: number) {
    this.version = version;
    this.word0 = w0 | 0;
    this.word1 = w1 | 0;
    this.word2 = w2 | 0;
    this.word3 = w3 | 0;
  }

  /** An IPv4 address from its 32 bits, signed or unsigned. */
  static v4(bits: number): IpAddress {
    return new IpAddress(4, 0, 0, 0xffff, bits);
  }

  /**
   * Reads an address in network byte order.
   *
   * @param bytes Where it lies; `bytes.length >= offset + (version === 4 ? 4 : 16)`.
   * @param offset Index of its first byte.
   * @param version 4 for four bytes, 6 for sixteen.
   */
  static read(bytes: Uint8Array, offset: number, version: IpVersion): IpAddress {
    return version === 4 ? IpAddress.v4(read32(bytes, offset)) : new IpAddress(
      6,
      read32(bytes, offset),
      read32(bytes, offset + 4),
      read32(bytes, offset + 8),
      read32(bytes, offset + 12),
    );
  }

  /**
   * Parses a dotted-decimal IPv4 address.
   *
   * @returns The address, or `undefined` if the text is none: four decimal numbers from 0 to 255
   *   without leading zeros.
   */
  static parse(text: string): IpAddress | undefined {
    const parts = text.split(".");
    if (parts.length !== 4) return undefined;
    let bits = 0;
    for (const part of parts) {
      if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
      bits = (bits << 8) | Number(part);
    }
    return IpAddress.v4(bits);
  }

  /** Length on the wire in bytes: 4 or 16. */
  get length(): 4 | 16 {
    return this.version === 4 ? 4 : 16;
  }

  /** Whether both are the same address. */
  equals(other: IpAddress): boolean {
    return this === other ||
      this.word3 === other.word3 && this.word2 === other.word2 && this.word1 === other.word1 &&
        this.word0 === other.word0;
  }

  /** Whether the address equals the one at `bytes[offset]`, of the same version. */
  matches(bytes: Uint8Array, offset: number): boolean {
    if (this.version === 4) return this.word3 === read32(bytes, offset);
    return this.word0 === read32(bytes, offset) && this.word1 === read32(bytes, offset + 4) &&
      this.word2 === read32(bytes, offset + 8) && this.word3 === read32(bytes, offset + 12);
  }

  /** Writes the address in network byte order, 4 or 16 bytes. */
  write(bytes: Uint8Array, offset: number): void {
    if (this.version === 6) {
      write32(bytes, offset, this.word0);
      write32(bytes, offset + 4, this.word1);
      write32(bytes, offset + 8, this.word2);
      offset += 12;
    }
    write32(bytes, offset, this.word3);
  }

  /** The address's 16-bit words added up, for a pseudo-header checksum (RFC 9293 section 3.1). */
  get sum(): number {
    const low = (this.word3 >>> 16) + (this.word3 & 0xffff);
    if (this.version === 4) return low;
    return low + (this.word0 >>> 16) + (this.word0 & 0xffff) + (this.word1 >>> 16) +
      (this.word1 & 0xffff) + (this.word2 >>> 16) + (this.word2 & 0xffff);
  }

  /** `0.0.0.0` or `::`. */
  get isUnspecified(): boolean {
    return this.word3 === 0 && this.word0 === 0 && this.word1 === 0 &&
      (this.version === 4 || this.word2 === 0);
  }

  /** Dotted decimal, or eight groups in hexadecimal (no zero compression yet). */
  toString(): string {
    if (this.version === 4) {
      const w = this.word3;
      return `${w >>> 24}.${(w >>> 16) & 255}.${(w >>> 8) & 255}.${w & 255}`;
    }
    return [this.word0, this.word1, this.word2, this.word3]
      .map((w) => `${(w >>> 16).toString(16)}:${(w & 0xffff).toString(16)}`).join(":");
  }
}

/** An IPv4 address of an interface with the length of its network prefix, as `192.168.69.2/24`. */
export class Prefix {
  /** The interface's own address. */
  readonly address: IpAddress;
  /** Length of the network part in bits: 0 to 32. */
  readonly length: number;
  /** The network part as a mask of 32 bits, signed. */
  readonly mask: number;

  /**
   * Makes a prefix from its parts.
   *
   * @param address The address.
   * @param length Length of the network part in bits: 0 to 32.
   */
  constructor(address: IpAddress, length: number) {
    this.address = address;
    this.length = length;
    this.mask = length === 0 ? 0 : -1 << (32 - length);
  }

  /** Parses `a.b.c.d/length`; `undefined` if the text is no such thing. */
  static parse(text: string): Prefix | undefined {
    const match = /^([\d.]+)\/(\d{1,2})$/.exec(text);
    const address = match && IpAddress.parse(match[1]!);
    const length = Number(match?.[2]);
    return address && length <= 32 ? new Prefix(address, length) : undefined;
  }

  /** Whether an address lies in this network. */
  contains(address: IpAddress): boolean {
    return address.version === 4 && ((address.word3 ^ this.address.word3) & this.mask) === 0;
  }

  /** The directed broadcast address (RFC 922); prefixes of 31 and 32 bits have none (RFC 3021). */
  get broadcast(): IpAddress | undefined {
    return this.length >= 31 ? undefined : IpAddress.v4(this.address.word3 | ~this.mask);
  }

  /** `a.b.c.d/length`. */
  toString(): string {
    return `${this.address}/${this.length}`;
  }
}
