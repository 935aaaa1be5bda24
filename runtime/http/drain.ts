/** Something that can be brought to an end gracefully. */
export interface Drainable {
  /** Finishes what is under way and begins nothing new. */
  drain(): void;
  /** Neighbors in the group; `undefined` outside of it. */
  nextDrainable: Drainable | undefined;
  /** Neighbors in the group. */
  previousDrainable: Drainable | undefined;
}

const groups = new WeakMap<AbortSignal, DrainGroup>();

/**
 * Who listens to a signal. One listener for all connections of a signal: leaving an AbortSignal
 * costs as much as it has listeners, leaving the group does not, nor does it take memory of its own.
 */
export class DrainGroup {
  readonly #signal: AbortSignal;
  #first: Drainable | undefined = undefined;

  private constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener("abort", () => this.#drain(), { once: true });
  }

  /** The group of a signal. */
  static of(signal: AbortSignal): DrainGroup {
    let group = groups.get(signal);
    if (group === undefined) groups.set(signal, group = new DrainGroup(signal));
    return group;
  }

  /** Has `member` drained when the signal is aborted, now if it is already. */
  join(member: Drainable): void {
    if (this.#signal.aborted) return member.drain();
    const first = this.#first;
    member.nextDrainable = first;
    if (first !== undefined) first.previousDrainable = member;
    this.#first = member;
  }

  /** Takes back {@link DrainGroup.join}, if it has joined. */
  leave(member: Drainable): void {
    const { nextDrainable: next, previousDrainable: previous } = member;
    if (previous !== undefined) previous.nextDrainable = next;
    else if (this.#first === member) this.#first = next;
    if (next !== undefined) next.previousDrainable = previous;
    member.nextDrainable = member.previousDrainable = undefined;
  }

  #drain(): void {
    const members: Drainable[] = [];
    for (let each = this.#first; each !== undefined; each = each.nextDrainable) members.push(each);
    for (const member of members) member.drain();
  }
}
