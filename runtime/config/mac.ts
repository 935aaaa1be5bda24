/**
 * Derives a stable Ethernet address from a name: locally administered, of one station, and the same
 * every time (32-bit FNV-1a).
 *
 * @returns Six bytes as `02:54:xx:xx:xx:xx`.
 */
export function deriveMac(name: string): string {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  }
  const hex = hash.toString(16).padStart(8, "0");
  return `02:54:${hex.match(/../g)!.join(":")}`;
}
