// What is known of all members of a group together: how many wait in a join phase, how many know a protocol. Each join asks
// for it, so that going through the members would cost the square of their number; instead each member tells the tally what
// of it has changed, and no question depends on how many there are.

interface Protocol {
  readonly name: string;
}

export class MemberTally {
  #awaitingJoinCount = 0;
  /** How many members know each protocol, by its name. */
  readonly #knowing = new Map<string, number>();

  get awaitingJoinCount(): number {
    return this.#awaitingJoinCount;
  }

  /** How many members know a protocol. */
  knowingCount(protocol: string): number {
    return this.#knowing.get(protocol) ?? 0;
  }

  /** Somebody knows these protocols now. */
  knows(protocols: readonly Protocol[]): void {
    this.#count(protocols, 1);
  }

  knowsNoMore(protocols: readonly Protocol[]): void {
    this.#count(protocols, -1);
  }

  /** A JoinGroup of somebody waits now. */
  waits(): void {
    this.#awaitingJoinCount++;
  }

  waitsNoMore(): void {
    this.#awaitingJoinCount--;
  }

  #count(protocols: readonly Protocol[], by: 1 | -1): void {
    // A request may name one twice.
    for (const name of new Set(protocols.map((protocol) => protocol.name))) {
      const count = this.knowingCount(name) + by;
      if (count === 0) this.#knowing.delete(name);
      else this.#knowing.set(name, count);
    }
  }
}
