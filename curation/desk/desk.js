// The desk: which card is on screen and what a command does.
//
// Streamlit calls the default export again with each change of `data`, and may call the clean-up of
// an older run after a newer one has begun. So a desk lives in this module, by its key; a run only
// hands it the news, and a clean-up counts only if no run follows it.

const SHOW_CHOICE_MS = 350;
const IDLE_MS = 30000;
const desks = new Map();

/** Time on the card with idle time left out: at most IDLE_MS after each sign of life. */
class ActiveTime {
  restart() {
    this.total = 0;
    this.last = performance.now();
  }

  tick() {
    const now = performance.now();
    this.total += Math.min(now - this.last, IDLE_MS);
    this.last = now;
    return Math.round(this.total);
  }

  /** The page comes back into view: what passed meanwhile does not count. */
  resume() {
    this.last = performance.now();
  }
}

class Desk {
  constructor(data) {
    this.deck = new Deck(data.store, data.reviewer);
    this.parts = skeleton((action, detail) => this.act(action, detail));
    this.root = this.parts.root;
    this.trace = new TraceView(this.parts.pane, (reading, isSpoken) => this.read(reading, isSpoken));
    this.receipt = new Receipt(this.parts.receipt, this.deck, () => this.courier.send(), () => this.paintFoot());
    this.courier = new Courier(this.deck.outbox, () => this.receipt.paint());
    this.courier.extra = () => this.deck.wishes(this.shown);
    this.courier.isWanting = () => this.deck.want.size > 0;
    this.time = new ActiveTime();
    this.time.restart();
    this.drafts = new Map(); // trace id -> {note, directive}
    this.shown = null; // trace id
    this.card = null;
    this.past = null; // the decision that stands on the card on screen
    this.heat = preference("heat", HEATS, "surprisal");
    this.markers = preference("markers", ["on", "off"], "on");
    this.listen();
    this.paintSwitches();
  }

  // Life ------------------------------------------------------------------------------------------

  listen() {
    this.abort = new AbortController();
    const { signal } = this.abort;
    const on = (target, name, handler, more = {}) => target.addEventListener(name, handler, { signal, ...more });
    on(document, "keydown", (event) => this.onKey(event));
    for (const name of ["keydown", "pointerdown", "pointermove", "wheel"]) {
      on(document, name, () => this.time.tick(), { passive: true, capture: true });
    }
    on(document, "visibilitychange", () => (document.hidden ? this.time.tick() : this.time.resume()));
    on(window, "online", () => this.courier.send());
    on(window, "storage", (event) => this.onStorage(event));
    on(window, "resize", () => this.fit());
    on(this.parts.problem, "scroll", () => (this.isProblemScrolled = true), { passive: true });
    on(window, "beforeunload", (event) => this.deck.outbox.unkept.size > 0 && event.preventDefault());
    // Pressed with a pointer, a button gives the focus back: the next space is a skip.
    on(this.root, "click", (event) => {
      if (event.detail > 0 && event.target.closest(".verdict, .undo, .reason, .segment, .past")) this.focusTrace();
    });
    for (const name of ["note", "directive"]) {
      on(this.parts[name], "input", () => this.saveDraft());
      on(this.parts[name], "keydown", (event) => {
        if (event.key === "Escape" && !event.isComposing) this.focusTrace();
      });
    }
    // Streamlit writes its connection on the app's root; the courier's timer does not rely on it.
    const app = document.querySelector("[data-test-connection-state]");
    if (app) {
      this.wire = new MutationObserver(() => {
        if (isConnected() && this.deck.outbox.waiting().length) setTimeout(() => this.courier.send(), 300);
        this.receipt.paint();
      });
      this.wire.observe(app, { attributes: true, attributeFilter: ["data-test-connection-state"] });
    }
  }

  /** Stand under `parent`, in its present theme. */
  attach(parent) {
    if (this.root.parentNode !== parent) parent.append(this.root);
    this.root.dataset.scheme = isDark(this.root) ? "dark" : "light";
    this.fit();
  }

  /** As high as the window leaves room for, so that panes scroll and buttons stay. */
  fit() {
    if (!this.root.isConnected) return;
    const scroller = this.root.getRootNode().host?.closest('[data-testid="stMain"]') ?? document.scrollingElement;
    const top = this.root.getBoundingClientRect().top - scroller.getBoundingClientRect().top + scroller.scrollTop;
    const room = this.height ?? Math.max(460, Math.floor(scroller.clientHeight - top - 10));
    this.root.style.setProperty("--desk-height", `${room}px`);
    this.isStacked = getComputedStyle(this.root).getPropertyValue("--stacked").trim() === "1";
  }

