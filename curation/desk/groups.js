// The desk for three and four traces of a problem: all in columns, and which is best?
//
// A choice goes out as an entry for each pair that it settles: the best over each other one, or for a
// tie or a flag every two. All name the traces in the order in which they stood (`among`) and the
// first of the entries (`choice`); they are shown and taken back together.

const GROUP_WORDS = {
  one: ["1 is best", "1 chosen"],
  two: ["2 is best", "2 chosen"],
  three: ["3 is best", "3 chosen"],
  four: ["4 is best", "4 chosen"],
  tie: ["All alike", "Called alike"],
  flag: ["Flag", "Flagged"],
};
const GROUP_NAMES = ["one", "two", "three", "four"];

/** What the desk for groups shows and says. */
const GROUPS = {
  title: "Traces of one problem side by side",
  names: GROUP_NAMES,
  shown: [
    ...GROUP_NAMES.map((said, k) => ({ said, key: String(k + 1) })),
    { said: "tie", key: "space" },
    { said: "flag", key: "f" },
  ],
  words: GROUP_WORDS,
  says: {
    ...PAIR_SAYS,
    skip: "all are alike: a tie of every two",
    flag: "flag these traces: somebody should look at them",
    stepNext: "next step; where linked, the other traces go along",
    cardNext: "next problem, undecided",
    cardBack: "previous problem",
    tokenNext: "read the next trace; the others are held against it",
    tokenBack: "read the previous trace",
    view: "two at a time ({.} goes to the next two), or all",
    beside: "scroll and step all together, or each on its own",
    reveal: "show teachers, contexts and scores of these traces",
  },
  digits: [{ key: "1-4", says: "that trace is the best: better than each other one" }],
  undoes: "choice",
  tools: [["two", "w", "view", "two at a time"]],
};

class GroupDeck extends PairDeck {
  placeOf({ among }) {
    return [...among].sort().join("|");
  }

  isAnswer(entry) {
    return super.isAnswer(entry) && Boolean(entry.among);
  }

  /** Of the entries of a choice the first counts, and its undo. */
  recall(entry, counts) {
    const isFirst = (entry.withdraws ?? entry.decision_id) === entry.choice;
    super.recall(entry, counts ?? (isFirst ? (entry.kind === "decide" ? 1 : -1) : 0));
  }

  /** A choice stands once in it, as its first decision. */
  history() {
    return super.history().filter((entry) => entry.decision_id === entry.choice);
  }

  saidOf({ among, best, trace_id: id, question, verdict }) {
    if (verdict === "skip") return "tie";
    if (verdict === "flag") return "flag";
    const chosen = best ?? (verdict === "accept" ? id : question.slice(PREFER.length));
    return GROUP_NAMES[among.indexOf(chosen)];
  }

  partsOf({ choice, among, parts = [] }) {
    const mine = [...this.mine.values()]
      .map(({ entry }) => entry)
      .filter((entry) => entry.kind === "decide" && entry.choice === choice);
    const every = new Map([...parts, ...mine].map((part) => [part.decision_id, part]));
    // The first goes first: the others count for nothing.
    return [...every.values()]
      .sort((a, b) => (b.decision_id === choice) - (a.decision_id === choice))
      .map(({ decision_id: withdraws, trace_id, question }) => ({
        withdraws,
        trace_id,
        question,
        among,
        choice,
      }));
  }
}

class GroupDesk extends PairDesk {
  constructor(data) {
    super(data, GROUPS, new GroupDeck(data.store, data.reviewer));
  }

  act(action, detail) {
    if (action === "tokenNext" || action === "tokenBack")
      this.say(this.view.turn(action === "tokenNext" ? 1 : -1));
    else if (action === "view") this.say(this.view.toggleTwo());
    else {
      super.act(action, detail);
      return;
    }
    this.paintShare();
    this.paintTools();
  }

  settled({ sides, among }, said) {
    const best = GROUP_NAMES.indexOf(said);
    const pairs = sides.flatMap((one, a) =>
      sides
        .slice(a + 1)
        .map((other, i) => [one, other, [a, a + 1 + i]])
        .filter(([, , places]) => best < 0 || places.includes(best)),
    );
    const ids = pairs.map(() => uuid());
    return pairs.map(([one, other, places], i) => {
      const of = best < 0 ? said : PAIRS.names[places.indexOf(best)];
      const told = saidOfPair([one, other], of, PAIRS.names);
      return { decision_id: ids[i], choice: ids[0], among, ...told };
    });
  }

  paintTools() {
    super.paintTools();
    this.parts.two.setAttribute("aria-pressed", String(this.view.two !== null));
  }
}
