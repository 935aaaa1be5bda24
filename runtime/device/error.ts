/**
 * Why a device cannot be had or used:
 *
 * - `"unavailable"`: this system has no such device, whoever asks.
 * - `"permission"`: it has, but this process may not; the message names the command or flag that
 *   mends it.
 * - `"busy"`: somebody else has it.
 * - `"invalid"`: what was asked for makes no sense: a bad name, an address that is taken.
 * - `"lost"`: it was there and is gone: the interface was removed while in use.
 */
export type DeviceErrorCode = "unavailable" | "permission" | "busy" | "invalid" | "lost";

/** What went wrong with a device. The message is one sentence for people. */
export class DeviceError extends Error {
  /** Always `"DeviceError"`. */
  override readonly name = "DeviceError";
  /** What kind of failure it is. */
  readonly code: DeviceErrorCode;

  /**
   * Makes the error.
   *
   * @param code What kind of failure it is.
   * @param message One sentence that quotes what was asked for and says what is expected.
   */
  constructor(code: DeviceErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
