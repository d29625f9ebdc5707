// The desk: which card is on screen and what a command does.

class Desk extends Board {
  constructor(data) {
    super();
    this.deck = new Deck(data.store, data.reviewer, data.question);
    this.words = data.words; // verdict -> [what the button says, what is said afterwards]
    this.isBlind = data.blind;
    this.judgesSteps = isAboutTraining(data.question);
    this.parts = skeleton((action, detail) => this.act(action, detail), data);
    this.root = this.parts.root;
    this.trace = new TraceView(this.parts.pane, (reading, isSpoken) =>
      this.read(reading, isSpoken),
    );
    this.curve = new BeliefCurve(this.parts.curve, this.trace);
    this.rendered = new RenderedView(this.parts, this.deck, () => this.courier.sendSoon());
    this.guide = new Guide(this.parts, this.deck, () => this.courier.sendSoon());
    this.connect(
      () => ({
        ...this.deck.wishes(this.shown),
        rendered: this.rendered.wishes(this.shown),
        guide: this.guide.wish(),
      }),
      () => this.deck.want.size > 0 || this.rendered.isWanting(this.shown) || this.guide.isWanting(),
    );
    this.judgement = new Judgement(this.parts, this.trace, this.deck);
    this.labelling = new SpanMenu(this.judgement.spans, this.trace, (text) => this.say(text));
    this.editor = new Editor(this);
    this.shown = null; // trace id
    this.card = null;
    this.past = null; // the decision that stands on the card on screen
    this.sheet = new KeySheet(
      this.parts.sheet,
      KEYS.filter(({ action }) => this.knows(action)),
      (action) => keyed(ACTIONS.get(action).says ?? this.words[action][0].toLowerCase()),
      () => this.onKeysChanged(),
    );
    const { textSmaller, textLarger } = this.parts;
    this.textSize = new TextSize(this.root, { textSmaller, textLarger });
    this.sight = new Sight(this.parts, this.trace, this.deck, this.isBlind);
    this.abort = new AbortController();
    listen(this, this.abort.signal);
    this.sight.paint(null);
  }

  // Life ------------------------------------------------------------------------------------------

  close() {
    this.abort.abort();
    this.trace.observer.disconnect();
    this.judgement.close();
    this.editor.keep();
    this.courier.close();
    this.receipt.close();
    this.root.remove();
  }

  // News ------------------------------------------------------------------------------------------

  receive(data) {
    this.queue = data.queue;
    this.height = data.height;
    this.deck.receive(data);
    this.rendered.receive(data.rendered, this.shown, this.trace);
    this.setBlindFirst(data.blind_first);
    if (this.shown in data.missing) this.shown = null;
    this.labels = data.labels;
    this.guide.receive(data.guide);
    this.setReasons(data.reasons);
    this.setScorer(data.scorer_rests);
    this.judgement.spans.setLabels(data.span_labels);
    this.labelling.takesWord = data.takes_own_label;
    this.onAnswer();
    this.paintNews();
    this.deck.evict(this.shown);
  }

  /** Put what is new on screen, leaving alone what the reviewer is busy with. */
  paintNews() {
    const card = this.sight.of(this.deck.cards.get(this.shown));
    if (!card && !this.deck.want.has(this.shown)) this.showNext();
    else if (card && !this.card) this.show(this.shown);
    else if (card && card !== this.card) this.repaint(card);
    if (this.goesOn) this.browse(1);
    this.past = this.shown === null ? null : this.deck.standing(this.shown);
    this.editor.renew(this.card, this.past);
    this.paintPhase();
    this.paintFoot();
    this.anticipate();
  }

  onStorage(event) {
    this.takeStorage(event);
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
    this.card = this.sight.of(this.deck.cards.get(id));
    if (id !== null && !this.card) {
      this.deck.want.add(id);
      this.courier.sendSoon();
    }
    this.past = id === null ? null : this.deck.standing(id);
    const hadFocus = this.root.contains(this.root.getRootNode().activeElement);
    if (this.card) {
      this.trace.show(this.card);
      paintProblem(parts.problem, this.card);
      paintNumbers(parts.numbers, this.card);
    } else {
      this.trace.clear();
      parts.problem.replaceChildren();
      parts.numbers.kept?.show([]);
    }
    this.rendered.show(this.card && id, this.trace);
    this.curve.show(this.card);
    this.labelling.close();
    this.judgement.show(id, this.card, this.past);
    this.editor.show(id, this.card, this.past);
    if (this.card && !this.card.is_hidden && !this.isBlind) this.deck.revealed.add(id);
    this.read(null);
    this.paintPhase();
    const hasFocus = this.root.contains(this.root.getRootNode().activeElement);
    if (!hasFocus) this.focusTrace(!hadFocus);
    if (this.isProblemScrolled) parts.problem.scrollTop = 0;
    this.isProblemScrolled = false;
    if (this.isStacked && this.root.getBoundingClientRect().top < 0)
      this.root.scrollIntoView({ block: "start" });
    this.root.dataset.trace = id ?? "";
    this.anticipate();
  }

