import { Bbr } from "./bbr.ts";
import type { CongestionControl, CongestionName } from "./congestion.ts";
import { Cubic } from "./cubic.ts";
import { NewReno } from "./new_reno.ts";

/**
 * Makes a congestion control algorithm by its name.
 *
 * @param name The name.
 * @param mss Largest segment payload in bytes.
 * @param random Gives uniform unsigned 32-bit integers.
 */
export function makeCongestionControl(
  name: CongestionName,
  mss: number,
  random: () => number,
): CongestionControl {
  switch (name) {
    case "cubic":
      return new Cubic(mss);
    case "reno":
      return new NewReno(mss);
    case "bbr":
      return new Bbr(mss, random);
  }
}
