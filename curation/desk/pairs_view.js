// Two texts side by side: their steps, what differs between them, and the links between steps.
//
// A side shows its text step by step, what the other does not have marked. Links come with the card:
// [step left, step right], ascending in both. Where scrolling is linked, a place between two linked
// steps on one side shows the same share of the way between them on the other.

class Side {
  constructor(name) {
    this.name = name;
    this.step = -1;
    this.list = el("ol", { class: "steps" });
    this.about = el("div", { class: "about" });
    this.pane = el(
      "div",
      { class: "pane", tabindex: "0", role: "region", "aria-label": `${name} trace, in steps` },
      this.list,
    );
    this.root = el(
      "section",
      { class: `side ${name}`, "aria-label": `${name} trace` },
      this.about,
      this.pane,
    );
  }

  get items() {
    return this.list.children;
  }

  show(items) {
    this.step = -1;
    this.list.replaceChildren(...items);
    this.pane.scrollTop = 0;
    this.expected = 0;
  }

  /** Stand on a step; its place on screen, from the pane's top, in pixels. */
  goTo(i) {
    const item = this.items[i];
    if (!item) return 0;
    this.here?.classList.remove("here");
    item.classList.add("here");
    this.here = item;
    this.step = i;
    item.focus({ preventScroll: true });
    item.scrollIntoView({ block: "nearest" });
    this.expected = this.pane.scrollTop;
    return item.offsetTop - this.pane.scrollTop;
  }

  /** Bring a step to this place on screen and point at it; null = none. */
  pointAt(i, place) {
    for (const item of this.list.querySelectorAll(".pointed")) item.classList.remove("pointed");
    const item = i === null ? null : this.items[i];
    if (!item) return;
    item.classList.add("pointed");
    this.scrollTo(item.offsetTop - place);
  }

  scrollTo(top) {
    this.pane.scrollTop = top;
    this.expected = this.pane.scrollTop; // the scroll that this makes is not the reader's
  }

  /** Whether a scroll of the pane is the reader's own. */
  get isRead() {
    return Math.abs(this.pane.scrollTop - this.expected) > 1;
  }
}

class PairView {
  constructor() {
    this.sides = [new Side("left"), new Side("right")];
    this.active = 0;
    this.isLinked = preference("pairs-linked", ["on", "off"], "on") === "on";
    this.card = null;
    this.ahead = null; // {card, items} of the pair that comes next
    for (const [k, side] of this.sides.entries()) {
      side.pane.addEventListener("scroll", () => this.onScroll(k), { passive: true });
      side.root.addEventListener("focusin", ({ target }) => {
        this.active = k;
        const item = target.closest(".step");
        if (item) side.step = [...side.items].indexOf(item);
      });
    }
  }

  /** Show a pair from its beginning; its differences follow at once or, if not known, soon. */
  show(card) {
    this.card = card;
    const items = this.ahead?.card === card ? this.ahead.items : card ? itemsOf(card) : [[], []];
    this.ahead = null;
    for (const [k, side] of this.sides.entries()) side.show(items[k]);
    if (card && !card.marks) setTimeout(() => this.compare(card), 0);
  }

  /** Make ready the pair that comes next, with what differs in it. */
  anticipate(card) {
    if (!card || card === this.card || card === this.ahead?.card) return;
    card.marks ??= marksOf(card);
    this.ahead = { card, items: itemsOf(card) };
  }

  /** Find what differs in the pair on screen and mark it, under the reader's eyes. */
  compare(card) {
    card.marks ??= marksOf(card);
    if (card !== this.card) return;
    for (const [k, side] of this.sides.entries())
      for (const [i, item] of [...side.items].entries())
        item.querySelector(".body").replaceWith(bodyOf(card, k, i));
    this.onCompared?.();
  }

