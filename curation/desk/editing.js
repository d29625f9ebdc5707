// Edit and accept: the trace's text in a field as large as the pane, under it what changes.
//
// What is typed is a draft in the browser's storage, apart from the other drafts, since it may be as
// long as the trace; it goes when the edit is accepted, or taken back to the original. The original
// is never written: an accepted edit travels in the decision.

const EDIT_AFTER_MS = 200; // of quiet, until the draft is kept and compared
const EDITS = new Set(["edit", "editAccept", "editLeave", "editReset"]);
const ABOUT_TRAINING = new Set([...STEP_ACTIONS.keys(), ...EDITS]);
const WAITS_FOR_EDITOR = new Set(["undo", "reason", "accept", "reject", "skip", "flag"]);

/** The places of the editor, for the skeleton: what is said of an edit, and the editor itself. */
function editorPlaces(part, act) {
  // In the document only while one edits: elsewhere it would be the first field of the desk.
  part(
    "editField",
    el("textarea", {
      class: "edit-field",
      "aria-label": "Text of the trace",
      spellcheck: "false",
      autocapitalize: "off",
      autocomplete: "off",
      dir: "auto",
    }),
  );
  const press = (name, ...children) => (attributes) =>
    button({ class: "segment", ...attributes }, () => act(name), ...children);
  return [
    part("edited", el("section", { class: "edited", hidden: true, "aria-label": "Edit" })),
    part(
      "editor",
      el(
        "section",
        { class: "editor", hidden: true, "aria-label": "Edit the trace" },
        el(
          "div",
          { class: "editing" },
          press("editAccept", icon("accept"), "Accept the edit", keycap("ctrl ↵"))({
            class: "segment primary",
            "aria-keyshortcuts": "Control+Enter Meta+Enter",
          }),
          press("editLeave", "Leave", unseen(" the editor and keep a draft"), keycap("Escape"))({
            "aria-keyshortcuts": "Escape",
          }),
          press("editReset", "Back to the original")({}),
          part("editState", el("span", { class: "dim", role: "status" })),
        ),
        part(
          "editChanges",
          el("div", {
            class: "changes",
            tabindex: "0",
            role: "region",
            "aria-label": "What the edit changes",
          }),
        ),
      ),
    ),
  ];
}

class Editor {
  constructor(desk) {
    this.desk = desk;
    this.parts = desk.parts;
    this.drafts = new Drafts(desk.deck.outbox, `${desk.deck.question}/edit`); // id -> {text}
    desk.deck.onDiscard = (entry) => this.restore(entry);
    this.isOpen = false;
    this.card = null;
    this.timer = null;
    // Once these are on screen, they are compared no more: [original, edited, pieces].
    this.compared = ["", "", []];
  }

  /** Begin with a card, closed; what was typed on the one before is its draft. */
  show(id, card, past) {
    if (this.isOpen) this.close();
    [this.id, this.card, this.past] = [id, card, past];
    this.paintEdited();
  }

  /** A newer version of the card, or another decision on it, is on screen. */
  renew(card, past) {
    [this.card, this.past] = [card, past];
    if (!this.isOpen) this.paintEdited();
  }

  // The texts --------------------------------------------------------------------------------------

  /** The text that a decision was accepted with; null where it is not at hand, undefined for none. */
  textOf(decision) {
    if (!decision?.edit) return undefined;
    const { decision_id: id, edit } = decision;
    const { mine, edit_taken_back: back } = this.card ?? {};
    return (
      edit.text ??
      this.desk.deck.mine.get(id)?.entry.edit?.text ??
      (mine?.decision_id === id ? mine.edit?.text : null) ??
      (back?.decision_id === id ? back.text : null) ??
      null
    );
  }

  /** What was typed and not accepted, as the field holds it; undefined where there is nothing. */
  draft() {
    const kept = this.drafts.get(this.id);
    if (!kept || !this.card) return undefined;
    if (typeof kept.text === "string") return kept.text;
    // Of a decision that was taken back: its text comes with the card.
    const text = this.textOf({ decision_id: kept.decision_id, edit: {} });
    if (typeof text === "string") return fieldText(text);
    this.askFor(kept.decision_id);
    return undefined;
  }

