// What this browser knows of pairs: the deck of desk.js, kept under the ids of both traces.

const PREFER = "prefer/";

class PairDeck extends Deck {
  placeOf({ trace_id: id, question }) {
    return `${id}|${question.slice(PREFER.length)}`;
  }

  isAnswer(entry) {
    return entry.question?.startsWith(PREFER) ?? false;
  }

  /** A choice shows nothing by itself: only what stood on screen before it was seen. */
  wasSeen(entry) {
    return entry.revealed === true;
  }
}

/** What a choice said, as it stood on screen: "left", "right", "tie" or "flag". */
function saidOf({ trace_id: id, verdict, left }) {
  if (verdict === "skip") return "tie";
  if (verdict === "flag") return "flag";
  return (verdict === "accept") === (left === id) ? "left" : "right";
}

/** What each says: [on its button, afterwards]. */
const PAIR_WORDS = {
  left: ["Left is better", "Left chosen"],
  right: ["Right is better", "Right chosen"],
  tie: ["Neither is better", "Called a tie"],
  flag: ["Flag", "Flagged"],
};
