// The desk for traces side by side: which are on screen and what a command does; here for two.
//
// A choice is kept first, the next pair shown next, the choice sent afterwards: as on the desk for
// one trace, by the same deck, outbox and courier. Teachers, contexts and scores are out of sight
// until the choice, unless the reviewer asks; what was on screen before it goes with it (`revealed`).

class PairDesk extends Board {
  /** `kind`: what this desk shows and says. */
  constructor(data, kind = PAIRS, deck = new PairDeck(data.store, data.reviewer)) {
    super();
    this.kind = kind;
    this.deck = deck;
    this.view = new PairView(kind.names);
    this.parts = sidesSkeleton(
      (action, detail) => this.act(action, detail),
      this.view.sides.map((side) => side.root),
      kind,
    );
    this.root = this.parts.root;
    this.view.onCompared = () => this.paintShare();
    this.view.onLaidOut = (n) => (this.parts.sides.dataset.n = n);
    this.guide = new Guide(this.parts, this.deck, () => this.courier.sendSoon());
    this.connect(
      () => ({ ...this.deck.wishes(this.shown), guide: this.guide.wish() }),
      () => this.deck.want.size > 0 || this.guide.isWanting(),
    );
    this.drafts = new Drafts(this.deck.outbox, "prefer"); // place -> {note, revealed}
    this.judgement = { time: new ActiveTime(), save: () => this.saveDraft() };
    this.judgement.time.restart();
    this.sheet = new KeySheet(
      this.parts.sheet,
      choiceKeys(kind.digits, kind.says),
      (action) => kind.says[action] ?? keyed(ACTIONS.get(action).says ?? action),
      () => this.onKeysChanged(),
    );
    const { textSmaller, textLarger } = this.parts;
    this.textSize = new TextSize(this.root, { textSmaller, textLarger });
    this.marks = preference("pairs-diff", ["on", "off"], "on");
    this.shown = null; // the place of the pair on screen
    this.card = null;
    this.past = null; // the choice that stands on it
    this.abort = new AbortController();
    listen(this, this.abort.signal);
    this.paintTools();
  }

  close() {
    this.abort.abort();
    this.courier.close();
    this.receipt.close();
    this.root.remove();
  }

  // News ------------------------------------------------------------------------------------------

  receive(data) {
    this.queue = data.queue;
    this.height = data.height;
    this.deck.receive(data);
    this.showsAll = data.shows_all;
    this.guide.receive(data.guide);
    if (this.shown in data.missing) this.shown = null;
    this.onAnswer();
    const card = this.deck.cards.get(this.shown);
    // Another link or rule: begin there, also with what is decided. Later what is decided stays
    // away: an answer to the choice before the last one still names the last as open.
    const isElsewhere = this.first !== data.first;
    this.first = data.first;
    if (isElsewhere) this.show(this.deck.next(null) ?? this.deck.order[0] ?? null);
    else if (!card && !this.deck.want.has(this.shown)) this.show(this.deck.next(null));
    else if (card && card !== this.card && !this.isSame(card)) this.show(this.shown);
    else this.refresh();
    if (this.goesOn) this.browse(1);
    this.paintFoot();
    this.anticipate();
    this.deck.evict(this.shown);
  }

  /** Whether a newer card holds the same two texts on the same sides: then nothing on screen moves. */
  isSame(card) {
    if (!this.card || card.sides.some(({ trace_id: id }, k) => id !== this.card.sides[k].trace_id))
      return false;
    this.card = Object.assign(this.view.card, card);
    return true;
  }

  onStorage(event) {
    this.takeStorage(event);
    this.refresh();
  }

  onKeysChanged() {
    relabel(this.root);
  }

  /** Say anew where one stands; the texts stay as they are. */
  refresh() {
    this.past = this.shown === null ? null : this.deck.standing(this.shown);
    this.paintPhase();
    this.paintFoot();
  }

  // Which pair ------------------------------------------------------------------------------------

