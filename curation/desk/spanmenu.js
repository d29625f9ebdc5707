// The menu that labels the present selection. Selected with the mouse it is offered beside the words
// and takes only clicks: keys still belong to the desk. Key s opens it: then every key belongs to it,
// until a label is chosen or it is left, so that a digit is a label and never a verdict.
//
// Without a selection it begins with the token or the step one stands on, and keys move and grow it.

class SpanMenu {
  constructor(spans, trace, say) {
    this.spans = spans;
    this.trace = trace;
    this.say = say;
    this.range = null; // [start, end] of what is offered or about to be labelled
    this.isOpen = false;
    this.takesWord = true;
    this.words = el("p", { class: "sp-words", dir: "auto" });
    this.items = el("div", { class: "items" });
    this.field = el("input", { type: "text", maxlength: 60, "aria-label": "Your word" });
    this.help = el("p", { class: "dim small" }, "→ ← move · shift → ← longer, shorter · . , by token · esc");
    this.root = el(
      "div",
      { class: "spanmenu", role: "dialog", "aria-label": "Label the selection", hidden: true },
      this.words,
      this.items,
      this.help,
    );
    // A press on the menu leaves selection and focus where they are.
    this.root.onmousedown = (event) => event.target !== this.field && event.preventDefault();
    this.root.addEventListener("focusout", () => setTimeout(() => this.onFocusOut(), 0));
    trace.pane.parentNode.append(this.root);
    trace.pane.addEventListener("scroll", () => this.place(), { passive: true });
  }

  get text() {
    return this.spans.text;
  }

  // Offered and opened ------------------------------------------------------------------------------

  /** Something was selected, or no longer is. */
  offer() {
    if (this.isOpen || !this.trace.card) return;
    this.range = selectedIn(this.trace.list, this.text);
    if (this.range) this.paint();
    this.root.hidden = !this.range;
    this.place();
  }

  /** Open for the selection, else for the token, else the step one stands on. */
  open() {
    if (!this.trace.card) return;
    if (!this.trace.list.querySelector(".chunk")?.checkVisibility()) {
      this.say(keyed("Labels stand on the exact text: {w} shows it."));
      return;
    }
    const range = selectedIn(this.trace.list, this.text) ?? this.trace.standingOn();
    if (!range) {
      this.say("There is nothing to label.");
      return;
    }
    document.getSelection()?.removeAllRanges();
    this.isOpen = true;
    // Of several words the first press of an arrow takes the first, or the last; of one, its neighbour.
    const first = wordAfter(this.text, range[0]);
    this.isWhole = Boolean(first) && first[1] < range[1];
    this.root.hidden = false;
    this.take(range);
    this.items.firstChild.focus({ preventScroll: true });
  }

  /** From now on these are the words to label. */
  take(range) {
    this.range = range;
    this.spans.pending = { start: range[0], end: range[1] };
    this.trace.bring(range[1] - 1);
    this.spans.draw();
    this.paint();
    this.trace.list.querySelector(".pending.ends, .pending")?.scrollIntoView({ block: "nearest" });
    this.place();
    this.say(plain(this.text.slice(...range), SPAN_WORDS));
  }

  close() {
    const hadFocus = this.root.contains(this.root.getRootNode().activeElement);
    this.isOpen = false;
    this.range = null;
    this.root.hidden = true;
    this.field.remove();
    if (this.spans.pending) {
      this.spans.pending = null;
      this.spans.draw();
    }
    if (hadFocus) (this.trace.here ?? this.trace.pane).focus({ preventScroll: true });
  }

  onFocusOut() {
    if (this.isOpen && !this.root.contains(this.root.getRootNode().activeElement)) this.close();
  }

  // Choices -----------------------------------------------------------------------------------------

  choose(label) {
    const range = this.range && trimmed(this.text, ...this.range);
    const says = range ? this.spans.add(...range, label) : "There is no word in it.";
    this.close();
    document.getSelection()?.removeAllRanges();
    this.say(says);
  }

  askWord() {
    if (!this.isOpen) this.open();
    this.field.value = "";
    this.help.before(this.field);
    this.field.focus({ preventScroll: true });
    this.place();
  }

  takeWord() {
    const word = (this.field.value.toWellFormed?.() ?? this.field.value)
      .normalize("NFC")
      .replace(/[\s\p{C}]+/gu, " ")
      .trim();
    if (!word) return;
    // Who types what the list has chooses it from the list.
    const known = [...this.spans.labels].find(
      ([, shown]) => shown.toLowerCase() === word.toLowerCase(),
    );
    this.choose(known ? known[0] : word);
  }

  removeUnder() {
    const span = this.range && this.spans.under(...this.range);
    const says = span ? this.spans.remove(span) : "There is no label to remove.";
    this.close();
    this.say(says);
  }

  // Keys --------------------------------------------------------------------------------------------

  /** Whether this press belongs to the menu; while it is open, every one does. */
  takes(event) {
    if (!this.isOpen) return false;
    if (event.composedPath().includes(this.field)) {
      if (event.isComposing) return true;
      if (event.key === "Enter") this.takeWord();
      else if (event.key === "Escape") this.close();
      else return true;
    } else if (!this.onKey(event)) return true;
    event.preventDefault();
    return true;
  }

