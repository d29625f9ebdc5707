// One text among those side by side: its steps, and what another of them does not have marked.

const SIDES = {
  left: { heading: "Left", says: "left" },
  right: { heading: "Right", says: "right" },
  one: { heading: "1", says: "trace 1" },
  two: { heading: "2", says: "trace 2" },
  three: { heading: "3", says: "trace 3" },
  four: { heading: "4", says: "trace 4" },
};

class Side {
  constructor(name) {
    this.name = name;
    this.says = SIDES[name].says;
    this.step = -1;
    this.list = el("ol", { class: "steps" });
    this.about = el("div", { class: "about" });
    const label = name in PAIR_WORDS ? `${this.says} trace` : this.says;
    this.pane = el(
      "div",
      { class: "pane", tabindex: "0", role: "region", "aria-label": `${label}, in steps` },
      this.list,
    );
    this.root = el("section", { class: `side ${name}`, "aria-label": label }, this.about, this.pane);
  }

  get items() {
    return this.list.children;
  }

  /** Show these steps from their beginning; `marked`: what they are marked as (`markOf`). */
  show(items, marked) {
    this.step = -1;
    this.list.replaceChildren(...items);
    this.marked = marked;
    this.pane.scrollTop = 0;
    this.expected = 0;
  }

  /** Mark the steps anew, where they stand. */
  mark(card, k, against) {
    const marked = markOf(card, k, against);
    if (this.marked === marked) return;
    this.marked = marked;
    for (const [i, item] of [...this.items].entries()) {
      item.querySelector(".link").replaceWith(linkOf(card, k, against, i));
      item.querySelector(".body").replaceWith(bodyOf(card, k, against, i));
    }
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

/** The links from steps of side k to steps of side `other`, [i, j] ascending in both. */
function linksOf(card, k, other) {
  const [a, , links] = card.links.find(([a, b]) => Math.min(k, other) === a && Math.max(k, other) === b) ?? [];
  if (!links) return [];
  return a === k ? links : links.map(([i, j]) => [j, i]);
}

function partnerOf(card, k, other, i) {
  return linksOf(card, k, other).find((link) => link[0] === i)?.[1] ?? null;
}

/** What differs between two texts: the ranges [start, end) that the other lacks, and the share in common. */
function differ(one, other) {
  const marks = [[], []];
  const at = [0, 0];
  let n_same = 0;
  for (const [kind, text] of wordDiff(one, other)) {
    if (kind === "gone") marks[0].push([at[0], at[0] + text.length]);
    if (kind === "new") marks[1].push([at[1], at[1] + text.length]);
    if (kind === "same") n_same += text.length;
    if (kind !== "new") at[0] += text.length;
    if (kind !== "gone") at[1] += text.length;
  }
  return { marks, share: (2 * n_same) / Math.max(one.length + other.length, 1) };
}

/** What differs between sides a and b of a card, found once; `isFound`: only if it was found before. */
function differenceOf(card, a, b, isFound = false) {
  const [first, second] = a < b ? [a, b] : [b, a];
  card.differences ??= new Map();
  const name = `${first},${second}`;
  if (!card.differences.has(name) && !isFound)
    card.differences.set(name, differ(card.sides[first].text, card.sides[second].text));
  return card.differences.get(name);
}

/** What side k is marked as, held against another: a name of it. */
function markOf(card, k, against) {
  const isKnown = against !== null && differenceOf(card, k, against, true) !== undefined;
  return `${against} ${isKnown}`;
}

function marksOf(card, k, against) {
  if (against === null) return [];
  return differenceOf(card, k, against, true)?.marks[k < against ? 0 : 1] ?? [];
}

/** The elements of a side's steps, marked as far as its differences are known. */
function itemsOf(card, k, against) {
  return card.sides[k].steps.map((_, i) =>
    el(
      "li",
      { class: "step", tabindex: "-1" },
      el(
        "div",
        { class: "gutter" },
        linkOf(card, k, against, i),
        el("span", { class: "number" }, String(i + 1)),
      ),
      bodyOf(card, k, against, i),
    ),
  );
}

/** Which step of the side that it is held against goes with a step. */
function linkOf(card, k, against, i) {
  if (against === null) return el("span", { class: "link" });
  const partner = partnerOf(card, k, against, i);
  const names = Object.keys(SIDES).slice(card.among ? 2 : 0);
  const other = SIDES[names[against]].says;
  return el(
    "span",
    {
      class: "link",
      title: partner === null ? `no step ${other} has words like it` : `goes with step ${partner + 1} ${other}`,
    },
    partner === null ? "" : `↔${partner + 1}`,
  );
}

/** A step's text, marked where the side it is held against does not have it. */
function bodyOf(card, k, against, i) {
  const { text, steps } = card.sides[k];
  const body = el("div", { class: "text body", dir: "auto" });
  const end = steps[i][1];
  let at = i ? steps[i][0] : 0;
  for (const [from, to] of marksOf(card, k, against)) {
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
