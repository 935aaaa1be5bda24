import type { CongestionControl, CongestionName } from "./congestion.ts";
import { Cubic } from "./cubic.ts";
import { NewReno } from "./new_reno.ts";

/** Makes a congestion control algorithm by its name. */
export function makeCongestionControl(name: CongestionName, mss: number): CongestionControl {
  return name === "cubic" ? new Cubic(mss) : new NewReno(mss);
}
