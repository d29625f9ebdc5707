// What this browser knows of pairs: the deck of desk.js, kept under the ids of both traces.

const PREFER = "prefer/";

/** What each choice says of a pair: [on its button, afterwards]. */
const PAIR_WORDS = {
  left: ["Left is better", "Left chosen"],
  right: ["Right is better", "Right chosen"],
  tie: ["Neither is better", "Called a tie"],
  flag: ["Flag", "Flagged"],
};

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

  /** What a choice said, as it stood on screen: "left", "right", "tie" or "flag". */
  saidOf({ trace_id: id, verdict, left }) {
    if (verdict === "skip") return "tie";
    if (verdict === "flag") return "flag";
    return (verdict === "accept") === (left === id) ? "left" : "right";
  }

  /** What an undo of a choice takes back: each decision of it. */
  partsOf({ decision_id: withdraws, trace_id, question }) {
    return [{ withdraws, trace_id, question }];
  }
}

/** A choice on two sides as an entry says it: kept with the smaller of the two ids. */
function saidOfPair(sides, said, names) {
  const [first, second] = [...sides].sort((a, b) => (a.trace_id < b.trace_id ? -1 : 1));
  const better = sides[names.indexOf(said)];
  return {
    trace_id: first.trace_id,
    text_hash: first.text_hash,
    question: PREFER + second.trace_id,
    left: sides[0].trace_id,
    verdict: { tie: "skip", flag: "flag" }[said] ?? (better === first ? "accept" : "reject"),
  };
}
