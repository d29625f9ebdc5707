// Labelled stretches of the text: "leaks", "wrong", "good hesitation". The model and the list of
// them; how they look in the text; where a selection begins and ends in it.
//
// Offsets here are the browser's UTF-16 units. What leaves for drafts, entries and the server is
// counted in code points, and so is what comes back: a past decision has no text to count in.

const SPAN_WORDS = 90; // characters of a span that its line in the list shows

/** Each of these offsets counted in code points; with `isBack`, points counted in UTF-16 units. */
function recounted(text, offsets, isBack = false) {
  const found = new Map();
  let [units, points] = [0, 0];
  for (const at of [...new Set(offsets)].sort((a, b) => a - b)) {
    while ((isBack ? points : units) < at && units < text.length) {
      units += text.codePointAt(units) > 0xffff ? 2 : 1;
      points += 1;
    }
    found.set(at, isBack ? units : points);
  }
  return found;
}

/** [start, end] without white space at its ends and without half characters; null where no word is. */
function trimmed(text, start, end) {
  while (start < end && /\s/.test(text[start])) start++;
  while (start < end && /\s/.test(text[end - 1])) end--;
  if (start >= end) return null;
  while (!isCut(text, start)) start--;
  return [start, nextCut(text, end)];
}

// In the text ---------------------------------------------------------------------------------------

/** The spans of [from, to) as one text: a chunk in which it has not changed stays as it is. */
function spansKey(spans, from, to) {
  return spansIn(spans, from, to)
    .map(({ start, end, label }) =>
      [Math.max(start, from - 1), Math.min(end, to + 1), label ?? ""].join(" "),
    )
    .join("\n");
}

function spansIn(spans, from, to) {
  return spans.filter(({ start, end }) => start < to && end > from);
}

/** Where pieces between `a` and `b` go that all these spans cover: into one wrapper a span. */
function spanPlace(parent, over, a, b) {
  let place = parent;
  for (const [depth, span] of over.entries()) {
    const { start, end, label, shown } = span;
    const begins = start === a;
    const ends = end === b;
    const wrapper = el("span", {
      class: `sp${label === null ? " pending" : ""}${begins ? " begins" : ""}${ends ? " ends" : ""}`,
      "data-label": label,
    });
    wrapper.style.paddingBlockStart = `${3 * (over.length - 1 - depth)}px`;
    place.append(wrapper);
    place = wrapper;
    if (begins && label !== null)
      place.append(
        el("span", {
          class: "sp-tag",
          role: "img",
          "data-tag": plain(shown, 30),
          "aria-label": `From here labelled ${plain(shown, 60)}:`,
        }),
      );
  }
  return place;
}

/** Say to a screen reader where the spans end that end at `at`. */
function sayEnds(parent, over, at) {
  for (const { end, label, shown } of over)
    if (end === at && label !== null)
      parent.append(
        el("span", { class: "sp-end", role: "img", "aria-label": `End of ${plain(shown, 60)}.` }),
      );
}

// From a selection ----------------------------------------------------------------------------------

/** How many units of the card's text stand in `chunk` before a place in its nodes. */
function unitsBefore(chunk, node, offset) {
  const before = document.createRange();
  before.setStart(chunk, 0);
  before.setEnd(node, offset);
  let n = before.toString().length;
  // A hidden character is a badge without text.
  for (const badge of before.cloneContents().querySelectorAll(".hidden-char"))
    n += parseInt(badge.dataset.u.slice(2), 16) > 0xffff ? 2 : 1;
  return n;
}

/** What is selected of the trace under `list`, as [start, end] in its text; null where nothing is. */
function selectedIn(list, text) {
  const root = list.getRootNode();
  const selection = document.getSelection();
  const found = selection?.getComposedRanges
    ? selection.getComposedRanges({ shadowRoots: root instanceof ShadowRoot ? [root] : [] })[0]
    : (root.getSelection?.() ?? selection)?.getRangeAt?.(0);
  if (!found || !(list.contains(found.startContainer) || list.contains(found.endContainer)))
    return null;
  const range = document.createRange();
  range.setStart(found.startContainer, found.startOffset);
  range.setEnd(found.endContainer, found.endOffset);
  if (range.collapsed) return null;
  const chunks = [...list.querySelectorAll(".chunk:not(.gap)")].filter((chunk) =>
    range.intersectsNode(chunk),
  );
  if (!chunks.length || !chunks[0].checkVisibility()) return null;
  const [first, last] = [chunks[0], chunks[chunks.length - 1]];
  const start = first.contains(range.startContainer)
    ? first.range[0] + unitsBefore(first, range.startContainer, range.startOffset)
    : first.range[0];
  const end = last.contains(range.endContainer)
    ? last.range[0] + unitsBefore(last, range.endContainer, range.endOffset)
    : last.range[1];
  return trimmed(text, start, end);
}

// Word by word --------------------------------------------------------------------------------------

const wordCutter = new Intl.Segmenter(undefined, { granularity: "word" });
const WORD_WINDOW = 400;
const INKED = /[^\s\p{Cf}]/u; // neither white space nor without ink

