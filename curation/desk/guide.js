// What reviewers go by: the guidelines in a panel, and a quiet word where they have changed since
// this person last opened them. The text comes, rendered, when somebody asks for it; which version
// is in force is always known, and each decision names it.

class Guide {
  constructor(parts, deck, send) {
    this.button = parts.guideButton;
    this.dialog = parts.guide;
    this.send = send;
    this.seenKey = deck.outbox.prefix.replace(STORAGE, `${STORAGE}-guidelines`);
    this.standing = null; // {guidelines_id, reasons_id, author, stored_at}
    this.held = ""; // the version whose text is here
    this.isAsked = false;
    this.dialog.onclick = (event) => event.target === this.dialog && this.dialog.close();
  }

  /** What a decision says of the versions that it was made under. */
  said() {
    return {
      guidelines_id: this.standing?.guidelines_id ?? null,
      reasons_id: this.standing?.reasons_id ?? null,
    };
  }

  /** What to tell the server: the version held; null while nobody asks for the text. */
  wish() {
    return this.isAsked ? this.held : null;
  }

  isWanting() {
    const version = this.standing?.guidelines_id;
    return this.isAsked && Boolean(version) && this.held !== version;
  }

  receive(standing) {
    this.standing = standing ?? null;
    if (standing?.html) {
      this.held = standing.guidelines_id;
      this.dialog.querySelector(".rich").replaceChildren(richNodes(standing.html));
    }
    if (this.dialog.open) this.open();
    this.paint();
  }

  /** Show the panel; what happened, in words. */
  open() {
    const version = this.standing?.guidelines_id;
    if (!version) return "There are no guidelines; the link beside the desk is where to write them.";
    this.isAsked = true;
    if (this.isWanting()) this.send();
    else this.see(version);
    this.fill();
    if (!this.dialog.open) this.dialog.showModal();
    return "Guidelines";
  }

  onKey(event) {
    const name = keyName(event);
    // The browser's own Escape is spent where the page around us takes that key too.
    if (name === "Escape" || keymap.bound.get(name)?.action === "guide") this.dialog.close();
  }

  fill() {
    const { author, stored_at: at, guidelines_id: version } = this.standing ?? {};
    this.dialog.querySelector(".version").textContent = version
      ? `by ${plain(author, 60)}, ${day(at)} at ${clock(at)}, ${version}`
      : "";
    if (this.held === version) return;
    this.dialog.querySelector(".rich").textContent = isConnected()
      ? "Fetching…"
      : "No connection; they come with it.";
  }

  see(version) {
    try {
      localStorage.setItem(this.seenKey, version);
    } catch {
      this.seen = version;
    }
    this.paint();
  }

  paint() {
    const version = this.standing?.guidelines_id;
    this.button.hidden = !version;
    if (!version) return;
    let seen = this.seen;
    try {
      seen ??= localStorage.getItem(this.seenKey);
    } catch {
      // No storage: new until opened here.
    }
    const isNews = seen !== version;
    this.button.dataset.news = String(isNews);
    this.button.firstChild.textContent = isNews ? "guidelines changed" : "guidelines";
  }
}

/** The empty panel, a modal dialog of our own. */
function guidePanel() {
  const dialog = el("dialog", { class: "guide", "aria-label": "Guidelines" });
  dialog.append(
    el("h2", {}, "Guidelines"),
    el("p", { class: "dim small version" }),
    el("div", { class: "rich", dir: "auto", tabindex: "0" }),
    button({ class: "segment" }, () => dialog.close(), "Close", keycap("Escape")),
  );
  return dialog;
}

/** The button that opens it, with the word that they have changed. */
function guideButton(act) {
  return button(
    { class: "segment guide-button", "aria-keyshortcuts": "i", "aria-haspopup": "dialog", hidden: true },
    () => act("guide"),
    el("span", {}, "guidelines"),
    keycap("i"),
  );
}