  /** Have the card sent anew, once: it brings the text of this decision. */
  askFor(decision_id) {
    const { deck, courier } = this.desk;
    if (this.asked === decision_id) return;
    this.asked = decision_id;
    deck.cards.delete(this.id);
    deck.want.add(this.id);
    courier.sendSoon();
  }

  /** A decision was taken back, or given up as refused: its edit is a draft again. */
  restore({ decision_id, trace_id, edit }) {
    if (!edit) return;
    const { text } = this.desk.deck.mine.get(decision_id)?.entry.edit ?? edit;
    this.drafts.set(trace_id, text ? { text: fieldText(text) } : { decision_id });
  }

  /** The decision that carries the edit is kept: the draft has done its part. */
  forget(id) {
    this.drafts.delete(id);
    this.desk.deck.outbox.keepAgain();
  }

  // The editor -------------------------------------------------------------------------------------

  /** One of EDITS; whatever else is asked of the desk meanwhile is `WAITS_FOR_EDITOR`'s to say. */
  act(action) {
    const { desk } = this;
    if (action === "edit") {
      const why = this.open();
      desk.say(why ?? "Editing the trace. Escape keeps a draft, Ctrl and Enter accepts the edit.");
    } else if (!this.isOpen) {
      return;
    } else if (action === "editReset") {
      this.reset();
    } else if (action === "editLeave") {
      this.close();
      desk.focusTrace();
      desk.say("The editor is closed; what you changed is kept as a draft.");
    } else {
      this.accept();
    }
  }

  /** Accept the trace with what stands in the field, unless there is a reason not to. */
  accept() {
    const edit = this.accepted();
    if (!edit) return;
    const { id } = this;
    this.close();
    this.desk.decide("accept", [], { edit });
    this.forget(id);
  }

  /** Open the editor on the card on screen; why not, in words, or null. */
  open() {
    const { card, parts } = this;
    if (!card) return "There is no card to edit.";
    if (card.is_hidden) return "Give your first verdict on the trace as it stands; then edit it.";
    if (card.text.length > MAX_EDIT_CHARS)
      return `This trace has ${counted(card.text)} characters; an edit may have ${MAX_EDIT_CHARS.toLocaleString("en")}.`;
    if (this.isOpen) {
      parts.editField.focus();
      return null;
    }
    const before = this.textOf(this.past);
    parts.editField.value =
      this.draft() ?? (before === undefined || before === null ? fieldText(card.text) : fieldText(before));
    this.isOpen = true;
    this.nHidden = 0; // a field shows nothing of these, and obeys those that reorder
    eachPiece(card.text, 0, card.text.length, () => {}, () => (this.nHidden += 1));
    parts.edited.hidden = true;
    parts.editor.hidden = false;
    parts.editChanges.before(parts.editField);
    this.desk.root.dataset.editing = "";
    this.compare();
    parts.editField.focus({ preventScroll: true });
    parts.editField.setSelectionRange(0, 0);
    parts.editField.scrollTop = 0;
    return null;
  }

  /** Close, keeping what was typed. */
  close() {
    this.keep();
    this.isOpen = false;
    this.parts.editor.hidden = true;
    this.parts.editField.value = "";
    this.parts.editField.remove();
    delete this.desk.root.dataset.editing;
    this.paintEdited();
  }

