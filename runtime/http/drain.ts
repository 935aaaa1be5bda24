/** Something that can be brought to an end gracefully. */
export interface Drainable {
  /** Finishes what is under way and begins nothing new. */
  drain(): void;
}

/**
 * Who listens to which signal. One listener for all connections of a signal: leaving an
 * AbortSignal costs as much as it has listeners, leaving a Set does not.
 */
const members = new WeakMap<AbortSignal, Set<Drainable>>();

/** Has `member` drained when `signal` is aborted, now if it is already. */
export function joinDrain(signal: AbortSignal, member: Drainable): void {
  if (signal.aborted) return member.drain();
  let group = members.get(signal);
  if (group === undefined) {
    const created = group = new Set<Drainable>();
    members.set(signal, created);
    signal.addEventListener("abort", () => created.forEach((each) => each.drain()), { once: true });
  }
  group.add(member);
}

/** Takes back {@link joinDrain}. */
export function leaveDrain(signal: AbortSignal, member: Drainable): void {
  members.get(signal)?.delete(member);
}
