/**
 * Reads from an error which permission Deno did not have.
 *
 * Deno says it in the message only: a failed `import` is a `TypeError`, anything else a
 * `Deno.errors.NotCapable`.
 *
 * @returns The flag that gives it, as narrow as may be: `--allow-net=127.0.0.1:8080`; `undefined`
 *   if the error is about something else.
 */
export function missingPermission(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const match = /Requires \w+ access(?: to "([^"]*)")?.*run again with the (--allow-[\w-]+) flag/s
    .exec(error.message);
  if (!match) return undefined;
  const [, resource, flag] = match;
  return resource && !resource.includes(",") ? `${flag}=${resource}` : flag;
}
