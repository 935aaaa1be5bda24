/**
 * Waits for a promise, but not for longer than a time.
 *
 * @param timeout Longest wait in milliseconds.
 * @returns Whether the promise was settled in time. A rejection after that harms nobody.
 * @throws What the promise rejects with in time.
 */
export async function within(timeout: number, promise: Promise<unknown>): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), Math.max(timeout, 0));
  });
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
