/**
 * How much, and for how long, one connection may make the engine hold or wait. Times are kept to
 * an eighth: what is limited to 15 seconds ends after 15 to 17.
 */
export interface Limits {
  /**
   * Longest time in milliseconds from the first byte of a request to the end of its header
   * section; then 408. Default 15,000.
   */
  readonly headerTimeout: number;
  /**
   * Longest time in milliseconds to wait for more of a request body, each time; then 408. Default
   * 30,000.
   */
  readonly bodyTimeout: number;
  /**
   * Longest time in milliseconds to wait for a request to begin, then the connection is closed; or
   * for the client to take any more of a response, then it is reset. Default 75,000.
   */
  readonly idleTimeout: number;
  /** Longest request line in bytes, without its CRLF; then 414. Default 8,192. */
  readonly maxRequestLine: number;
  /** Most header fields, and most trailer fields; then 431. Default 100. */
  readonly maxHeaders: number;
  /** Largest header section, and trailer section, in bytes; then 431. Default 32,768. */
  readonly maxHeaderBytes: number;
  /** Largest request body in bytes; then 413. Default 134,217,728 (128 MiB). */
  readonly maxBody: number;
}

/** The limits that hold unless options say otherwise. */
export const DEFAULT_LIMITS: Limits = {
  headerTimeout: 15_000,
  bodyTimeout: 30_000,
  idleTimeout: 75_000,
  maxRequestLine: 8_192,
  maxHeaders: 100,
  maxHeaderBytes: 32_768,
  maxBody: 134_217_728,
};

/**
 * Fills in the defaults.
 *
 * @param given Limits; each a number from 0 to `Infinity`.
 * @throws {RangeError} If one is negative or no number.
 */
export function resolveLimits(given: Partial<Limits>): Limits {
  let limits: { -readonly [Name in keyof Limits]: number } | undefined;
  for (const name of NAMES) {
    const value = given[name];
    if (value === undefined) continue;
    if (typeof value !== "number" || !(value >= 0)) {
      throw new RangeError(`${name} is ${value}, but must be a number from 0 to Infinity`);
    }
    limits ??= { ...DEFAULT_LIMITS };
    limits[name] = value;
  }
  return limits ?? DEFAULT_LIMITS;
}

const NAMES = Object.keys(DEFAULT_LIMITS) as (keyof Limits)[];
