// What the reviewer is saying of the card on screen and has not decided yet: note, directive, step
// and span verdicts, how sure he is, which steps were seen, for how long. Kept by trace, so that a reload loses none of it.

const IDLE_MS = 30000;

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

/** What a field holds, as text that can be stored: no half characters, null where blank. */
function written(field) {
  const text = (field.value.toWellFormed?.() ?? field.value).replaceAll("\0", "");
  return text.trim() ? text : null;
}

/**
 * What is said and not decided yet, by trace: it survives a reload and a closed tab, and two tabs see
 * the same. What answers another question (a spot check's) is another draft.
 */
class Drafts {
  constructor(outbox, question) {
    const home = outbox.prefix.replace(STORAGE, `${STORAGE}-draft`);
    this.prefix = `${home}${encodeURIComponent(question)}/`;
    this.unkept = keptByPage(this.prefix); // id -> draft
  }

  get(id) {
    if (this.unkept.has(id)) return this.unkept.get(id);
    try {
      return parsed(localStorage.getItem(this.prefix + id)) ?? undefined;
    } catch {
      return undefined;
    }
  }

  set(id, draft) {
    try {
      localStorage.setItem(this.prefix + id, JSON.stringify(draft));
      this.unkept.delete(id);
    } catch {
      this.unkept.set(id, draft);
    }
  }

  delete(id) {
    this.unkept.delete(id);
    try {
      localStorage.removeItem(this.prefix + id);
    } catch {
      // Nothing was kept.
    }
  }
}

// 0 says "neither good nor bad"; a step of which nothing was said has no verdict at all.
const STEP_VERDICTS = [
  { verdict: 1, action: "stepGood", sign: "+", word: "good", keys: "+ g" },
  { verdict: 0, action: "stepNeutral", sign: "0", word: "neutral", keys: "0" },
  { verdict: -1, action: "stepBad", sign: "−", word: "bad", keys: "- b" },
];
const STEP_ACTIONS = new Map(STEP_VERDICTS.map((said) => [said.action, said]));

// Halves down to a step four thousand windows high: of each step some half of a window is noticed.
const SEEN_SHARES = Array.from({ length: 13 }, (_, k) => 0.5 ** (k + 1));

/** Which steps of a card have stood on screen: half of the step, or a step over half the window. */
class Seen {
  constructor(pane) {
    this.pane = pane;
    this.steps = new Set();
    this.observer = new IntersectionObserver((news) => this.take(news), {
      threshold: SEEN_SHARES,
    });
  }

  /** Watch these steps from now on; `ranges` of them were seen before. */
  watch(items, ranges) {
    this.observer.disconnect();
    this.steps = new Set();
    for (const [from, to] of ranges) for (let i = from; i < to; i++) this.steps.add(i);
    for (const item of items) this.observer.observe(item);
  }

  take(news) {
    for (const { target, intersectionRatio: share, intersectionRect: rect } of news) {
      const isSeen = share >= 0.5 || (share > 0 && rect.height >= this.pane.clientHeight / 2);
      if (isSeen) this.steps.add(Number(target.dataset.step));
    }
  }

  /** [from, to) of the step numbers that were seen, in order. */
  ranges() {
    this.take(this.observer.takeRecords());
    const found = [];
    for (const i of [...this.steps].sort((a, b) => a - b)) {
      const last = found[found.length - 1];
      if (last?.[1] === i) last[1] = i + 1;
      else found.push([i, i + 1]);
    }
    return found;
  }

  close() {
    this.observer.disconnect();
  }
}

const SUREST = Object.keys(CONFIDENCE_WORDS).length;

function confidenceSays(level) {
  return CONFIDENCE_WORDS[level] ?? "not said";
}

/** How sure one is, on its button: in words, and as dots filled so far. */
function paintConfidence(place, level) {
  const dots = "●".repeat(level ?? 0) + "○".repeat(SUREST - (level ?? 0));
  place.dataset.level = level ?? 0;
  place.replaceChildren(
    el("span", { class: "dots", "aria-hidden": "true" }, dots),
    unseen("Confidence: "),
    el("span", { class: "says" }, level ? confidenceSays(level) : "how sure?"),
    keycap("y"),
  );
}