/** [start, end] of the first word (or sign) that begins at or after `at`, or null. */
function wordAfter(text, at) {
  for (let from = at; from < text.length; from += WORD_WINDOW) {
    for (const { segment, index } of wordCutter.segment(text.slice(from, from + WORD_WINDOW)))
      if (INKED.test(segment)) return [from + index, from + index + segment.length];
  }
  return null;
}

/** [start, end] of the last word (or sign) that ends at or before `at`, or null. */
function wordBefore(text, at) {
  for (let to = at; to > 0; to -= WORD_WINDOW) {
    const from = Math.max(0, to - WORD_WINDOW);
    const words = [...wordCutter.segment(text.slice(from, to))].filter((s) => INKED.test(s.segment));
    const last = words[words.length - 1];
    if (last) return [from + last.index, from + last.index + last.segment.length];
  }
  return null;
}

// The model and its list ----------------------------------------------------------------------------

class Spans {
  constructor(parts, trace) {
    this.parts = parts;
    this.trace = trace;
    this.list = []; // {start, end, label}, in order of place
    this.pending = null; // {start, end}: what the menu is about to label
    this.labels = new Map(); // code -> what is shown
    this.onChange = () => {};
  }

  get text() {
    return this.trace.card?.text ?? "";
  }

  setLabels(labels) {
    if (JSON.stringify(labels) === JSON.stringify([...this.labels])) return;
    this.labels = new Map(labels);
    this.paint();
  }

  /** What a label is called; one that is in no list is called as it is stored. */
  nameOf(label) {
    return this.labels.get(label) ?? label;
  }

  /** The spans of the card on screen, as they were said: [start, end, label] in code points. */
  show(said) {
    this.pending = null;
    const units = said.length && recounted(this.text, said.flatMap(([a, b]) => [a, b]), true);
    this.list = said.map(([start, end, label]) => ({
      start: units.get(start),
      end: units.get(end),
      label,
    }));
    this.paint();
  }

  /** The spans as they are sent and kept: [start, end, label] in code points, in order of place. */
  said() {
    if (!this.list.length) return [];
    const points = recounted(this.text, this.list.flatMap(({ start, end }) => [start, end]));
    return this.list.map(({ start, end, label }) => [points.get(start), points.get(end), label]);
  }

  /** Label a stretch; what happened, in words. */
  add(start, end, label) {
    this.pending = null;
    const same = (one) => one.start === start && one.end === end && one.label === label;
    if (this.list.some(same)) {
      this.draw();
      return `That is labelled ${this.nameOf(label)} already.`;
    }
    this.list.push({ start, end, label });
    this.list.sort((a, b) => a.start - b.start || a.end - b.end);
    this.paint();
    this.onChange();
    return `Labelled ${this.nameOf(label)}: ${plain(this.text.slice(start, end), SPAN_WORDS)}`;
  }

  remove(span) {
    this.pending = null;
    this.list = this.list.filter((one) => one !== span);
    this.paint();
    this.onChange();
    return `Label ${this.nameOf(span.label)} removed.`;
  }

  /** The shortest span that shares a word with [start, end), or null. */
  under(start, end) {
    const found = spansIn(this.list, start, end).sort(
      (a, b) => a.end - a.start - (b.end - b.start),
    );
    return found[0] ?? null;
  }

  /** Draw the spans in the text; only chunks in which something changed are drawn anew. */
  draw() {
    const named = this.list.map((span) => ({ ...span, shown: this.nameOf(span.label) }));
    const { pending } = this;
    this.trace.drawSpans(pending ? [...named, { ...pending, label: null, shown: "" }] : named);
  }

  paint() {
    this.draw();
    const { spanList, spanCount } = this.parts;
    spanCount.textContent = this.list.length ? `${this.list.length} labelled` : keyed("select, then {s}");
    if (!this.list.length && !spanList.childElementCount) return;
    spanList.replaceChildren(...this.list.map((span) => this.line(span)));
  }

  line(span) {
    const name = plain(this.nameOf(span.label), 60);
    const words = plain(this.text.slice(span.start, span.end), SPAN_WORDS);
    return el(
      "li",
      { "data-label": span.label },
      button(
        { class: "go", title: words },
        () => this.trace.goToText(span.start),
        unseen("Go to "),
        el("span", { class: "sp-name", dir: "auto" }, name),
        unseen(": "),
        el("span", { class: "sp-words", dir: "auto" }, words),
      ),
      button(
        { class: "drop", "aria-label": `Remove ${name}: ${words}`, title: "Remove" },
        () => {
          const i = this.list.indexOf(span);
          this.parts.spoken.textContent = this.remove(span);
          // The focus was on what is gone: the next one's button takes it, else the trace.
          const left = this.parts.spanList.children;
          (left[Math.min(i, left.length - 1)]?.querySelector(".drop") ?? this.trace.pane).focus();
        },
        "×",
      ),
    );
  }
}

/** The place of the list, beside the text. */
function spansPanel(part) {
  return el(
    "div",
    { class: "spans", role: "group", "aria-label": "Labelled spans" },
    el(
      "p",
      { class: "label" },
      el("span", {}, "Spans ", keycap("s")),
      part("spanCount", el("span", { class: "dim" })),
    ),
    part("spanList", el("ul")),
  );
}