  /** Something was typed: kept and compared when the hands rest. */
  onInput() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.keep() && this.compare(), EDIT_AFTER_MS);
  }

  /** Keep the draft; false where there is no editor to keep it from. */
  keep() {
    clearTimeout(this.timer);
    if (!this.isOpen || !this.card) return false;
    const { value } = this.parts.editField;
    if (value === fieldText(this.card.text)) this.drafts.delete(this.id);
    else if (value !== this.drafts.get(this.id)?.text) this.drafts.set(this.id, { text: value });
    return true;
  }

  reset() {
    this.parts.editField.value = fieldText(this.card.text);
    this.keep();
    this.compare();
    this.parts.editField.focus();
  }

  /** The edit as it would be stored: {text}, or {why} it cannot be. */
  edit() {
    const text = typedText(this.card.text, this.parts.editField.value);
    if (text === this.card.text) return { why: "Nothing changed: this is the original." };
    if (!text.trim()) return { why: "Nothing is left; to leave nothing of a trace, reject it." };
    if (text.length > MAX_EDIT_CHARS)
      return {
        why: `The edit has ${counted(text)} characters; at most ${MAX_EDIT_CHARS.toLocaleString("en")} are stored.`,
      };
    return { text };
  }

  /** The edit that is to be accepted, or null, having said why not. */
  accepted() {
    this.keep();
    const { text, why } = this.edit();
    if (!why) return { text };
    this.compare();
    this.parts.editState.textContent = why;
    this.parts.editState.dataset.state = "refused";
    this.parts.editField.focus();
    return null;
  }

  // Painting ---------------------------------------------------------------------------------------

  /** Say what changes, and where the draft is. */
  compare() {
    const { editState, editChanges, editField } = this.parts;
    const pieces = this.pieces(editField.value);
    const counts = changeCounts(pieces);
    const where = this.drafts.unkept.has(this.id)
      ? "draft only in this tab: the browser's storage is full"
      : "draft kept in this browser";
    editState.dataset.state = this.drafts.unkept.has(this.id) ? "refused" : "";
    const said = [
      counts.changes ? `${countWords(counts)} · ${where}` : "Nothing changed yet.",
      this.nHidden
        ? `${this.nHidden} invisible ${this.nHidden === 1 ? "character" : "characters"} in the original: leave to see where`
        : "",
    ];
    editState.textContent = said.filter(Boolean).join(" · ");
    paintChanges(editChanges, pieces);
    if (!counts.changes)
      editChanges.append(el("p", { class: "dim" }, "What you change is shown here, word by word."));
  }

  pieces(edited) {
    const original = fieldText(this.card.text);
    if (this.compared[0] !== original || this.compared[1] !== edited)
      this.compared = [original, edited, changesBetween(original, edited)];
    return this.compared[2];
  }

  /** What the card on screen says of edits while the editor is closed. */
  paintEdited() {
    const { edited } = this.parts;
    if (!edited) return;
    const draft = this.card ? this.draft() : undefined;
    const text = this.card ? this.textOf(this.past) : undefined;
    const parts = [];
    if (text !== undefined) parts.push(this.standing(text));
    if (draft !== undefined && draft !== text)
      parts.push(
        el(
          "p",
          { class: "draft" },
          "An edit of yours waits as a draft. ",
          button({ class: "segment" }, () => this.desk.act("edit"), "Go on with it", keycap("e")),
        ),
      );
    edited.replaceChildren(...parts);
    edited.hidden = !parts.length;
  }

  /** The edit that the card was accepted with: what it changed, and what the student makes of it. */
  standing(text) {
    if (text === null) {
      this.askFor(this.past.decision_id);
      return el("p", { class: "dim" }, "Accepted with an edit; fetching its text.");
    }
    const pieces = this.pieces(fieldText(text));
    const changes = el("div", { class: "changes", tabindex: "0", role: "region", "aria-label": "What the edit changed" });
    paintChanges(changes, pieces);
    const { keep, why } = this.card.mine?.decision_id === this.past.decision_id ? (this.card.mine.edit ?? {}) : {};
    return el(
      "details",
      { open: true },
      el("summary", {}, `Accepted with an edit. ${countWords(changeCounts(pieces))}`),
      changes,
      why && keep !== null
        ? el("p", { class: keep ? "advice dim" : "advice", "data-keep": keep }, `By the student: ${why}`)
        : null,
    );
  }
}

function counted(text) {
  return text.length.toLocaleString("en");
}
