// A card's tokens as the browser shows them: which stretches of text they colour, and how strongly.
//
// Several tokens may make one visible character (an emoji in three byte tokens): such tokens form
// one *group*, the smallest stretch that can be shown. Steps take the tokens that start in them.

// Upper edges of the colour classes 0 to 6; above the last is class 7. Class 0 has no colour.
const SCALES = {
  surprisal: {
    letter: "s",
    edges: [0.1, 0.5, 1, 2, 3, 5, 8],
    unit: "nats per token",
    says: "surprisal = −log-likelihood of the token",
  },
  rank: {
    letter: "r",
    edges: [1, 2, 3, 5, 10, 100, 1000],
    unit: "place in the student's list",
    says: "rank 1 = the student's first choice",
  },
  entropy: {
    letter: "e",
    edges: [0.1, 0.5, 1, 2, 3, 4, 6],
    unit: "nats",
    says: "entropy of the student's next-token distribution",
  },
};
const HEATS = ["off", ...Object.keys(SCALES)];

/** The colour class 0 to 7 of a value; null (not a finite number) is the strongest. */
function heatClass(scale, value) {
  if (value === null) return 7;
  let k = 0;
  while (k < scale.edges.length && value > scale.edges[k]) k++;
  return k;
}

/** Groups of tokens, in order: {first, last, start, end, classes}. Also what each step averages. */
function prepare(card) {
  if (card.prepared && card.prepared.version === card.version) return card.prepared;
  const { text, tokens } = card;
  const groups = [];
  const n = tokens ? tokens.start.length : 0;
  for (let i = 0; i < n; i++) {
    let start = tokens.start[i];
    let end = tokens.end[i];
    const before = groups[groups.length - 1];
    const joins = before && (start < before.end || start === end || !isCut(text, start));
    if (joins) {
      before.last = i;
      before.end = Math.max(before.end, end);
    } else {
      groups.push({ first: i, last: i, start, end });
    }
  }
  for (const group of groups) group.classes = groupClasses(tokens, group);
  card.prepared = { version: card.version, groups, steps: stepMeans(card) };
  return card.prepared;
}

/** The strongest of the group's tokens decides its colour. */
function groupClasses(tokens, { first, last }) {
  let s = 0;
  let r = 0;
  let e = 0;
  for (let i = first; i <= last; i++) {
    const logprob = tokens.logprob[i];
    s = Math.max(s, heatClass(SCALES.surprisal, logprob === null ? null : -logprob));
    r = Math.max(r, heatClass(SCALES.rank, tokens.rank[i]));
    e = Math.max(e, heatClass(SCALES.entropy, tokens.entropy[i]));
  }
  return `s${s} r${r} e${e}`;
}

/** What a step shows: from its start (the first: 0) to the next step's start. */
function stepRange(card, i) {
  const from = i === 0 ? 0 : card.steps[i][0];
  const to = i + 1 < card.steps.length ? card.steps[i + 1][0] : card.text.length;
  return [from, to];
}

/** Per step, over the tokens that start in it: mean surprisal, rank and entropy; null without. */
function stepMeans(card) {
  const { tokens } = card;
  if (!tokens) return [];
  let i = 0;
  return card.steps.map((_, step) => {
    const to = stepRange(card, step)[1];
    const sums = { n: 0, surprisal: 0, rank: 0, entropy: 0 };
    for (; i < tokens.start.length && tokens.start[i] < to; i++) {
      sums.n += 1;
      sums.surprisal -= tokens.logprob[i] ?? NaN;
      sums.rank += tokens.rank[i];
      sums.entropy += tokens.entropy[i] ?? NaN;
    }
    const mean = (name) => (sums.n && Number.isFinite(sums[name]) ? sums[name] / sums.n : null);
    return {
      n: sums.n,
      surprisal: mean("surprisal"),
      rank: mean("rank"),
      entropy: mean("entropy"),
    };
  });
}

/** The index of the first group that ends after `at`. */
function groupAt(groups, at) {
  let low = 0;
  let high = groups.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (groups[middle].end > at) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** A number of nats with its sign and four decimals, as it left the student's side. */
function nats(value) {
  return value === null ? "not finite" : value.toFixed(4).replace("-", "−");
}

/** White space made visible, for the token readout. */
function visible(text) {
  return text
    .replace(/\r?\n/g, "↵")
    .replace(/\t/g, "⇥")
    .replace(/^ +| +$/g, (run) => "␣".repeat(run.length));
}

/** The exact values of a group, as [label, value] pairs; several tokens give several of each. */
function readings(card, group) {
  const { tokens } = card;
  const each = (list, show) => {
    const values = [];
    for (let i = group.first; i <= group.last; i++) values.push(show(list[i]));
    return values.join(" · ");
  };
  return [
    ["log-likelihood", `${each(tokens.logprob, nats)} nats`],
    ["rank", each(tokens.rank, String)],
    ["entropy", `${each(tokens.entropy, nats)} nats`],
    [group.first === group.last ? "token" : "tokens", each(tokens.id, String)],
  ];
}

/** The markers of a card that touch [from, to). */
function markersIn(card, from, to) {
  return card.markers.filter(([start, end]) => start < to && end > from);
}
