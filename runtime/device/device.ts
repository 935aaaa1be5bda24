import type { Link } from "../../stack/link.ts";
import type { Frame } from "../../stack/wire/frame.ts";

/**
 * A network device: where frames come from and go to. Devices are layers: capture and impairment
 * wrap any other device and are devices themselves.
 *
 * Time is given to a device, never taken by it (milliseconds on a monotonic clock, fractions
 * allowed), so that the same device runs under a virtual clock.
 */
export interface Device extends Link, AsyncDisposable {
  /** Name for people: `tap0`, `loopback-a`. */
  readonly name: string;

  /**
   * Takes the next received frame, without waiting. A device with a {@link Device.nextDeadline}
   * does its own work here too.
   *
   * @param frame Pointed at the frame; its bytes stay valid until the next call.
   * @param now Time in milliseconds.
   * @returns `false` if there is none now.
   */
  receive(frame: Frame, now: number): boolean;

  /**
   * When this device next has something to do by itself (a delayed frame comes due), in the time
   * of `receive`; `Infinity` if it only waits for the world.
   */
  nextDeadline(): number;

  /**
   * Waits until a frame may be there, {@link Device.wake} is called, the device is closed, or the
   * time is up; now and then it ends earlier without a cause. One wait at a time. Does not keep a
   * process alive longer than the device is open.
   *
   * @param timeout Longest wait in milliseconds; `Infinity` for no limit.
   * @throws {DeviceError} `"lost"`: the device died by itself (its interface was removed). From then
   *   on `receive` and `transmit` give `false`, and every wait rejects until the device is closed.
   */
  wait(timeout: number): Promise<void>;

  /** Ends a pending {@link Device.wait}, or the next one at once. */
  wake(): void;

  /** Closes the device, ends a pending wait, and releases everything. Twice is harmless. */
  close(): Promise<void>;
}
