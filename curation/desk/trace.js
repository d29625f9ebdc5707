// The trace on screen: numbered steps, token heat in the background, markers as underlines.
//
// Steps are shown as plain text at once and decorated (one span per token) when they come near the
// window, so that a trace of any length opens as fast as a short one. Colours are CSS classes of
// all three measures at once: switching the heatmap touches no element.

const CHUNK = 1500; // UTF-16 units decorated at a time
const EAGER = 5000; // decorated before the first paint
const LONG_TRACE = 20000; // from here on, long steps begin folded
const LONG_STEP = 1500;
const FOLDED = 1000;

class TraceView {
  constructor(pane, onReading) {
    this.pane = pane;
    this.onReading = onReading;
    this.frame = el("div", { class: "steps", "data-heat": "off", "data-markers": "on" });
    pane.append(this.frame);
    this.onStep = []; // called with the step that one comes to stand on
    this.leaf = null; // what is on screen: {card, prepared, unfolded, items, root, folio}
    this.ahead = null; // the next card's, built and laid out, unseen, while nobody waits
    this.gone = null; // the last card's folio, unseen, until there is time to clear it away
    this.cursor = -1;
    this.step = -1;
    this.observer = new IntersectionObserver((seen) => this.onSeen(seen), {
      rootMargin: "600px 0px",
      scrollMargin: "600px 0px",
    });
    this.frame.onpointerover = (event) => this.onPointer(event);
    this.frame.onpointerleave = () =>
      this.onReading(this.cursor < 0 ? null : this.groupNumber(this.cursor));
    this.frame.addEventListener("focusin", (event) => {
      const item = event.target.closest(".step");
      if (item) this.step = Number(item.dataset.step);
    });
  }

  get card() {
    return this.leaf?.card ?? null;
  }

  /** The steps on screen, as elements in a list; an empty one where there is no card. */
  get list() {
    return this.leaf?.root ?? (this.empty ??= el("ol", { class: "leaf" }));
  }

  /** The index of the step that has the focus, -1 for none. */
  get step() {
    return this.stepNumber;
  }

  set step(i) {
    this.here?.classList.remove("here");
    this.here = this.leaf?.items[i] ?? null;
    this.here?.classList.add("here");
    this.stepNumber = i;
    for (const hear of this.onStep) hear(i);
  }

  /**
   * Show a card from its beginning.
   *
   * The next card's leaf is laid out already, so it only takes the place of the last one. That it can
   * be found and selected, and that the last one is cleared away, is left until it is painted.
   */
  show(card) {
    // Asked before anything changes, when it costs no layout. The event that tells of a scroll comes
    // a frame late, and the next card must begin at its top.
    const isScrolled = this.pane.scrollTop !== 0;
    this.settle();
    this.forget(this.leaf);
    this.gone = this.leaf?.folio ?? null;
    this.leaf = this.ahead?.card === card ? this.ahead : this.build(card);
    if (this.leaf === this.ahead) this.ahead = null;
    this.cursor = -1;
    this.step = -1;
    if (this.gone) this.gone.className = "folio ahead";
    this.leaf.folio.className = "folio";
    if (this.leaf.folio.parentNode !== this.frame) this.frame.append(this.leaf.folio);
    if (isScrolled) this.pane.scrollTop = 0;
    if (document.visibilityState === "hidden") this.settle();
    else requestAnimationFrame(() => setTimeout(() => this.settle(), 0));
  }

  /** What is left until the card on screen is painted; whoever wants to use it may ask sooner. */
  settle() {
    this.gone?.remove();
    this.gone = null;
    if (this.leaf?.folio.inert) this.leaf.folio.inert = false;
  }

  /** Build a card's steps before it is asked for. */
  anticipate(card) {
    if (!card || card === this.card || card === this.ahead?.card) return;
    this.forget(this.ahead);
    this.ahead?.folio.remove();
    this.ahead = this.build(card);
    const { folio } = this.ahead;
    folio.className = "folio ahead";
    folio.inert = true;
    this.frame.append(folio);
  }

