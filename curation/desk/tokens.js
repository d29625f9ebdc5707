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
    digits: 1,
    unit: "place in the student's list",
    says: "rank 1 = the student's first choice",
  },
  entropy: {
    letter: "e",
    edges: [0.1, 0.5, 1, 2, 3, 4, 6],
    unit: "nats",
    says: "entropy of the student's next-token distribution",
  },
  hedges: {
    letter: "h",
    list: "mass",
    edges: [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 0.6],
    digits: 3,
    unit: "probability that a hedge begins",
    says: "as the student would go on here; underlined from 0.1 on, where the trace has none",
    absent: "Not computed for this trace: the hedges that the student would begin.",
  },
  privilege: {
    letter: "p",
    list: "gain",
    edges: [-2, -0.5, -0.1, 0.1, 0.5, 1, 2],
    unit: "nats gained by privilege",
    says: "when the student, too, sees what the teacher saw",
    absent: "Not computed for this trace: it needs a reference answer, a solution or the context.",
  },
};
const HEATS = ["off", ...Object.keys(SCALES)];

/** Whether a card has the numbers of a heat; "off" needs none. */
function hasHeat(card, heat) {
  const list = SCALES[heat]?.list;
  return !list || Boolean(card?.tokens?.[list]);
}

/** The heat that key h comes to; what the card has no numbers of is passed over. */
function nextHeat(heat, card) {
  const has = HEATS.filter((name) => name === heat || hasHeat(card, name));
  return has[(has.indexOf(heat) + 1) % has.length];
}

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
  const missing = new Set(tokens?.missing);
  for (const group of groups) group.classes = groupClasses(tokens, group, missing);
  card.prepared = { version: card.version, groups, steps: stepMeans(card) };
  return card.prepared;
}

/** The strongest of the group's tokens decides its colour. */
function groupClasses(tokens, { first, last }, missing) {
  let s = 0;
  let r = 0;
  let e = 0;
  for (let i = first; i <= last; i++) {
    const logprob = tokens.logprob[i];
    s = Math.max(s, heatClass(SCALES.surprisal, logprob === null ? null : -logprob));
    r = Math.max(r, heatClass(SCALES.rank, tokens.rank[i]));
    e = Math.max(e, heatClass(SCALES.entropy, tokens.entropy[i]));
  }
  let classes = `s${s} r${r} e${e}`;
  const span = (list) => list.slice(first, last + 1);
  if (tokens.mass) classes += ` h${heatClass(SCALES.hedges, Math.max(...span(tokens.mass)))}`;
  if (tokens.gain) {
    const most = span(tokens.gain).reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a));
    classes += ` p${heatClass(SCALES.privilege, most)}`;
  }
  for (let i = first; i <= last; i++) if (missing.has(i)) return `${classes} missing`;
  return classes;
}

/** What a step shows: from its start (the first: 0) to the next step's start. */
function stepRange(card, i) {
  const from = i === 0 ? 0 : card.steps[i][0];
  const to = i + 1 < card.steps.length ? card.steps[i + 1][0] : card.text.length;
  return [from, to];
}

/** Per step, over the tokens that start in it: the mean of each heat; null without. */
function stepMeans(card) {
  const { tokens } = card;
  if (!tokens) return [];
  let i = 0;
  return card.steps.map((_, step) => {
    const to = stepRange(card, step)[1];
    const sums = { n: 0, surprisal: 0, rank: 0, entropy: 0, hedges: 0, privilege: 0 };
    for (; i < tokens.start.length && tokens.start[i] < to; i++) {
      sums.n += 1;
      sums.surprisal -= tokens.logprob[i] ?? NaN;
      sums.rank += tokens.rank[i];
      sums.entropy += tokens.entropy[i] ?? NaN;
      sums.hedges += tokens.mass?.[i] ?? NaN;
      sums.privilege += tokens.gain?.[i] ?? NaN;
    }
    const mean = (name) => (sums.n && Number.isFinite(sums[name]) ? sums[name] / sums.n : null);
    return {
      n: sums.n,
      surprisal: mean("surprisal"),
      rank: mean("rank"),
      entropy: mean("entropy"),
      hedges: tokens.mass && mean("hedges"),
      privilege: tokens.gain && mean("privilege"),
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
    ...(tokens.mass ? [["hedge", each(tokens.mass, (value) => value.toFixed(4))]] : []),
    ...(tokens.gain ? [["gain", `${each(tokens.gain, nats)} nats`]] : []),
    [group.first === group.last ? "token" : "tokens", each(tokens.id, String)],
  ];
}

/** A marker in words: its category, and what it does where that can be said. */
function markerSays([, , category, does]) {
  return does ? `${category} (${does})` : category;
}

/** The markers of a card that touch [from, to). */
function markersIn(card, from, to) {
  return card.markers.filter(([start, end]) => start < to && end > from);
}
