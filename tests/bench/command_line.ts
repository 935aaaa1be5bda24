/** What the commands of this directory say, and how they end when they are asked for nonsense. */

const encoder = new TextEncoder();

/** Writes to standard output: results. */
export function print(text: string): void {
  Deno.stdout.writeSync(encoder.encode(text));
}

/** Writes a line to standard error: progress. */
export function progress(text: string): void {
  Deno.stderr.writeSync(encoder.encode(`${text}\n`));
}

/** Ends the program with what is wrong and how it is used. */
export function usageError(message: string, help: string): never {
  progress(`${message}\n\n${help}`);
  Deno.exit(2);
}
