/** What became of a promise, looked at from outside. */
export interface Settling<T> {
  /** How it was settled; `undefined` while it is not. */
  result: { value: T } | { error: unknown } | undefined;
  /** Resolves once it is settled, however. */
  readonly done: Promise<void>;
}

/** Turns of the microtask queue that count as "at once". */
const TURNS = 6;

/**
 * Watches a promise for a few microtasks: an async function that had nothing to wait for settles
 * within them, and what it returns can then be sent together with what was gathered before.
 *
 * @returns With a `result`, or without one if the promise has something to wait for.
 */
export async function settleSoon<T>(promise: PromiseLike<T>): Promise<Settling<T>> {
  const settling: Settling<T> = {
    result: undefined,
    done: Promise.resolve(promise).then(
      (value) => {
        settling.result = { value };
      },
      (error) => {
        settling.result = { error };
      },
    ),
  };
  for (let turn = 0; turn < TURNS && settling.result === undefined; turn++) await undefined;
  return settling;
}