  close() {
    this.abort.abort();
    this.wire?.disconnect();
    this.trace.observer.disconnect();
    this.courier.close();
    this.receipt.close();
    this.root.remove();
  }

  // News ------------------------------------------------------------------------------------------

  receive(data) {
    this.queue = data.queue;
    this.height = data.height;
    this.deck.receive(data);
    if (this.shown in data.missing) this.shown = null;
    this.setReasons(data.reasons);
    this.courier.onAnswer();
    if (this.deck.want.size && !this.isAsking) this.courier.sendSoon();
    this.isAsking = this.deck.want.size > 0;
    this.paintNews();
    this.deck.evict(this.shown);
  }

  /** Put what is new on screen, leaving alone what the reviewer is busy with. */
  paintNews() {
    const card = this.deck.cards.get(this.shown);
    if (!card && !this.deck.want.has(this.shown)) this.showNext();
    else if (card && !this.card) this.show(this.shown);
    else if (card && card !== this.card) this.repaint(card);
    if (this.goesOn) this.browse(1);
    this.past = this.shown === null ? null : this.deck.standing(this.shown);
    this.paintPhase();
    this.paintFoot();
    this.anticipate();
  }

  onStorage(event) {
    const entry = this.deck.outbox.onStorage(event);
    if (entry) this.deck.recall(entry);
    if (this.shown !== null) this.past = this.deck.standing(this.shown);
    this.paintPhase();
    this.paintFoot();
  }

  // Which card ------------------------------------------------------------------------------------

  showNext(after = null) {
    this.show(this.deck.next(after));
  }

  show(id) {
    const { parts } = this;
    this.goesOn = false;
    this.shown = id;
    this.card = this.deck.cards.get(id) ?? null;
    if (id !== null && !this.card) {
      this.deck.want.add(id);
      this.courier.sendSoon();
    }
    this.past = id === null ? null : this.deck.standing(id);
    this.shownAt = new Date();
    this.time.restart();
    const hadFocus = this.root.contains(this.root.getRootNode().activeElement);
    if (this.card) {
      paintProblem(parts.problem, this.card);
      this.trace.show(this.card);
      paintNumbers(parts.numbers, this.card);
    } else {
      this.trace.clear();
      parts.problem.replaceChildren();
      parts.numbers.replaceChildren();
    }
    this.fillFields();
    this.read(null);
    this.paintPhase();
    const hasFocus = this.root.contains(this.root.getRootNode().activeElement);
    if (!hasFocus) this.focusTrace(!hadFocus);
    if (this.isProblemScrolled) parts.problem.scrollTop = 0;
    this.isProblemScrolled = false;
    if (this.isStacked && this.root.getBoundingClientRect().top < 0) this.root.scrollIntoView({ block: "start" });
    this.root.dataset.trace = id ?? "";
    this.anticipate();
  }

  /** Build the card that comes next while nobody waits for it. */
  anticipate() {
    if (this.isAnticipating) return;
    this.isAnticipating = true;
    const soon = globalThis.requestIdleCallback ?? ((run) => setTimeout(run, 50));
    soon(() => {
      this.isAnticipating = false;
      const id = this.deck.next(this.shown);
      if (id !== null && !this.abort.signal.aborted) this.trace.anticipate(this.deck.cards.get(id));
    }, { timeout: 400 });
  }

  repaint(card) {
    this.card = card;
    this.trace.repaint(card);
    paintNumbers(this.parts.numbers, card);
    this.read(null);
  }

  browse(by) {
    const line = this.deck.timeline();
    const at = line.indexOf(this.shown);
    const id = (at < 0 ? this.deck.next(null) : line[at + by]) ?? null;
    const isLast = this.deck.counts().n_left <= this.deck.open().length;
    this.goesOn = by > 0 && id === null && !isLast; // until the next card has come
    if (id !== null) this.show(id);
    else this.say(by < 0 ? "There is no earlier card here." : isLast ? "This is the last card." : "Fetching the next card.");
    if (by > 0) this.courier.sendSoon(); // the server keeps the deck as deep as one looks
  }

  // Commands --------------------------------------------------------------------------------------

  onKey(event) {
    if (this.parts.sheet.open) {
      // The browser's own Escape is spent where the page around us takes that key too.
      if (["?", "Escape"].includes(keyName(event))) this.parts.sheet.close();
      return;
    }
    const command = commandOf(event, this.root);
    if (!command) return;
    event.preventDefault();
    this.act(command.action, command);
  }