  show(place) {
    this.goesOn = false;
    this.shown = place;
    this.card = this.deck.cards.get(place) ?? null;
    if (place !== null && !this.card) {
      this.deck.want.add(place);
      this.courier.sendSoon();
    }
    this.past = place === null ? null : this.deck.standing(place);
    const draft = this.card ? this.drafts.get(place) : null;
    if (this.card?.was_revealed || draft?.revealed) this.deck.revealed.add(place);
    if (this.card && (this.past || this.showsAll)) this.keepRevealed();
    paintPairProblem(this.parts.problem, this.card);
    this.view.show(this.card);
    this.parts.note.value = draft?.note ?? this.past?.note ?? "";
    this.parts.note.disabled = !this.card;
    this.shownAt = new Date();
    this.judgement.time.restart();
    this.paintPhase();
    this.focusTrace(!this.root.contains(this.root.getRootNode().activeElement));
    this.parts.problem.scrollTop = 0;
    this.root.dataset.trace = place ?? "";
    this.anticipate();
  }

  /** Build the pair that comes next, and find what differs in it, while nobody waits for it. */
  anticipate() {
    if (this.isAnticipating) return;
    this.isAnticipating = true;
    const soon = globalThis.requestIdleCallback ?? ((run) => setTimeout(run, 50));
    soon(
      () => {
        this.isAnticipating = false;
        if (this.abort.signal.aborted) return;
        this.view.anticipate(this.deck.cards.get(this.deck.next(this.shown)));
      },
      { timeout: 400 },
    );
  }

  browse(by) {
    const place = this.deck.neighbour(this.shown, by);
    const isLast = this.deck.counts().n_left <= this.deck.open().length;
    this.goesOn = by > 0 && place === null && !isLast; // until the next pair has come
    if (place !== null) {
      this.show(place);
      if (this.card) this.say(`Problem: ${plain(this.card.prompt, 80)}`);
    } else if (by < 0) this.say("There is nothing earlier here.");
    else this.say(isLast ? "This is the last." : "Fetching what comes next.");
    if (by > 0) this.courier.sendSoon(); // the server keeps the deck as deep as one looks
  }

  // Commands --------------------------------------------------------------------------------------

  onKey(event) {
    if (this.parts.guide.open) {
      this.guide.onKey(event);
      return;
    }
    if (this.sheet.isOpen) {
      this.sheet.onKey(event);
      return;
    }
    const command = commandOf(event, this.root);
    if (!command || !this.knows(command)) return;
    event.preventDefault();
    this.act(command.action, command);
  }

  knows({ action, digit }) {
    return action in this.kind.says || digit <= this.kind.names.length;
  }

  act(action, detail = {}) {
    if (action in this.kind.words) this.choose(action);
    else if (action === "skip") this.choose("tie");
    else if (action === "reason") this.choose(this.kind.names[detail.digit - 1]);
    else if (action === "undo") this.undo();
    else if (action === "note") this.parts.note.focus();
    else if (action === "stepNext" || action === "stepBack")
      this.say(this.view.moveStep(action === "stepNext" ? 1 : -1));
    else if (action === "cardNext" || action === "cardBack")
      this.browse(action === "cardNext" ? 1 : -1);
    else if (action === "markers") {
      this.marks = prefer("pairs-diff", this.marks === "on" ? "off" : "on");
      this.say(`Differences ${this.marks === "on" ? "marked" : "not marked"}`);
    } else if (action === "beside") this.say(this.view.toggleLinked());
    else if (action === "reveal") this.reveal();
    else if (action === "guide") this.say(this.guide.open());
    else if (action === "textLarger" || action === "textSmaller")
      this.say(this.textSize.step(action === "textLarger" ? 1 : -1));
    else if (action === "sheet") {
      if (detail.isPointer) this.focusTrace(); // where the focus comes back to
      this.sheet.open();
    }
    this.paintTools();
  }

  /** Choose on the pair on screen and show the next. */
  choose(said) {
    const { card } = this;
    if (!card) return;
    const place = this.kind.names.indexOf(said);
    if (place >= card.sides.length) {
      this.say(`There is no trace ${place + 1} here.`);
      return;
    }
    const common = {
      kind: "decide",
      withdraws: null,
      reasons: [],
      shown_at: this.shownAt.toISOString(),
      decided_at: new Date().toISOString(),
      queue: this.queue,
      ...this.guide.said(),
      revealed: this.isOpen,
    };
    const own = { note: written(this.parts.note), active_ms: this.judgement.time.tick() };
    for (const [i, part] of this.settled(card, said).entries())
      this.deck.add({ ...common, ...(i ? {} : own), ...part }, i || this.past ? 0 : 1);
    this.drafts.delete(this.shown);
    this.show(this.deck.next(this.shown));
    this.flash(said);
    const next = this.card ? `Next: ${plain(this.card.prompt, 80)}` : "";
    this.say(`${this.kind.words[said][1]}. ${next}`);
    this.paintFoot();
    this.courier.sendSoon();
  }

