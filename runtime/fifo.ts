interface Link<T> {
  readonly item: T;
  next: Link<T> | undefined;
}

/** A queue of things that wait for their turn: a chain, which takes little memory while it is short. */
export class Fifo<T> {
  /** How many are waiting. */
  size = 0;
  #first: Link<T> | undefined;
  #last: Link<T> | undefined;

  /** Whose turn it is. */
  get head(): T | undefined {
    return this.#first?.item;
  }

  /** Who came last. */
  get tail(): T | undefined {
    return this.#last?.item;
  }

  /** Puts one at the end. */
  push(item: T): void {
    const link: Link<T> = { item, next: undefined };
    if (this.#last === undefined) this.#first = link;
    else this.#last.next = link;
    this.#last = link;
    this.size++;
  }

  /** Takes the one whose turn it is. */
  shift(): T | undefined {
    const link = this.#first;
    if (link === undefined) return undefined;
    this.#first = link.next;
    if (link.next === undefined) this.#last = undefined;
    this.size--;
    return link.item;
  }
}