  onKey(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return false;
    const { key } = event;
    if (key === "Escape") this.close();
    else if (key === "Delete" || key === "Backspace") this.removeUnder();
    else if (key === "ArrowDown" || key === "ArrowUp") this.step(key === "ArrowDown" ? 1 : -1);
    else if (key === "ArrowRight") this.change(event.shiftKey ? "grow" : "next");
    else if (key === "ArrowLeft") this.change(event.shiftKey ? "shrink" : "before");
    else {
      const name = keyName(event);
      if (name === ".") this.change("growToken");
      else if (name === ",") this.change("shrinkToken");
      else if (name === "0" && this.takesWord) this.askWord();
      else if (/^[1-9]$/.test(name ?? "")) {
        const label = [...this.spans.labels.keys()][Number(name) - 1];
        if (label === undefined) this.say(`There is no label ${name}.`);
        else if (!event.repeat) this.choose(label);
      } else return false;
    }
    return true;
  }

  /** To the next (1) or previous (-1) button, round and round. */
  step(by) {
    const all = [...this.items.children];
    const at = all.indexOf(this.root.getRootNode().activeElement);
    all[(at + by + all.length) % all.length].focus({ preventScroll: true });
  }

  change(how) {
    const range = this[how](...this.range);
    if (!range) {
      this.say("No further.");
      return;
    }
    this.isWhole = false;
    this.take(range);
  }

  /** The first word inside of what was selected or stood on, then the word behind. */
  next(start, end) {
    return wordAfter(this.text, this.isWhole ? start : end);
  }

  before(start, end) {
    return wordBefore(this.text, this.isWhole ? end : start);
  }

  grow(start, end) {
    const word = wordAfter(this.text, end);
    return word && [start, word[1]];
  }

  shrink(start, end) {
    const last = wordBefore(this.text, end);
    const left = last && wordBefore(this.text, last[0]);
    return left && left[1] > start ? [start, left[1]] : null;
  }

  growToken(start, end) {
    const { groups } = this.trace.leaf.prepared;
    if (!groups.length) return this.grow(start, end);
    const group = groups[groupAt(groups, end)];
    return group ? [start, group.end] : null;
  }

  shrinkToken(start, end) {
    const { groups } = this.trace.leaf.prepared;
    if (!groups.length) return this.shrink(start, end);
    const group = groups[groupAt(groups, end - 1)];
    return group && group.start > start ? [start, group.start] : null;
  }

  // Painting ----------------------------------------------------------------------------------------

  paint() {
    this.root.dataset.open = String(this.isOpen);
    this.words.textContent = `“${plain(this.text.slice(...this.range), SPAN_WORDS)}”`;
    const item = (says, name, press, attributes = {}) =>
      button(
        { class: "segment", ...attributes },
        press,
        // The menu's own keys stay what they are; the one that opens it can be changed.
        ...(says === "s" ? [keycap("s")] : says ? [el("kbd", { "aria-hidden": "true" }, says)] : []),
        el("span", { dir: "auto" }, name),
      );
    const held = this.items.contains(this.root.getRootNode().activeElement)
      ? [...this.items.children].indexOf(this.root.getRootNode().activeElement)
      : -1;
    const under = this.spans.under(...this.range);
    this.items.replaceChildren(
      ...[...this.spans.labels].map(([label, shown], i) =>
        item(i < 9 ? String(i + 1) : "", plain(shown, 60), () => this.choose(label), {
          "data-label": label,
        }),
      ),
      ...(this.takesWord ? [item("0", "other…", () => this.askWord())] : []),
      ...(under
        ? [item("⌫", `Remove ${plain(this.spans.nameOf(under.label), 40)}`, () => this.removeUnder())]
        : []),
      ...(this.isOpen ? [] : [item("s", "by keys", () => this.open())]),
    );
    if (held >= 0)
      this.items.children[Math.min(held, this.items.childElementCount - 1)].focus({
        preventScroll: true,
      });
  }

  /** Stand under the words; where the desk or the window ends before, above them. */
  place() {
    if (this.root.hidden) return;
    const around = this.trace.pane.getBoundingClientRect();
    const home = this.trace.pane.parentNode.getBoundingClientRect();
    const desk = this.root.closest(".desk").getBoundingClientRect();
    const words = this.wordsRect() ?? around;
    const { width, height } = this.root.getBoundingClientRect();
    const floor = Math.min(desk.bottom, window.innerHeight) - 4;
    const isBelow = words.bottom + 4 + height <= floor;
    const top = isBelow ? words.bottom + 4 : Math.max(words.top - height - 6, desk.top + 4);
    const left = Math.max(Math.min(words.left, around.right - width - 8), around.left + 8);
    this.root.style.top = `${top - home.top}px`;
    this.root.style.left = `${left - home.left}px`;
  }

  wordsRect() {
    if (!this.isOpen) {
      const root = this.trace.list.getRootNode();
      const selection = root.getSelection?.() ?? document.getSelection();
      return selection?.rangeCount ? selection.getRangeAt(0).getBoundingClientRect() : null;
    }
    const drawn = this.trace.list.querySelectorAll(".pending");
    return drawn[drawn.length - 1]?.getBoundingClientRect() ?? null;
  }
}