  /**
   * Show a newer version of the card on screen, under the reader's eyes: the same elements stay, so
   * that folds, focus and the place of the first step in view are what they were.
   */
  repaint(card) {
    this.settle();
    const top = () => this.pane.getBoundingClientRect().top;
    const anchor = this.leaf.items.find(
      (item) => item.getBoundingClientRect().bottom > top(),
    );
    const before = anchor ? anchor.getBoundingClientRect().top - top() : 0;
    this.forget(this.leaf);
    this.leaf = { ...this.leaf, card, prepared: prepare(card) };
    this.cursor = -1;
    let eager = EAGER;
    for (const [i, item] of this.leaf.items.entries()) {
      const isNear = i >= Number(anchor?.dataset.step ?? 0);
      const left = this.fill(this.leaf, item, i, isNear ? eager : 0);
      if (isNear) eager = left;
      const number = item.querySelector(".number");
      for (const mean of number.parentNode.querySelectorAll(".mean")) mean.remove();
      number.after(...gutter(this.leaf.prepared.steps[i]));
    }
    if (anchor) this.pane.scrollTop += anchor.getBoundingClientRect().top - top() - before;
  }

  clear() {
    this.settle();
    this.forget(this.leaf);
    this.leaf?.folio.remove();
    this.leaf = null;
    this.cursor = -1;
  }

  forget(leaf) {
    for (const chunk of leaf?.plain ?? []) this.observer.unobserve(chunk);
  }

  /** A card's steps as elements, not on screen yet. */
  build(card) {
    const leaf = { card, prepared: prepare(card), unfolded: new Set(), plain: new Set(), spans: [] };
    let eager = EAGER;
    leaf.items = card.steps.map((_, i) => {
      const item = el(
        "li",
        { class: "step", tabindex: "-1", "data-step": i },
        el(
          "div",
          { class: "gutter" },
          el("span", { class: "number" }, String(i + 1)),
          ...gutter(leaf.prepared.steps[i]),
          el("span", { class: "judged" }),
        ),
        el("div", { class: "text body", dir: "auto" }),
      );
      eager = this.fill(leaf, item, i, eager);
      return item;
    });
    leaf.root = el("ol", { class: "leaf" }, leaf.items);
    leaf.folio = el("div", { class: "folio" }, leaf.root);
    return leaf;
  }

  /** Put a step's text into its body, as much as is unfolded; returns the eager budget left. */
  fill(leaf, item, i, eager) {
    const { card, unfolded } = leaf;
    const body = item.querySelector(".body");
    const [from, to] = stepRange(card, i);
    const textEnd = Math.max(card.steps[i][1], from);
    const isLong = card.text.length > LONG_TRACE && textEnd - from > LONG_STEP;
    const isFolded = isLong && !unfolded.has(i);
    const end = isFolded ? nextCut(card.text, from + FOLDED) : textEnd;
    body.replaceChildren();
    for (let at = from; at < end;) {
      const stop = this.chunkEnd(card.text, at, end);
      this.place(leaf, body, [at, stop, false], (eager -= stop - at) > 0);
      at = stop;
    }
    if (!isFolded && to > textEnd && card.tokens)
      this.place(leaf, body, [textEnd, to, true], eager > 0);
    item.querySelector(".fold")?.remove();
    if (isLong) item.append(this.foldButton(i, isFolded, textEnd - from));
    return eager;
  }

  foldButton(i, isFolded, length) {
    const says = isFolded
      ? `Show all ${length.toLocaleString("en")} characters of step ${i + 1}`
      : `Fold step ${i + 1}`;
    return el(
      "button",
      {
        class: "fold quiet",
        type: "button",
        "aria-expanded": String(!isFolded),
        onclick: () => this.fold(i, !isFolded),
      },
      says,
    );
  }

  fold(i, isFolded, takesFocus = true) {
    if (isFolded) this.leaf.unfolded.delete(i);
    else this.leaf.unfolded.add(i);
    const item = this.leaf.items[i];
    this.fill(this.leaf, item, i, EAGER);
    if (takesFocus) item.querySelector(".fold").focus({ preventScroll: true });
  }

  /** Where a chunk that begins at `at` ends: at white space where there is some, else at a cut. */
  chunkEnd(text, at, end) {
    if (end - at <= CHUNK * 1.5) return end;
    const near = text.slice(at + CHUNK / 2, at + CHUNK).search(/\s\S*$/);
    return near >= 0 ? at + CHUNK / 2 + near + 1 : Math.min(end, nextCut(text, at + CHUNK));
  }

  place(leaf, body, range, now) {
    const chunk = el("span", { class: range[2] ? "chunk gap" : "chunk" });
    chunk.range = range;
    chunk.leaf = leaf;
    body.append(chunk);
    if (now) {
      this.decorate(chunk);
      return;
    }
    if (!range[2]) appendText(chunk, leaf.card.text, range[0], range[1]);
    leaf.plain.add(chunk);
    this.observer.observe(chunk);
  }

  onSeen(seen) {
    for (const { isIntersecting, target } of seen) {
      if (isIntersecting && target.isConnected) this.decorate(target);
    }
  }

