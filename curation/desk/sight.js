// How much of a card is shown: heat and markers as switched on, and, where one judges blind first,
// nothing of the scores before the first verdict.
//
// A hidden card is a copy without numbers, markers and the reason it is here: what is not in it can
// stand nowhere on the page. Once its scores were shown to a reviewer, they have been shown: undo
// takes a verdict back, not a look.

const HIDDEN_CARD = {
  is_hidden: true,
  tokens: null,
  profile: null,
  panel: null,
  leaks: null,
  belief: null,
  markers: [],
  marker_counts: {},
  marking_refusal: null,
  epistemic_per_1k_tokens: null,
  scoring: "hidden",
  convention_id: null,
  lexicon_id: null,
  why: null,
};
const HIDDEN_WORDS = "Hidden until your first verdict";
const SETTLES = new Set(["accept", "reject"]); // the verdicts that a look at the scores may change

class Sight {
  constructor(parts, trace, deck, isBlind) {
    this.parts = parts;
    this.frame = trace.frame;
    this.deck = deck;
    this.isBlindFirst = false;
    this.hidden = new WeakMap(); // card -> its copy
    this.heat = isBlind ? "off" : preference("heat", HEATS, "surprisal");
    this.markers = isBlind ? "off" : preference("markers", ["on", "off"], "on");
  }

  /** The card as the reviewer may see it now. */
  of(card) {
    if (!card) return null;
    if (!this.isBlindFirst || card.was_revealed || this.deck.revealed.has(card.trace_id))
      return card;
    const known = this.hidden.get(card);
    if (known) return known;
    const { prepared, ...rest } = card;
    const copy = { ...rest, ...HIDDEN_CARD };
    this.hidden.set(card, copy);
    return copy;
  }

  setHeat(heat, card) {
    this.heat = prefer("heat", heat);
    this.paint(card);
    return `Heatmap ${heat}`;
  }

  setMarkers(markers, card) {
    this.markers = prefer("markers", markers);
    this.paint(card);
    return `Markers ${markers}`;
  }

  paint(card) {
    this.frame.dataset.heat = this.heat;
    this.frame.dataset.markers = this.markers;
    for (const node of this.parts.heats)
      node.setAttribute("aria-pressed", String(node.dataset.heat === this.heat));
    this.parts.markers.setAttribute("aria-pressed", String(this.markers === "on"));
    paintLegend(this.parts.legend, this.heat, card);
  }
}
