// The key sheet: every key with what it does, where each can be changed. A modal dialog of our own.

const CHANGE_HINT = "Press “change” beside an action, then the key that it shall have.";

class KeySheet {
  /** `says`: action -> what it does, in words; `rows`: those of KEYS that this desk knows. */
  constructor(dialog, rows, says, onChange) {
    this.dialog = dialog;
    this.says = says;
    this.onChange = onChange;
    this.waiting = null; // the action whose new key is awaited
    this.said = el("p", { class: "said", role: "status" });
    this.line = el("input", {
      class: "line",
      type: "text",
      spellcheck: "false",
      autocomplete: "off",
      "aria-label": "Your changes as a line of text",
    });
    this.rows = rows.map((row) => this.row(row));
    dialog.append(
      el("h2", { id: "keys-title" }, "Keys"),
      el(
        "p",
        { class: "dim" },
        "Keys do nothing while you type. c and r belong to Streamlit, 1 to 9 to the reasons. " +
          "What you change is kept in this browser.",
      ),
      this.said,
      el("ul", { class: "keys" }, ...this.rows.map(({ item }) => item)),
      el(
        "div",
        { class: "carry" },
        el("p", { class: "dim" }, "Carry your changes to another browser: copy this line, or put one in."),
        this.line,
        button({ class: "segment" }, () => this.take(), "Use this line"),
        button({ class: "segment" }, () => this.reset(), "Back to the defaults"),
      ),
      button({ class: "segment" }, () => this.close(), "Close", keycap("Escape")),
    );
    dialog.onclick = (event) => {
      if (event.target === dialog) this.close();
    };
    dialog.onclose = () => this.wait(null);
    dialog.addEventListener("focusout", ({ relatedTarget }) => {
      if (relatedTarget && relatedTarget !== this.rowOf(this.waiting)?.change) this.wait(null);
    });
    this.paint();
  }

  get isOpen() {
    return this.dialog.open;
  }

  open() {
    this.say(CHANGE_HINT);
    this.paint();
    this.dialog.showModal();
  }

  close() {
    this.dialog.close();
  }

  row({ key, shown, action, says }) {
    const cap = el("kbd", {}, shown ?? capOf(key));
    const words = el("span", {}, action ? this.says(action) : keyed(says));
    const change =
      action &&
      button(
        { class: "segment", "data-change": action },
        () => this.wait(action),
        "change",
        el("span", { class: "unseen" }, ` the key: ${this.says(action)}`),
      );
    return { key, action, says, cap, words, change, item: el("li", {}, cap, words, change) };
  }

  rowOf(action) {
    return this.rows.find((row) => action && row.action === action);
  }

  /** Wait for the new key of an action; null = wait no longer. */
  wait(action) {
    if (action === null && this.waiting === null) return;
    this.waiting = action;
    for (const row of this.rows) row.item.classList.toggle("awaits", row === this.rowOf(action));
    this.say(
      action === null
        ? CHANGE_HINT
        : `Press the new key for: ${this.says(action)}. Esc leaves it as it is.`,
    );
  }

  onKey(event) {
    const name = keyName(event);
    if (this.waiting === null) {
      const isTyping = event.composedPath().includes(this.line);
      // The browser's own Escape is spent where the page around us takes that key too.
      if (name === "Escape" || (!isTyping && keymap.bound.get(name)?.action === "sheet"))
        this.close();
      return;
    }
    if (["Shift", "Control", "Alt", "AltGraph", "Meta", "CapsLock", "Tab"].includes(event.key))
      return;
    event.preventDefault();
    if (event.repeat) return;
    const action = this.waiting;
    if (name === "Escape") {
      this.wait(null);
      return;
    }
    const why = keymap.change(action, name, this.says);
    if (why) {
      this.say(`${why} Press another, or Esc.`);
      return;
    }
    this.wait(null);
    this.say(`${keymap.shown(action)} now does it: ${this.says(action)}.`);
    this.changed();
  }

  reset() {
    keymap.reset();
    this.say("All keys are back at their defaults.");
    this.changed();
  }

  take() {
    try {
      const bare = keymap.take(this.line.value.trim() || "{}");
      const left = bare.length ? ` No key is left for: ${bare.map(this.says).join("; ")}.` : "";
      this.say(`The keys are changed.${left}`);
      this.changed();
    } catch (error) {
      this.say(error.message);
    }
  }

  changed() {
    this.paint();
    this.onChange();
  }

  say(text) {
    this.said.textContent = text;
  }

  paint() {
    for (const { action, says, cap, words } of this.rows) {
      if (action) cap.textContent = keymap.shown(action);
      words.textContent = action ? this.says(action) : keyed(says);
      if (action) cap.parentNode.classList.toggle("own", keymap.own.has(action));
    }
    this.line.value = keymap.line;
  }
}