  /** What a choice says of each pair that it settles: one here. */
  settled(card, said) {
    return [{ decision_id: uuid(), ...saidOfPair(card.sides, said, this.kind.names) }];
  }

  /** Take back the choice on the pair on screen if it has one, else the last one made. */
  undo() {
    const past = this.past ?? this.deck.history()[0];
    if (!past) {
      this.say("There is nothing to undo.");
      return;
    }
    const place = this.deck.placeOf(past);
    const ofPair = this.deck.history().filter((entry) => this.deck.placeOf(entry) === place);
    const common = { kind: "undo", decided_at: new Date().toISOString(), queue: this.queue };
    for (const [i, part] of this.deck.partsOf(past).entries())
      this.deck.add({ ...common, decision_id: uuid(), ...part }, i || ofPair.length > 1 ? 0 : -1);
    this.drafts.set(place, { ...this.drafts.get(place), note: past.note ?? "" });
    this.show(place);
    this.flash("undo");
    this.say(`Taken back: ${this.kind.words[this.deck.saidOf(past)][1]}. It is here again.`);
    this.paintFoot();
    this.courier.sendSoon();
  }

  // What is in sight --------------------------------------------------------------------------------

  get isOpen() {
    return this.deck.revealed.has(this.shown);
  }

  reveal() {
    if (!this.card || this.isOpen) return;
    this.keepRevealed();
    this.say("Teachers, contexts and scores are shown.");
    this.paintPhase();
  }

  /** From here on the pair is no longer judged blind, also after a reload. */
  keepRevealed() {
    if (this.isOpen) return;
    this.deck.revealed.add(this.shown);
    this.drafts.set(this.shown, { ...this.drafts.get(this.shown), revealed: true });
  }

  saveDraft() {
    if (this.card)
      this.drafts.set(this.shown, { note: this.parts.note.value, revealed: this.isOpen });
  }

  // Painting ------------------------------------------------------------------------------------------

  paintPhase() {
    const { parts, deck } = this;
    const phase = this.card ? "card" : phaseWithout(deck, this.shown);
    this.root.dataset.phase = phase;
    parts.notice.hidden = phase === "card";
    parts.sides.hidden = phase !== "card";
    for (const node of parts.choices) {
      const isNone = this.kind.names.indexOf(node.dataset.said) >= (this.card?.sides.length ?? 0);
      node.setAttribute("aria-disabled", String(phase !== "card" || isNone));
    }
    paintNotice(parts.notice, phase, deck);
    paintBanner(parts.banner, this.card && this.asSaid(this.past), this.kind.words, (code) => code, {
      isAsked: false,
    });
    for (const [k, side] of this.view.sides.entries())
      paintAbout(side.about, side.name, this.card?.sides[k], this.isOpen);
    parts.why.replaceChildren(
      appendText(el("span", { class: "badge queue" }), this.queue ?? ""),
      " ",
      appendText(el("span", { dir: "auto" }), this.card?.why ?? ""),
    );
    this.paintShare();
    this.paintTools();
  }

  paintShare() {
    const { share } = this.view;
    this.parts.share.textContent = share === null ? "" : `${Math.round(100 * share)} % in common`;
  }

  paintTools() {
    const { diff, linked, open } = this.parts;
    this.root.dataset.diff = this.marks;
    diff.setAttribute("aria-pressed", String(this.marks === "on"));
    linked.setAttribute("aria-pressed", String(this.view.isLinked));
    open.setAttribute("aria-pressed", String(this.isOpen));
  }

  paintFoot() {
    paintProgress(this.parts.progress, this.deck.counts());
    paintRecent(this.parts.recent, this.deck.history().map((entry) => this.asSaid(entry)), this.kind.words, (entry) =>
      this.show(this.deck.placeOf(entry)),
    );
    this.receipt.paint();
  }

  /** A choice with what it said of the sides in place of its verdict; null for none. */
  asSaid(entry) {
    return entry && { ...entry, verdict: this.deck.saidOf(entry) };
  }

  /** Give the side one reads the focus; `isIdle`: only if nobody is typing elsewhere on the page. */
  get focusPane() {
    return this.view.sides[this.view.active].pane;
  }
}
