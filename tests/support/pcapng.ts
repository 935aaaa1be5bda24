/** A block of a pcapng file that describes an interface. */
export interface CapturedInterface {
  readonly linkType: number;
  readonly snapLength: number;
  readonly name: string;
  readonly description: string;
  /** Stamps count units of 10 to the power of minus this. */
  readonly resolution: number;
}

/** A packet of a pcapng file. */
export interface CapturedPacket {
  readonly interface: number;
  /** In the interface's unit. */
  readonly time: bigint;
  readonly bytes: Uint8Array;
  readonly originalLength: number;
  readonly direction: "in" | "out" | undefined;
  /** Packets lost before this one. */
  readonly lost: bigint;
  readonly comments: readonly string[];
}

/** Statistics of an interface in a pcapng file. */
export interface CapturedStatistics {
  readonly interface: number;
  readonly time: bigint;
  readonly seen: bigint;
  readonly lost: bigint;
  readonly comments: readonly string[];
}

/** What a pcapng file says. */
export interface CaptureContents {
  readonly application: string;
  readonly interfaces: CapturedInterface[];
  readonly packets: CapturedPacket[];
  readonly statistics: CapturedStatistics[];
}

const decoder = new TextDecoder("utf-8", { fatal: true });

/**
 * Reads a pcapng file of one little-endian section, after the specification
 * (draft-ietf-opsawg-pcapng) and not after the code under test.
 *
 * @throws {Error} At anything that the specification does not allow.
 */
export function readPcapng(file: Uint8Array): CaptureContents {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const contents: CaptureContents & { application: string } = {
    application: "",
    interfaces: [],
    packets: [],
    statistics: [],
  };
  for (let at = 0; at < file.length;) {
    const type = view.getUint32(at, true);
    const length = view.getUint32(at + 4, true);
    if (length < 12 || length % 4 !== 0) throw new Error(`bad block length ${length} at ${at}`);
    const end = at + length - 4;
    if (view.getUint32(end, true) !== length) throw new Error(`lengths of block at ${at} differ`);
    if ((at === 0) !== (type === 0x0a0d0d0a)) throw new Error(`block ${type} at ${at}`);
    const body = at + 8;
    const u32 = (offset: number) => view.getUint32(body + offset, true);
    const time = (offset: number) => BigInt(u32(offset)) << 32n | BigInt(u32(offset + 4));
    switch (type) {
      case 0x0a0d0d0a: {
        if (u32(0) !== 0x1a2b3c4d) throw new Error("bad byte-order magic");
        if (u32(4) !== 1) throw new Error("not version 1.0");
        contents.application = text(options(body + 16, end).get(4));
        break;
      }
      case 1: {
        const found = options(body + 8, end);
        contents.interfaces.push({
          linkType: view.getUint16(body, true),
          snapLength: u32(4),
          name: text(found.get(2)),
          description: text(found.get(3)),
          resolution: found.get(9)?.[0]?.[0] ?? 6,
        });
        break;
      }
      case 5: {
        const found = options(body + 12, end);
        contents.statistics.push({
          interface: u32(0),
          time: time(4),
          seen: u64(found.get(4)),
          lost: u64(found.get(5)),
          comments: (found.get(1) ?? []).map((value) => decoder.decode(value)),
        });
        break;
      }
      case 6: {
        const captured = u32(12);
        const found = options(body + 20 + Math.ceil(captured / 4) * 4, end);
        const flags = found.get(2)?.[0];
        contents.packets.push({
          interface: u32(0),
          time: time(4),
          bytes: file.slice(body + 20, body + 20 + captured),
          originalLength: u32(16),
          direction: [undefined, "in", "out"][(flags?.[0] ?? 0) & 3] as CapturedPacket["direction"],
          lost: u64(found.get(4)),
          comments: (found.get(1) ?? []).map((value) => decoder.decode(value)),
        });
        if (u32(0) >= contents.interfaces.length) throw new Error(`interface ${u32(0)} is unknown`);
        break;
      }
      default:
        throw new Error(`unknown block type ${type} at ${at}`);
    }
    at += length;
  }
  return contents;

  function options(at: number, end: number): Map<number, Uint8Array[]> {
    const found = new Map<number, Uint8Array[]>();
    while (at < end) {
      const code = view.getUint16(at, true);
      const length = view.getUint16(at + 2, true);
      at += 4;
      if (code === 0) {
        if (length !== 0 || at !== end) throw new Error(`options end at ${at}, block at ${end}`);
        return found;
      }
      if (at + length > end) throw new Error(`option ${code} at ${at} is too long`);
      found.set(code, [...found.get(code) ?? [], file.slice(at, at + length)]);
      at += Math.ceil(length / 4) * 4;
    }
    throw new Error(`options before ${end} have no end`);
  }
}

function text(values: Uint8Array[] | undefined): string {
  return decoder.decode(values?.[0]);
}

function u64(values: Uint8Array[] | undefined): bigint {
  const value = values?.[0];
  return value === undefined ? 0n : new DataView(value.buffer).getBigUint64(0, true);
}