class Judgement {
  constructor(parts, trace, deck) {
    this.parts = parts;
    this.trace = trace;
    this.drafts = new Drafts(deck.outbox, deck.question); // trace id -> {note, directive, steps, seen}
    this.steps = new Map(); // step number -> verdict
    this.spans = new Spans(parts, trace);
    this.spans.onChange = () => this.save();
    this.confidence = null; // 1 to 3; null = not said
    this.seen = new Seen(trace.pane);
    this.time = new ActiveTime();
    this.time.restart();
    trace.onStep.push(() => this.paintStep());
  }

  /** Begin with a card: where it was left, else with the decision that stands on it. */
  show(id, card, past) {
    this.id = id;
    this.card = card;
    this.begin();
    const from = this.drafts.get(id) ?? past;
    for (const name of ["note", "directive"]) {
      this.parts[name].value = from?.[name] ?? "";
      this.parts[name].disabled = !card;
    }
    this.steps = new Map(card ? from?.steps : []);
    this.seen.watch(card ? this.trace.list.children : [], from?.seen ?? []);
    for (const [i, verdict] of this.steps) this.trace.mark(i, verdict);
    this.spans.show((card && from?.spans) || []);
    this.setConfidence((card && from?.confidence) || null);
    this.paintStep();
  }

  /** From here on time counts. */
  begin() {
    this.shownAt = new Date();
    this.time.restart();
  }

  save() {
    if (!this.card) return;
    this.drafts.set(this.id, {
      note: this.parts.note.value,
      directive: this.parts.directive.value,
      steps: [...this.steps],
      seen: this.seen.ranges(),
      spans: this.spans.said(),
      confidence: this.confidence,
    });
  }

  /** What a decision says beside its verdict. */
  said() {
    return {
      note: written(this.parts.note),
      directive: written(this.parts.directive),
      steps: [...this.steps].sort(([a], [b]) => a - b),
      seen: this.seen.ranges(),
      spans: this.spans.said(),
      confidence: this.confidence,
      shown_at: this.shownAt.toISOString(),
      active_ms: this.time.tick(),
    };
  }

  /** A decision was taken back: what it said is a draft again. */
  restore({ trace_id: id, note, directive, steps, seen, spans, confidence }) {
    this.drafts.set(id, {
      note: note ?? "",
      directive: directive ?? "",
      steps: steps ?? [],
      seen: seen ?? [],
      spans: spans ?? [],
      confidence: confidence ?? null,
    });
  }

  /** Say this of the step one stands on, or take it back where it is said; what happened, in words. */
  judge({ verdict, word }) {
    const i = this.trace.step;
    if (!this.card?.steps.length) return "There is no step.";
    if (i < 0) {
      this.trace.moveStep(1);
      return "Standing on step 1; press again to judge it.";
    }
    const isAgain = this.steps.get(i) === verdict;
    if (isAgain) this.steps.delete(i);
    else this.steps.set(i, verdict);
    this.seen.steps.add(i);
    this.trace.mark(i, isAgain ? null : verdict);
    this.save();
    this.paintStep();
    return isAgain ? `Step ${i + 1}: no verdict.` : `Step ${i + 1}: ${word}.`;
  }

  /** One level surer, after the last nothing said; what it is now, in words. */
  nextConfidence() {
    if (!this.card) return "There is no card.";
    const level = ((this.confidence ?? 0) + 1) % (SUREST + 1);
    this.setConfidence(level || null);
    this.save();
    return `Confidence: ${confidenceSays(this.confidence)}.`;
  }

  setConfidence(level) {
    this.confidence = level;
    paintConfidence(this.parts.confidence, level);
  }

  /** The step one stands on, and what was said of it, beside the keys for it. */
  paintStep() {
    const { stepLabel, stepButtons } = this.parts;
    const i = this.card ? this.trace.step : -1;
    const said = this.steps.get(i);
    stepLabel.textContent = i < 0 ? "No step chosen" : `Step ${i + 1} of ${this.card.steps.length}`;
    this.parts.stepCount.textContent = this.steps.size ? `${this.steps.size} judged`
      : keyed("{j} next step");
    for (const node of stepButtons) {
      node.setAttribute("aria-pressed", String(i >= 0 && String(said) === node.dataset.verdict));
      node.setAttribute("aria-disabled", String(!this.card));
    }
  }

  close() {
    this.seen.close();
  }
}
