/**
 * What kind of fault a {@link StackError} is.
 *
 * - `"invalid"`: an option or argument makes no sense.
 * - `"address-in-use"`: the port is taken.
 * - `"no-route"`: nothing leads to the address.
 * - `"ports-exhausted"`: every local port is taken on that path.
 */
export type StackErrorCode = "invalid" | "address-in-use" | "no-route" | "ports-exhausted";

/** Thrown by calls of the stack's owner; nothing that comes from the network throws. */
export class StackError extends Error {
  /** The name of the class. */
  override readonly name: string = "StackError";
  /** What kind of fault it is. */
  readonly code: StackErrorCode;

  /**
   * Makes an error to throw.
   *
   * @param code What kind of fault it is.
   * @param message For people: quotes the value, says what was expected.
   */
  constructor(code: StackErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
