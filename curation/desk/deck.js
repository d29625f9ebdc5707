// What this browser knows: cards, queue, decisions made here and not taken back. Nothing of it is
// on screen; the desk paints from it.

const HOLD = 40; // cards kept in memory
const SHOWN_AHEAD = 6;
const LOOKED_AT = 300; // cards of which a browser remembers beyond a reload that scores were seen

/**
 * Places whose scores were on screen. The browser's storage remembers the newest: who looked and
 * opens the page again, or a page that puts its desk up anew, has looked all the same.
 */
class Looked extends Set {
  constructor(name) {
    super();
    this.name = name;
    for (const place of this.kept()) super.add(place);
  }

  kept() {
    try {
      const kept = parsed(localStorage.getItem(this.name));
      return Array.isArray(kept) ? kept.filter((place) => typeof place === "string") : [];
    } catch {
      return [];
    }
  }

  add(place) {
    if (!this.name || this.has(place)) return super.add(place);
    try {
      const kept = [...this.kept(), place].slice(-LOOKED_AT); // another tab's are among them
      localStorage.setItem(this.name, JSON.stringify(kept));
    } catch {
      // Without room this desk knows it, and the server does once a decision has said so.
    }
    return super.add(place);
  }
}

class Deck {
  constructor(store, reviewer, question) {
    this.store = store;
    this.reviewer = reviewer;
    this.question = question; // what the verdicts of this desk answer
    this.outbox = new Outbox(store, reviewer);
    this.cards = new Map(); // trace id -> card
    this.order = []; // trace ids, as the server ordered them
    this.decided = new Map(); // trace id -> decision id, decided in this browser and not taken back
    this.mine = new Map(); // decision id -> {entry, sequence, counts}: what was done in this browser
    this.withdrawn = new Set(); // decision ids taken back in this browser
    this.want = new Set(); // trace ids asked for
    this.revealed = new Looked(this.outbox.prefix.replace(STORAGE, `${STORAGE}-looked`));
    this.recent = [];
    this.progress = { n_decided: 0, n_total: 0, n_left: 0 };
    this.trouble = null;
    this.told = null; // what the server says of the decisions that it stored last
    for (const entry of this.outbox.waiting()) this.recall(entry);
  }

  /** Under which id a card, an entry or a decision is kept here: its trace's. */
  placeOf({ trace_id: id }) {
    return id;
  }

  /** Whether an entry answers what is asked here; another desk's verdicts are only sent from here. */
  isAnswer(entry) {
    return (entry.question ?? "train") === this.question;
  }

  /** Whether scores have been on screen once this decision was made. */
  wasSeen({ revealed, verdict }) {
    // After a blind accept or reject the desk shows the scores; a blind skip or flag it does not.
    return revealed !== false || SETTLES.has(verdict);
  }

  /** Know an entry: one just made, one from before a reload, one of another tab. */
  recall(entry, counts = entry.kind === "decide" ? 1 : -1) {
    if (!this.isAnswer(entry)) return;
    const place = this.placeOf(entry);
    this.mine.set(entry.decision_id, { entry, sequence: null, counts });
    if (entry.kind === "decide") {
      if (this.wasSeen(entry)) this.revealed.add(place);
      this.decided.set(place, entry.decision_id);
    } else {
      this.withdrawn.add(entry.withdraws);
      if (this.decided.get(place) === entry.withdraws) this.decided.delete(place);
    }
  }

  /** Keep a new entry; from here on it cannot be lost. `counts`: what it adds to those decided. */
  add(entry, counts) {
    this.outbox.add(entry);
    this.recall(entry, counts);
  }

  /** Give up an entry that the server refuses, because the reviewer says so. */
  discard(id) {
    const { entry } = this.mine.get(id) ?? {};
    this.outbox.acknowledge(id);
    this.mine.delete(id);
    if (entry?.kind === "decide") this.onDiscard?.(entry);
    if (entry?.kind === "undo") this.withdrawn.delete(entry.withdraws);
    else if (entry && this.decided.get(this.placeOf(entry)) === id)
      this.decided.delete(this.placeOf(entry));
  }

  // From the server -------------------------------------------------------------------------------

  receive(data) {
    this.recent = data.recent;
    this.progress = data.progress;
    this.takeReply(data.reply);
    for (const card of data.cards) {
      this.cards.set(this.placeOf(card), card);
      this.want.delete(this.placeOf(card));
    }
    this.order = data.deck.map(([id]) => id).filter((id) => !(id in data.missing));
    for (const [id, version] of data.deck) {
      if (this.cards.get(id)?.version !== version && !(id in data.missing)) this.want.add(id);
    }
    for (const [id, why] of Object.entries(data.missing)) {
      this.want.delete(id);
      this.trouble = why;
    }
  }

  /** Whether every card of the queue that the server named is here. */
  get isWhole() {
    return this.order.every((id) => this.cards.has(id));
  }

