import type { LinkCounters } from "./counters.ts";
import type { Link } from "./link.ts";
import type { Frame } from "./wire/frame.ts";

/** Sends frames over the link and counts them. */
export class LinkOutput {
  readonly #link: Link;
  readonly #counters: LinkCounters;

  /**
   * @param link Where frames leave.
   * @param counters What is counted.
   */
  constructor(link: Link, counters: LinkCounters) {
    this.#link = link;
    this.#counters = counters;
  }

  /** As {@link Link.transmit}. */
  transmit(frame: Frame, now: number): boolean {
    if (!this.#link.transmit(frame, now)) {
      this.#counters.sendRefused++;
      return false;
    }
    this.#counters.framesSent++;
    this.#counters.bytesSent += frame.length;
    return true;
  }
}