  /** Build the card that comes next while nobody waits for it. */
  anticipate() {
    if (this.isAnticipating) return;
    this.isAnticipating = true;
    const soon = globalThis.requestIdleCallback ?? ((run) => setTimeout(run, 50));
    soon(
      () => {
        this.isAnticipating = false;
        const id = this.deck.next(this.shown);
        if (id !== null && !this.abort.signal.aborted)
          this.trace.anticipate(this.sight.of(this.deck.cards.get(id)));
      },
      { timeout: 400 },
    );
  }

  repaint(card) {
    this.card = card;
    this.trace.repaint(card);
    this.curve.show(card);
    paintNumbers(this.parts.numbers, card);
    this.read(null);
  }

  browse(by) {
    const id = this.deck.neighbour(this.shown, by);
    const isLast = this.deck.counts().n_left <= this.deck.open().length;
    this.goesOn = by > 0 && id === null && !isLast; // until the next card has come
    if (id !== null) {
      this.show(id);
      if (this.card) this.say(`Card: ${plain(this.card.prompt, 80)}`);
    } else
      this.say(
        by < 0
          ? "There is no earlier card here."
          : isLast
            ? "This is the last card."
            : "Fetching the next card.",
      );
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
    if (this.labelling.takes(event)) return;
    const command = commandOf(event, this.root);
    if (!command) return;
    event.preventDefault();
    this.act(command.action, command);
  }

  act(action, detail = {}) {
    if (!this.knows(action)) return;
    if (this.card?.is_hidden && SCORED.has(action)) {
      this.say(`${HIDDEN_WORDS}.`);
      return;
    }
    if (this.editor.isOpen && WAITS_FOR_EDITOR.has(action)) {
      this.say("The editor is open: accept the edit, or leave it with esc first.");
      this.parts.editField.focus();
      return;
    }
    if (action in this.words) this.decide(action);
    else if (action === "reason") this.rejectFor(detail.digit);
    else if (action === "undo") this.undo();
    else if (STEP_ACTIONS.has(action)) this.judgeStep(STEP_ACTIONS.get(action));
    else if (action === "span") this.labelling.open();
    else if (action === "confidence") this.say(this.judgement.nextConfidence());
    else if (action === "note" || action === "directive") this.parts[action].focus();
    else if (action === "stepNext" || action === "stepBack")
      this.trace.moveStep(action === "stepNext" ? 1 : -1);
    else if (action === "view") this.say(this.rendered.toggle(this.card && this.shown, this.trace));
    else if ((action === "tokenNext" || action === "tokenBack") && this.rendered.isOn)
      this.say(keyed("Tokens stand on the exact text: {w} shows it."));
    else if (action === "tokenNext" || action === "tokenBack")
      this.trace.moveToken(action === "tokenNext" ? 1 : -1);
    else if (action === "cardNext" || action === "cardBack")
      this.browse(action === "cardNext" ? 1 : -1);
    else if (action === "heat")
      this.say(
        this.sight.setHeat(detail.heat ?? nextHeat(this.sight.heat, this.card), this.card),
      );
    else if (action === "markers")
      this.say(this.sight.setMarkers(this.sight.markers === "on" ? "off" : "on", this.card));
    else if (action === "reveal") this.reveal();
    else if (EDITS.has(action)) this.editor.act(action);
    else if (action === "guide") this.say(this.guide.open());
    else if (action === "beside") this.openBeside();
    else if (action === "textLarger" || action === "textSmaller")
      this.say(this.textSize.step(action === "textLarger" ? 1 : -1));
    else if (action === "sheet") {
      if (detail.isPointer) this.focusTrace(); // where the focus comes back to
      this.sheet.open();
    }
  }

  /** Whether an action is one of this desk's. */
  knows(action) {
    return !(this.isBlind && SIGHTED.has(action)) && (this.judgesSteps || !ABOUT_TRAINING.has(action));
  }

  /** The reviewer changed a key: name them anew wherever they are named. */
  onKeysChanged() {
    relabel(this.root);
    this.read(null);
    this.judgement.paintStep();
    if (this.card) paintNumbers(this.parts.numbers, this.card);
    this.paintPhase();
    this.paintFoot();
  }

  /** Open the other traces of this problem beside this one, in a tab of their own. */
  openBeside() {
    if (!this.card) return;
    const query = new URLSearchParams({ left: this.card.trace_id, reviewer: this.deck.reviewer });
    window.open(new URL(`Compare?${query}`, location.href), "_blank", "noopener");
  }

  judgeStep(said) {
    if (!this.card || !this.judgesSteps) return;
    this.say(this.judgement.judge(said));
  }

  rejectFor(digit) {
    const reason = this.reasons[digit - 1];
    if (reason) this.decide("reject", [reason[0]]);
    else this.say(`There is no reason ${digit}.`);
  }

