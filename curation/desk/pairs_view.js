// Texts side by side: which of them are in sight, what differs between them, how they move together.
//
// Of two, each is held against the other. Of several, each is held against the one that is read, or
// two of them alone are in sight. Links come with the card: [a, b, [step of a, step of b]…], ascending
// in both. Where scrolling is linked, a place between two linked steps on one side shows the same
// share of the way between them on the others.

class PairView {
  constructor(names) {
    this.sides = names.map((name) => new Side(name));
    this.active = 0; // the side that is read
    this.two = null; // the two sides that alone are in sight; null = all
    this.isLinked = preference("pairs-linked", ["on", "off"], "on") === "on";
    this.card = null;
    this.ahead = null; // {card, active, items} of the pair that comes next
    for (const [k, side] of this.sides.entries()) {
      side.pane.addEventListener("scroll", () => this.onScroll(k), { passive: true });
      side.root.addEventListener("focusin", ({ target }) => {
        const item = target.closest(".step");
        if (item) side.step = [...side.items].indexOf(item);
        if (k !== this.active) this.read(k);
      });
    }
  }

  /** The places of the sides in sight. */
  get inSight() {
    return this.two ?? this.card?.sides.map((_, k) => k) ?? [];
  }

  get others() {
    return this.inSight.filter((k) => k !== this.active);
  }

  /** Show a pair from its beginning; its differences follow at once or, if not known, soon. */
  show(card) {
    this.card = card;
    this.two = null;
    this.active = Math.min(this.active, Math.max(0, (card?.sides.length ?? 0) - 1));
    const ahead = this.ahead?.card === card && this.ahead.active === this.active && this.ahead;
    this.ahead = null;
    for (const [k, side] of this.sides.entries()) {
      const isThere = Boolean(card?.sides[k]);
      const against = isThere ? this.against(k) : null;
      const items = !isThere ? [] : ahead ? ahead.items[k] : itemsOf(card, k, against);
      side.show(items, isThere ? markOf(card, k, against) : null);
    }
    this.layOut();
    if (card) setTimeout(() => this.compare(card), 0);
  }

  /** Which side k is held against, in the sight of a card; null = none. */
  against(k, card = this.card, two = this.two, active = this.active) {
    const inSight = two ?? card.sides.map((_, place) => place);
    if (inSight.length === 2) return inSight.find((other) => other !== k);
    return k === active ? null : active;
  }

  /** Make ready the pair that comes next, with what differs in it. */
  anticipate(card) {
    if (!card || card === this.card || card === this.ahead?.card) return;
    const active = Math.min(this.active, card.sides.length - 1);
    const items = card.sides.map((_, k) => {
      const against = this.against(k, card, null, active);
      if (against !== null) differenceOf(card, k, against);
      return itemsOf(card, k, against);
    });
    this.ahead = { card, active, items };
  }

  /** Find what differs in what is in sight and mark it, under the reader's eyes. */
  compare(card = this.card) {
    if (!card || card !== this.card) return;
    for (const k of this.inSight) {
      const against = this.against(k);
      if (against !== null) differenceOf(card, k, against);
      this.sides[k].mark(card, k, against);
    }
    this.onCompared?.();
  }

  /** Share of their text that the two sides in sight have in common; null where not two are. */
  get share() {
    const [a, b, more] = this.inSight;
    if (b === undefined || more !== undefined) return null;
    return differenceOf(this.card, a, b, true)?.share ?? null;
  }

  // Which sides are in sight -----------------------------------------------------------------------

  /** Read side k: where several are in sight, the others are held against it. */
  read(k) {
    this.active = k;
    this.layOut();
    const { card } = this;
    if (card && this.inSight.length > 2) setTimeout(() => this.compare(card), 0);
  }