  act(action, detail = {}) {
    if (action in DONE) this.decide(action);
    else if (action === "reason") this.rejectFor(detail.digit);
    else if (action === "undo") this.undo();
    else if (action === "note" || action === "directive") this.parts[action].focus();
    else if (action === "stepNext" || action === "stepBack") this.trace.moveStep(action === "stepNext" ? 1 : -1);
    else if (action === "tokenNext" || action === "tokenBack") this.trace.moveToken(action === "tokenNext" ? 1 : -1);
    else if (action === "cardNext" || action === "cardBack") this.browse(action === "cardNext" ? 1 : -1);
    else if (action === "heat") this.setHeat(detail.heat ?? HEATS[(HEATS.indexOf(this.heat) + 1) % HEATS.length]);
    else if (action === "markers") this.setMarkers(this.markers === "on" ? "off" : "on");
    else if (action === "sheet") this.parts.sheet.showModal();
  }

  rejectFor(digit) {
    const reason = this.reasons[digit - 1];
    if (reason) this.decide("reject", [reason[0]]);
    else this.say(`There is no reason ${digit}.`);
  }

  /** Decide on the card on screen and show the next: kept first, shown next, sent afterwards. */
  decide(verdict, reasons = []) {
    const { card } = this;
    if (!card) return;
    const entry = {
      decision_id: uuid(), kind: "decide", trace_id: card.trace_id, text_hash: card.text_hash,
      verdict, withdraws: null, reasons, note: written(this.parts.note),
      directive: written(this.parts.directive), shown_at: this.shownAt.toISOString(),
      decided_at: new Date().toISOString(), active_ms: this.time.tick(), queue: this.queue,
      convention_id: card.convention_id, lexicon_id: card.lexicon_id, revealed: true,
    };
    this.deck.add(entry, this.past ? 0 : 1);
    this.drafts.delete(card.trace_id);
    this.showNext(card.trace_id);
    this.flash(verdict);
    this.say(`${DONE[verdict]}${reasons.length ? `, ${this.labelOf(reasons[0])}` : ""}. ${
      this.card ? `Next: ${plain(this.card.prompt, 80)}` : ""}`);
    this.paintFoot();
    this.courier.sendSoon();
  }

  /** Take back the decision on the card on screen if it has one, else the last one made. */
  undo() {
    const past = this.past ?? this.deck.history()[0];
    if (!past) {
      this.say("There is nothing to undo.");
      return;
    }
    const isOnlyOne = this.deck.history().filter((entry) => entry.trace_id === past.trace_id).length <= 1;
    const entry = {
      decision_id: uuid(), kind: "undo", trace_id: past.trace_id, text_hash: null, verdict: null,
      withdraws: past.decision_id, reasons: [], note: null, directive: null, shown_at: null,
      decided_at: new Date().toISOString(), active_ms: null, queue: this.queue,
      convention_id: null, lexicon_id: null, revealed: null,
    };
    this.deck.add(entry, isOnlyOne ? -1 : 0);
    this.drafts.set(past.trace_id, { note: past.note ?? "", directive: past.directive ?? "" });
    this.show(past.trace_id);
    this.flash("undo");
    this.say(`Taken back: ${DONE[past.verdict]}. The card is here again.`);
    this.paintFoot();
    this.courier.sendSoon();
  }

  setHeat(heat) {
    this.heat = prefer("heat", heat);
    this.paintSwitches();
    this.say(`Heatmap ${heat}`);
  }

  setMarkers(markers) {
    this.markers = prefer("markers", markers);
    this.paintSwitches();
    this.say(`Markers ${markers}`);
  }

  // Painting --------------------------------------------------------------------------------------

  read(reading, isSpoken = false) {
    paintReadout(this.parts.readout, this.parts.spoken, this.card, reading, isSpoken);
  }

  paintSwitches() {
    this.trace.list.dataset.heat = this.heat;
    this.trace.list.dataset.markers = this.markers;
    for (const node of this.parts.heats) node.setAttribute("aria-pressed", String(node.dataset.heat === this.heat));
    this.parts.markers.setAttribute("aria-pressed", String(this.markers === "on"));
    paintLegend(this.parts.legend, this.heat, this.card);
  }

  setReasons(reasons) {
    if (JSON.stringify(reasons) === JSON.stringify(this.reasons)) return;
    this.reasons = reasons;
    this.parts.reasons.replaceChildren(...reasons.map(([, label], i) => button({
      class: "reason", "aria-keyshortcuts": i + 1, "aria-label": `Reject: ${label} (key ${i + 1})`,
    }, () => this.rejectFor(i + 1), keycap(i + 1), el("span", { dir: "auto" }, label))));
  }

