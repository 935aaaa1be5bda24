import { Frame } from "../../stack/wire/frame.ts";
import type { Device } from "../device/device.ts";

/** Index of the destination address of a frame. */
const DESTINATION = 0;
/** Index of the source address of a frame. */
const SOURCE = 6;

/** A learning Ethernet switch in virtual time: frames take no time and find room or are lost. */
export class EthernetSwitch {
  readonly #ports: Device[] = [];
  readonly #learned = new Map<number, Device>();
  readonly #frame = new Frame();

  /** Plugs in the far end of a wire. */
  add(port: Device): void {
    this.#ports.push(port);
  }

  /**
   * Forwards every frame that has come in.
   *
   * @returns Whether there was one.
   */
  forward(now: number): boolean {
    const frame = this.#frame;
    let any = false;
    for (const port of this.#ports) {
      while (port.receive(frame, now)) {
        any = true;
        this.#learned.set(stationAt(frame, SOURCE), port);
        const known = this.#learned.get(stationAt(frame, DESTINATION));
        for (const out of known === undefined ? this.#ports : [known]) {
          if (out !== port) out.transmit(frame, now);
        }
      }
    }
    return any;
  }
}

/** The link address at an index of a frame, as a number. */
function stationAt({ bytes, offset }: Frame, index: number): number {
  let station = 0;
  for (let i = 0; i < 6; i++) station = station * 256 + bytes[offset + index + i]!;
  return station;
}