  /** Decide on the card on screen and show the next: kept first, shown next, sent afterwards. */
  decide(verdict, reasons = [], more = {}) {
    const { card } = this;
    if (!card) return;
    const entry = {
      decision_id: uuid(),
      kind: "decide",
      trace_id: card.trace_id,
      text_hash: card.text_hash,
      verdict,
      withdraws: null,
      reasons,
      ...this.judgement.said(),
      decided_at: new Date().toISOString(),
      queue: this.queue,
      convention_id: card.convention_id,
      lexicon_id: card.lexicon_id,
      ...this.guide.said(),
      revealed: !this.isBlind && !card.is_hidden,
      question: this.deck.question,
      ...more,
    };
    this.deck.add(entry, this.past ? 0 : 1);
    this.judgement.drafts.delete(card.trace_id);
    const staysHere = card.is_hidden && SETTLES.has(verdict);
    if (staysHere) {
      this.judgement.setConfidence(null); // the next verdict is another one
      this.reveal();
    } else this.showNext(card.trace_id);
    this.flash(verdict);
    const next = staysHere
      ? "The scores are shown now: confirm or change your verdict."
      : this.card
        ? `Next: ${plain(this.card.prompt, 80)}`
        : "";
    const why = reasons.length ? `, ${this.labelOf(reasons[0])}` : "";
    this.say(`${this.words[verdict][1]}${more.edit ? " with your edit" : ""}${why}. ${next}`);
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
    const isOnlyOne =
      this.deck.history().filter((entry) => entry.trace_id === past.trace_id).length <= 1;
    const entry = {
      decision_id: uuid(),
      kind: "undo",
      trace_id: past.trace_id,
      withdraws: past.decision_id,
      decided_at: new Date().toISOString(),
      queue: this.queue,
      question: this.deck.question,
    };
    this.deck.add(entry, isOnlyOne ? -1 : 0);
    this.judgement.restore(past);
    this.editor.restore(past);
    this.show(past.trace_id);
    this.flash("undo");
    this.say(`Taken back: ${this.words[past.verdict][1]}. The card is here again.`);
    this.paintFoot();
    this.courier.sendSoon();
  }

  /** Show the scores of the card on screen; from now on its decisions are given with them. */
  reveal() {
    if (!this.card?.is_hidden) return;
    this.deck.revealed.add(this.shown);
    this.judgement.begin();
    this.repaint(this.sight.of(this.deck.cards.get(this.shown)));
    this.past = this.deck.standing(this.shown);
    this.paintPhase();
    this.say("The scores are shown.");
  }

  /** The switch on the page: hide scores until the first verdict, or not. */
  setBlindFirst(isBlindFirst) {
    if (this.sight.isBlindFirst === Boolean(isBlindFirst)) return;
    this.sight.isBlindFirst = Boolean(isBlindFirst);
    this.root.dataset.blindFirst = String(this.sight.isBlindFirst);
    if (this.card) this.show(this.shown);
  }

  // Painting --------------------------------------------------------------------------------------

  read(reading, isSpoken = false) {
    paintReadout(this.parts.readout, this.parts.spoken, this.card, reading, isSpoken);
  }

  setReasons(reasons) {
    if (JSON.stringify(reasons) === JSON.stringify(this.reasons)) return;
    this.reasons = reasons;
    this.parts.reasons.replaceChildren(
      ...reasons.map(([, label], i) =>
        button(
          {
            class: "reason",
            "aria-keyshortcuts": i + 1,
          },
          () => this.rejectFor(i + 1),
          keycap(i + 1),
          unseen(`${this.words.reject[0]}: `),
          el("span", { dir: "auto" }, label),
        ),
      ),
    );
  }

  /** Why nobody is reading the traces that have no scores yet; null = somebody is. */
  setScorer(why) {
    if (scorerRests === why) return;
    scorerRests = why;
    if (this.card) this.repaint(this.card);
  }

  labelOf(code) {
    return this.labels[code] ?? code;
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
    for (const node of [...parts.heats, parts.markers])
      node.setAttribute("aria-disabled", String(Boolean(this.card?.is_hidden)));
    paintNotice(parts.notice, phase, deck);
    const isAsked = this.sight.isBlindFirst && this.past?.revealed === false;
    paintBanner(parts.banner, this.card && this.past, this.words, (code) => this.labelOf(code), {
      isAsked: isAsked && SETTLES.has(this.past.verdict),
    });
    parts.why.replaceChildren(
      appendText(el("span", { class: "badge queue" }), this.queue ?? ""),
      " ",
      appendText(el("span", { dir: "auto" }), this.card?.why ?? ""),
    );
    paintLegend(parts.legend, this.sight.heat, this.card);
  }

  paintFoot() {
    paintProgress(this.parts.progress, this.deck.counts());
    paintRecent(this.parts.recent, this.deck.history(), this.words, (entry) =>
      this.show(entry.trace_id),
    );
    this.receipt.paint();
  }

  get focusPane() {
    return this.parts.pane;
  }
}
