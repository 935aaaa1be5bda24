/** Length of an IMF-fixdate, `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 section 5.6.7). */
export const DATE_LENGTH = 29;

/**
 * The current time as the value of the Date field, made anew once per second.
 *
 * @param now Time in milliseconds since 1970.
 * @returns ASCII, valid until the next call.
 */
export function dateBytes(now: number = Date.now()): Uint8Array {
  const second = Math.floor(now / 1000);
  if (second !== cachedSecond) {
    cachedSecond = second;
    const text = new Date(now).toUTCString();
    for (let i = 0; i < DATE_LENGTH; i++) cached[i] = text.charCodeAt(i);
  }
  return cached;
}

const cached = new Uint8Array(DATE_LENGTH);
let cachedSecond = NaN;