  /** Give a chunk its token and marker spans. */
  decorate(chunk) {
    const { leaf } = chunk;
    if (chunk.isDecorated) return;
    chunk.isDecorated = true;
    if (leaf.plain.delete(chunk)) this.observer.unobserve(chunk);
    const [from, to, isGap] = chunk.range;
    const { card } = leaf;
    const { groups } = leaf.prepared;
    const markers = isGap ? [] : markersIn(card, from, to);
    const spans = isGap ? [] : spansIn(leaf.spans, from, to);
    const edges = new Set([from, to]);
    const add = (at) => at > from && at < to && edges.add(at);
    const first = groupAt(groups, from);
    for (let g = first; g < groups.length && groups[g].start < to; g++) {
      add(groups[g].start);
      add(groups[g].end);
    }
    for (const [start, end] of [...markers, ...spans.map((span) => [span.start, span.end])]) {
      add(start);
      add(end);
    }
    const cuts = [...edges].sort((a, b) => a - b);
    const pieces = document.createDocumentFragment();
    let g = first;
    let place = pieces;
    let over = [];
    const spanCuts = new Set(spans.flatMap(({ start, end }) => [start, end]));
    for (let c = 0; c + 1 < cuts.length; c++) {
      const [a, b] = [cuts[c], cuts[c + 1]];
      while (g < groups.length && groups[g].end <= a) g++;
      const group = g < groups.length && groups[g].start < b ? groups[g] : null;
      const here = markers.filter(([start, end]) => start < b && end > a);
      if (spans.length && (c === 0 || spanCuts.has(a))) {
        over = spansIn(spans, a, b);
        const stop = cuts.find((at) => at > a && (at === to || spanCuts.has(at)));
        place = spanPlace(pieces, over, a, stop);
      }
      place.append(piece(card.text, a, b, group, g, here, isGap));
      if (spanCuts.has(b)) sayEnds(pieces, over, b);
    }
    chunk.replaceChildren(pieces);
  }

  onPointer(event) {
    const span = event.target.closest?.("[data-g], [data-m]");
    if (!span) return;
    this.onReading(
      span.dataset.g === undefined
        ? { group: null, markers: span.dataset.m }
        : this.groupNumber(Number(span.dataset.g), span.dataset.m),
    );
  }

  /** What the readout line says of a group. */
  groupNumber(g, markers) {
    const group = this.leaf.prepared.groups[g];
    const touching =
      markers ??
      markersIn(this.card, group.start, group.end)
        .map(markerSays)
        .join(", ");
    return { group, markers: touching };
  }

  /** Move to the next (1) or previous (-1) step. */
  moveStep(by) {
    this.settle();
    if (!this.card) return;
    const i = Math.min(Math.max(this.step + by, 0), this.card.steps.length - 1);
    const item = this.leaf?.items[i];
    if (!item) return;
    this.step = i;
    item.focus({ preventScroll: true });
    item.scrollIntoView({ block: "nearest" });
    this.cursor = -1;
    this.markCursor();
  }

  /** Show a person's verdict on a step in the rail: 1, 0, -1; null = none. */
  mark(i, verdict) {
    const item = this.leaf?.items[i];
    if (!item) return;
    const said = STEP_VERDICTS.find((one) => one.verdict === verdict);
    const attributes = said
      ? { class: "judged", "data-verdict": verdict, role: "img", "aria-label": `judged ${said.word}` }
      : { class: "judged" };
    item.querySelector(".judged").replaceWith(el("span", attributes, said?.sign));
  }

  /** Draw these labelled spans; only what changed of the drawn text is drawn anew. */
  drawSpans(spans) {
    const before = this.leaf?.spans;
    if (!before || (!before.length && !spans.length)) return;
    this.leaf.spans = spans;
    for (const chunk of this.list.querySelectorAll(".chunk:not(.gap)")) {
      const [from, to] = chunk.range;
      if (!chunk.isDecorated || spansKey(before, from, to) === spansKey(spans, from, to)) continue;
      chunk.isDecorated = false;
      this.decorate(chunk);
    }
    this.markCursor();
  }

  /**
   * [start, end] of the token one stands on, else of the step, else of the first step, or null. Of a
   * long step only the first word: nobody labels all of it, and it may be folded.
   */
  standingOn() {
    const group = this.leaf.prepared.groups[this.cursor];
    const token = group && trimmed(this.card.text, group.start, group.end);
    if (token) return token;
    if (!this.card.steps.length) return null;
    if (this.step < 0) this.moveStep(1);
    const [start, end] = [stepRange(this.card, this.step)[0], this.card.steps[this.step][1]];
    const isLong = end - start > LONG_STEP;
    return isLong ? wordAfter(this.card.text, start) : trimmed(this.card.text, start, end);
  }