  labelOf(code) {
    return this.reasons.find(([other]) => other === code)?.[1] ?? code;
  }

  /** Say where we are: a card, a card that was decided, waiting for more, or the end. */
  paintPhase() {
    const { parts, deck } = this;
    const phase = this.card ? "card" : phaseWithout(deck, this.shown);
    this.root.dataset.phase = phase;
    parts.notice.hidden = phase === "card";
    parts.pane.hidden = phase !== "card";
    for (const node of [...parts.verdicts, ...parts.reasons.children]) {
      node.setAttribute("aria-disabled", String(phase !== "card"));
    }
    paintNotice(parts.notice, phase, deck);
    paintBanner(parts.banner, this.card && this.past, (code) => this.labelOf(code));
    parts.why.replaceChildren(
      appendText(el("span", { class: "badge queue" }), this.queue ?? ""), " ",
      appendText(el("span", { dir: "auto" }), this.card?.why ?? ""));
    paintLegend(parts.legend, this.heat, this.card);
  }

  paintFoot() {
    paintProgress(this.parts.progress, this.deck.counts());
    paintRecent(this.parts.recent, this.deck.history(), (entry) => this.show(entry.trace_id));
    this.receipt.paint();
  }

  /** Show which choice was made, for a moment, on the buttons that stay where they are. */
  flash(name) {
    clearTimeout(this.flashTimer);
    this.root.dataset.flash = name;
    this.flashTimer = setTimeout(() => delete this.root.dataset.flash, SHOW_CHOICE_MS);
  }

  say(text) {
    this.parts.spoken.textContent = text;
  }

  // Fields and focus ------------------------------------------------------------------------------

  fillFields() {
    const from = this.drafts.get(this.shown) ?? this.past;
    for (const name of ["note", "directive"]) {
      this.parts[name].value = from?.[name] ?? "";
      this.parts[name].disabled = !this.card;
    }
  }

  saveDraft() {
    if (!this.card) return;
    this.drafts.set(this.shown, { note: this.parts.note.value, directive: this.parts.directive.value });
  }

  /** Give the trace the focus; `isIdle`: only if nobody is typing elsewhere on the page. */
  focusTrace(isIdle = false) {
    const active = document.activeElement;
    if (isIdle && active && isTypingPlace(active)) return;
    this.parts.pane.focus({ preventScroll: true });
  }
}

/** What a field holds, as text that can be stored: no half characters, null where blank. */
function written(field) {
  const text = (field.value.toWellFormed?.() ?? field.value).replaceAll("\0", "");
  return text.trim() ? text : null;
}

/** A choice that outlives the page, if the browser allows. */
function preference(name, values, otherwise) {
  try {
    const value = localStorage.getItem(`${STORAGE}-${name}`);
    return values.includes(value) ? value : otherwise;
  } catch {
    return otherwise;
  }
}

function prefer(name, value) {
  try {
    localStorage.setItem(`${STORAGE}-${name}`, value);
  } catch {
    // It holds for this page, then.
  }
  return value;
}

/** Whether the theme's background is a dark one. */
function isDark(root) {
  const [r, g, b] = (getComputedStyle(root).backgroundColor.match(/[\d.]+/g) ?? [255, 255, 255]).map(Number);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b < 128;
}

/** The desk of these data: the one that stands, or a new one in its place. */
function deskFor(data) {
  const known = desks.get(data.desk);
  if (known?.deck.store === data.store && known.deck.reviewer === data.reviewer) return known;
  known?.close();
  const desk = new Desk(data);
  desks.set(data.desk, desk);
  return desk;
}

export default function review({ data, parentElement, setStateValue }) {
  const desk = deskFor(data);
  desk.courier.set = setStateValue;
  desk.run = (desk.run ?? 0) + 1;
  const { run } = desk;
  desk.attach(parentElement);
  const isFirst = run === 1;
  desk.receive(data);
  if (isFirst && desk.deck.outbox.waiting().length) desk.courier.send();
  return () => setTimeout(() => {
    // Unmounted for good only if no later run took over; decisions stay in storage and are sent by
    // whichever desk of this reviewer opens next.
    if (desk.run !== run) return;
    desk.close();
    if (desks.get(data.desk) === desk) desks.delete(data.desk);
  }, 0);
}

export const parts = { appendText, el, isCut, keyName, nextCut, plain, prepare, uuid };
