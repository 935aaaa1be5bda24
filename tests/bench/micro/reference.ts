// What each hot function is measured against: a loop over 64 KiB, the plainest work of a CPU. The
// ratio of the two says how much a function does, on any machine.

const BYTES = new Uint8Array(65_536).map((_, i) => i);

/** Where results go, so that no work is left out. */
export let sink = 0;

function reference(): void {
  let total = 0;
  for (let i = 0; i < BYTES.length; i++) total += BYTES[i]!;
  sink += total;
}

function registerReference(group: string): void {
  Deno.bench({ name: `reference for ${group}`, group, baseline: true, fn: reference });
}

/**
 * Registers a benchmark beside the reference.
 *
 * @param name What is measured, as it stands in `baseline.json`.
 * @param fn Does it, for some tens of microseconds; what it returns is used.
 */
export function measure(name: string, fn: () => number): void {
  registerReference(name);
  Deno.bench({
    name,
    group: name,
    fn() {
      sink += fn();
    },
  });
}

/** As {@link measure}, for what waits. */
export function measureAsync(name: string, fn: () => Promise<void>): void {
  registerReference(name);
  Deno.bench({
    name,
    group: name,
    // Only what is written as an async function is waited for.
    async fn() {
      await fn();
    },
  });
}