  /** See to it that the text at `at` is there, unfolded and drawn; the number of its step. */
  bring(at) {
    this.settle();
    const i = this.card.steps.findIndex((_, step) => at < stepRange(this.card, step)[1]);
    if (!this.find(at) && this.card.text.length > LONG_TRACE && i >= 0) this.fold(i, false, false);
    const chunk = this.find(at);
    if (chunk) this.decorate(chunk);
    return i;
  }

  /** Stand on the step that holds the text at `at`, with that place in view. */
  goToText(at) {
    this.step = this.bring(at);
    this.moveStep(0);
    this.find(at)?.querySelector(".sp.begins")?.scrollIntoView({ block: "nearest" });
  }

  /** Highlight a step and bring it into view; null = none, -1 = the beginning. */
  pointAt(i) {
    this.settle();
    for (const item of this.list.querySelectorAll(".pointed")) item.classList.remove("pointed");
    if (i === null) return;
    const item = this.leaf?.items[i];
    item?.classList.add("pointed");
    if (item) item.scrollIntoView({ block: "nearest" });
    else this.pane.scrollTop = 0;
  }

  /** Go to a step; -1 = before the first. */
  goTo(i) {
    this.step = Math.max(i, 0);
    this.moveStep(0);
    if (i < 0) this.pane.scrollTop = 0;
  }

  /** Move the token cursor by one group; it starts at the step that has the focus. */
  moveToken(by) {
    this.settle();
    if (!this.card?.tokens) return;
    const { groups } = this.leaf.prepared;
    if (!groups.length) return;
    let g = this.cursor + by;
    if (this.cursor < 0)
      g = this.step > 0 ? groupAt(groups, stepRange(this.card, this.step)[0]) : 0;
    this.cursor = Math.min(Math.max(g, 0), groups.length - 1);
    const { start } = groups[this.cursor];
    this.step = this.bring(start);
    this.markCursor();
    this.list.querySelector(".cursor")?.scrollIntoView({ block: "nearest" });
    this.onReading(this.groupNumber(this.cursor), true);
  }

  find(at) {
    return [...this.list.querySelectorAll(".chunk")].find(
      ({ range }) => range[0] <= at && at < range[1],
    );
  }

  markCursor() {
    for (const span of this.list.querySelectorAll(".cursor")) span.classList.remove("cursor");
    if (this.cursor < 0) return;
    for (const span of this.list.querySelectorAll(`[data-g="${this.cursor}"]`))
      span.classList.add("cursor");
  }
}

/** A step's means, one per heatmap; CSS shows the one that is switched on. */
function gutter(means) {
  if (!means || !means.n) return [];
  const there = Object.entries(SCALES).filter(([name]) => means[name] !== undefined);
  return there.map(([name, scale]) =>
    el(
      "span",
      {
        class: `mean mean-${name} ${scale.letter}${heatClass(scale, means[name])}`,
        title: `mean ${name} of ${means.n} tokens: ${means[name]?.toFixed(4) ?? "not finite"}`,
      },
      meanOf(means[name], scale),
    ),
  );
}

/** A mean with its true minus; one that rounds to nothing has no sign. */
function meanOf(value, scale) {
  if (value === null) return "–";
  return value
    .toFixed(scale.digits ?? 2)
    .replace(/^-(?=0\.0*$)/, "")
    .replace("-", "−");
}

/** One stretch of text with its heat and markers. */
function piece(text, a, b, group, g, markers, isGap) {
  const span = document.createElement("span");
  let names = group ? `t ${group.classes}` : "";
  for (const [, , category] of markers) names += ` m m-${category}`;
  if (names) span.className = names;
  if (group) span.setAttribute("data-g", g);
  if (markers.length)
    span.setAttribute("data-m", markers.map(markerSays).join(", "));
  if (!group) return isGap ? span : appendText(span, text, a, b);
  // Line breaks have tokens too: a glyph carries their colour. The gap behind a step shows only it.
  for (let at = a; at < b;) {
    const found = text.indexOf("\n", at);
    const stop = found < 0 || found >= b ? b : found;
    if (!isGap && stop > at) appendText(span, text, at, stop);
    if (stop < b) {
      span.append(el("span", { class: "newline", "aria-hidden": "true" }));
      if (!isGap) span.append("\n");
    }
    at = stop + 1;
  }
  return span;
}