  /** Leave the read side and the one behind it alone in sight, or bring all back; in words. */
  toggleTwo() {
    const n = this.card?.sides.length ?? 0;
    if (n < 3) return "There are only two.";
    const behind = (this.active + 1) % n;
    this.setTwo(this.two ? null : [this.active, behind].sort((a, b) => a - b));
    return this.two ? this.twoSay() : `All ${n} are shown.`;
  }

  /** Go to the next (1) or previous (-1) two, or where all are in sight to the next side; in words. */
  turn(by) {
    const n = this.card?.sides.length ?? 0;
    if (!n) return "";
    if (this.two) {
      const every = this.card.links.map(([a, b]) => [a, b]);
      const at = every.findIndex(([a, b]) => a === this.two[0] && b === this.two[1]);
      this.setTwo(every[(at + by + every.length) % every.length]);
      return this.twoSay();
    }
    const k = (this.active + by + n) % n;
    this.sides[k].pane.focus({ preventScroll: true });
    this.read(k);
    return `Reading ${this.sides[k].says}.`;
  }

  setTwo(two) {
    this.two = two;
    if (two && !two.includes(this.active)) this.active = two[0];
    for (const side of this.sides) side.pointAt(null);
    this.layOut();
    this.sides[this.active].pane.focus({ preventScroll: true });
    this.compare();
  }

  twoSay() {
    return `Only ${this.two.map((k) => this.sides[k].says).join(" and ")}.`;
  }

  layOut() {
    const { inSight } = this;
    for (const [k, side] of this.sides.entries()) {
      side.root.hidden = !inSight.includes(k);
      side.root.dataset.read = String(k === this.active && inSight.length > 2);
    }
    this.onLaidOut?.(inSight.length);
  }

  // Moving -------------------------------------------------------------------------------------------

  /** Move to the next (1) or previous (-1) step; where linked, the other sides follow. In words. */
  moveStep(by) {
    if (!this.card) return "";
    const side = this.sides[this.active];
    const i = Math.min(Math.max(side.step + by, 0), side.items.length - 1);
    const place = side.goTo(i);
    const partners = this.others.map((k) => [this.sides[k], partnerOf(this.card, this.active, k, i)]);
    if (this.isLinked) for (const [other, partner] of partners) other.pointAt(partner, place);
    const told = partners
      .filter(([, partner]) => partner !== null)
      .map(([other, partner]) => `step ${partner + 1} ${other.says}`);
    return told.length
      ? `Step ${i + 1} ${side.says}, ${told.join(", ")}.`
      : `Step ${i + 1} ${side.says}: no step ${partners.map(([other]) => other.says).join(" or ")} answers it.`;
  }

  toggleLinked() {
    this.isLinked = !this.isLinked;
    prefer("pairs-linked", this.isLinked ? "on" : "off");
    if (!this.isLinked) for (const side of this.sides) side.pointAt(null);
    return `Scrolling ${this.isLinked ? "linked" : "on its own"}`;
  }

  onScroll(k) {
    const side = this.sides[k];
    if (!side.isRead || !this.card) return;
    side.expected = side.pane.scrollTop;
    if (!this.isLinked) return;
    for (const other of this.inSight)
      if (other !== k) this.sides[other].scrollTo(this.across(k, other, side.pane.scrollTop));
  }

  /** The place on side `other` that belongs to a place `top` of side k, in pixels. */
  across(k, other, top) {
    const [side, beside] = [this.sides[k], this.sides[other]];
    const rooms = [side, beside].map(({ pane }) => pane.scrollHeight - pane.clientHeight);
    if (top >= rooms[0] - 1) return rooms[1];
    let before = [0, 0];
    for (const link of [...linksOf(this.card, k, other), null]) {
      const next = link ? [side.items[link[0]].offsetTop, beside.items[link[1]].offsetTop] : rooms;
      if (next[0] > top) {
        const share = (top - before[0]) / (next[0] - before[0]);
        return before[1] + share * (next[1] - before[1]);
      }
      before = next;
    }
    return before[1];
  }
}