  takeReply(reply) {
    if (!reply) return;
    for (const [id, stored] of Object.entries(reply.acks)) {
      this.outbox.acknowledge(id);
      const known = this.mine.get(id);
      if (known) Object.assign(known, { sequence: stored.sequence, counts: 0 });
      this.outbox.saved(stored);
    }
    // A reply stands in `data` until the next one: read twice, it must not refuse anew what the
    // reviewer has asked to send again.
    if (reply.nonce === this.heardNonce) return;
    this.heardNonce = reply.nonce;
    this.trouble = reply.trouble ?? null;
    const stored = Object.values(reply.acks);
    if (stored.length) this.told = stored.map((ack) => ack.says).filter(Boolean).join(" ") || null;
    for (const [id, why] of Object.entries(reply.refused)) {
      if (this.outbox.entries.has(id)) this.outbox.refused.set(id, why);
      else this.trouble = why;
    }
  }

  /** What to tell the server beside the outbox. */
  wishes(shown) {
    return {
      store: this.store,
      reviewer: this.reviewer,
      holding: [...this.cards].map(([id, card]) => [id, card.version]),
      want: [...this.want].filter((id) => !this.order.includes(id)),
      depth: SHOWN_AHEAD + Math.max(0, this.order.indexOf(shown)),
    };
  }

  /** Forget cards that are neither near in the queue nor near in the past. */
  evict(shown) {
    const past = this.history()
      .slice(0, 12)
      .map((entry) => this.placeOf(entry));
    const near = new Set([...this.order, ...this.want, ...past, shown]);
    for (const id of [...this.cards.keys()]) {
      if (this.cards.size <= HOLD) return;
      if (!near.has(id)) this.cards.delete(id);
    }
    for (const [id, { sequence }] of this.mine) {
      if (this.mine.size <= 10 * HOLD) return;
      if (sequence !== null) this.mine.delete(id);
    }
  }

  // Asked by the desk -----------------------------------------------------------------------------

  /** The queue as it will be: what was just taken back stands first until the server knows it. */
  line() {
    const back = [];
    for (const { entry, sequence } of this.mine.values()) {
      const isNews = entry.kind === "undo" && sequence === null;
      const place = this.placeOf(entry);
      if (isNews && !this.order.includes(place)) back.unshift(place);
    }
    return [...new Set(back), ...this.order];
  }

  /**
   * Undecided cards in queue order. Where there are none, those that the server offers although they
   * were decided here and nothing stands on them: taken back elsewhere.
   */
  open() {
    const fresh = this.line().filter((id) => !this.decided.has(id));
    if (fresh.length) return fresh;
    return this.order.filter(
      (id) => this.mine.get(this.decided.get(id))?.sequence !== null && this.standing(id) === null,
    );
  }

  /** The card to show after `id`: the next open one behind it, else the first. */
  next(id) {
    const open = this.open().filter((other) => other !== id);
    const line = this.line();
    const place = line.indexOf(id);
    return open.find((other) => line.indexOf(other) > place) ?? open[0] ?? null;
  }

  /** What one can leaf through: past decisions, oldest first, then the open cards. */
  timeline() {
    const past = this.history()
      .slice(0, 10)
      .map((entry) => this.placeOf(entry))
      .reverse();
    const open = this.open();
    return [...new Set(past.filter((id) => !open.includes(id))), ...open];
  }

  /** What one leafs to from `id`: the next (1) or previous (-1); at the end, back to the last decided. */
  neighbour(id, by) {
    const line = this.timeline();
    const at = line.indexOf(id);
    if (at >= 0) return line[at + by] ?? null;
    return this.next(null) ?? (by < 0 ? line[line.length - 1] : undefined) ?? null;
  }

  /** This reviewer's live decisions, newest first: the server's, and ours that it may not know. */
  history() {
    const known = new Set(this.recent.map((entry) => entry.decision_id));
    const oldest = this.recent.length < 10 ? 0 : this.recent[this.recent.length - 1].sequence;
    const ours = [...this.mine.values()].filter(
      ({ entry, sequence }) =>
        entry.kind === "decide" &&
        !known.has(entry.decision_id) &&
        !this.outbox.refused.has(entry.decision_id) &&
        // Stored, not old, and yet not among the server's: taken back elsewhere.
        (sequence === null || sequence < oldest),
    );
    return [
      ...ours.map(({ entry, sequence }) => ({ ...entry, sequence, prompt: this.promptOf(entry) })),
      ...this.recent,
    ]
      .filter((entry) => !this.withdrawn.has(entry.decision_id))
      .sort(
        (a, b) =>
          (b.sequence ?? Infinity) - (a.sequence ?? Infinity) || (b.order ?? 0) - (a.order ?? 0),
      );
  }

  promptOf(entry) {
    return this.cards.get(this.placeOf(entry))?.prompt.slice(0, 120) ?? "";
  }

  /** The newest decision on a trace that stands, as far as this browser knows, or null. */
  standing(id) {
    const known = this.history().find((entry) => this.placeOf(entry) === id);
    const mine = this.cards.get(id)?.mine;
    return known ?? (mine && !this.withdrawn.has(mine.decision_id) ? mine : null);
  }

  /** The server's progress with what it does not know yet. */
  counts() {
    let more = 0;
    for (const { sequence, counts } of this.mine.values()) if (sequence === null) more += counts;
    const { n_decided: decided, n_total: total, n_left: left } = this.progress;
    return {
      n_decided: Math.max(0, decided + more),
      n_total: total,
      n_left: Math.max(0, left - more),
    };
  }
}