  /** Move to the next (1) or previous (-1) step; where linked, the other side follows. */
  moveStep(by) {
    if (!this.card) return;
    const side = this.sides[this.active];
    const i = Math.min(Math.max(side.step + by, 0), side.items.length - 1);
    const place = side.goTo(i);
    const partner = this.partnerOf(i);
    if (this.isLinked) this.sides[1 - this.active].pointAt(partner, place);
    const other = this.sides[1 - this.active].name;
    return partner === null
      ? `Step ${i + 1} ${side.name}: no step ${other} answers it.`
      : `Step ${i + 1} ${side.name}, step ${partner + 1} ${other}.`;
  }

  partnerOf(i) {
    return partnerOf(this.card, this.active, i);
  }

  toggleLinked() {
    this.isLinked = !this.isLinked;
    prefer("pairs-linked", this.isLinked ? "on" : "off");
    if (!this.isLinked) for (const side of this.sides) side.pointAt(null);
    return `Scrolling ${this.isLinked ? "linked" : "on its own"}`;
  }

  onScroll(k) {
    const [side, other] = [this.sides[k], this.sides[1 - k]];
    if (!side.isRead || !this.card) return;
    side.expected = side.pane.scrollTop;
    if (this.isLinked) other.scrollTo(this.across(k, side.pane.scrollTop));
  }

  /** The place on the other side that belongs to a place `top` of side k, in pixels. */
  across(k, top) {
    const rooms = this.sides.map(({ pane }) => pane.scrollHeight - pane.clientHeight);
    if (top >= rooms[k] - 1) return rooms[1 - k];
    let before = [0, 0];
    for (const link of [...this.card.links, null]) {
      const next = link ? link.map((i, s) => this.sides[s].items[i].offsetTop) : rooms;
      if (next[k] > top) {
        const share = (top - before[k]) / (next[k] - before[k]);
        return before[1 - k] + share * (next[1 - k] - before[1 - k]);
      }
      before = next;
    }
    return before[1 - k];
  }
}

function partnerOf(card, k, i) {
  const link = card.links.find((one) => one[k] === i);
  return link ? link[1 - k] : null;
}

/** Per side, the ranges [start, end) of its text that the other does not have. */
function marksOf({ sides: [left, right] }) {
  const marks = [[], []];
  const at = [0, 0];
  let n_same = 0;
  for (const [kind, text] of wordDiff(left.text, right.text)) {
    if (kind === "gone") marks[0].push([at[0], at[0] + text.length]);
    if (kind === "new") marks[1].push([at[1], at[1] + text.length]);
    if (kind === "same") n_same += text.length;
    if (kind !== "new") at[0] += text.length;
    if (kind !== "gone") at[1] += text.length;
  }
  return { marks, share: (2 * n_same) / Math.max(left.text.length + right.text.length, 1) };
}

/** The elements of both sides' steps. */
function itemsOf(card) {
  return card.sides.map(({ steps }, k) =>
    steps.map((_, i) => {
      const partner = partnerOf(card, k, i);
      const other = ["right", "left"][k];
      return el(
        "li",
        { class: "step", tabindex: "-1" },
        el(
          "div",
          { class: "gutter" },
          el(
            "span",
            {
              class: "link",
              title:
                partner === null
                  ? `no step ${other} has words like it`
                  : `goes with step ${partner + 1} ${other}`,
            },
            partner === null ? "" : `↔${partner + 1}`,
          ),
          el("span", { class: "number" }, String(i + 1)),
        ),
        bodyOf(card, k, i),
      );
    }),
  );
}

/** A step's text, marked where the other side does not have it. */
function bodyOf(card, k, i) {
  const { text, steps } = card.sides[k];
  const body = el("div", { class: "text body", dir: "auto" });
  const end = steps[i][1];
  let at = i ? steps[i][0] : 0;
  for (const [from, to] of card.marks?.marks[k] ?? []) {
    if (to <= at) continue;
    if (from >= end) break;
    if (from > at) appendText(body, text, at, from);
    const stop = Math.min(to, end);
    body.append(appendText(el("mark"), text, Math.max(from, at), stop));
    at = stop;
  }
  if (at < end) appendText(body, text, at, end);
  return body;
}
