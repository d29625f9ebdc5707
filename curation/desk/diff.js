// What differs between two texts, in words.
//
// Matched are words and single signs, never the white space between them. What stands once in
// both texts anchors the comparison (the longest run of such words in the same order, as `patience`
// diff takes them); between two anchors the longest common run is matched, then what lies before and
// behind it (Ratcliff & Obershelp, without setting frequent words aside). A match that is no longer
// than the changes on both its sides is given up: alone among them it only makes them hard to read.
//
// Two traces of 4,000 tokens take some milliseconds. Knows nothing of cards and elements.

const MOST_WORDS = 60000; // of both texts; above, nothing is compared
const MOST_CELLS = 4e6; // words here times words there that are searched without an anchor

// Scripts without spaces are compared sign by sign.
const UNSPACED =
  "\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Thai}\\p{Script=Lao}\\p{Script=Khmer}";
const WORD = new RegExp(
  `[${UNSPACED}]\\p{M}*` +
    `|(?:(?![${UNSPACED}])[\\p{L}\\p{N}_]\\p{M}*)+(?:[.,'’](?:(?![${UNSPACED}])[\\p{L}\\p{N}]\\p{M}*)+)*` +
    "|\\S[\\p{M}\\u{1f3fb}-\\u{1f3ff}]*(?:\\u200d\\S[\\p{M}\\u{1f3fb}-\\u{1f3ff}]*)*",
  "gu",
);

/**
 * The pieces [kind, text] that lead from `a` to `b`, in order: "same" stands in both, "gone" in `a`
 * alone, "new" in `b` alone. "same" and "gone" joined are `a`, "same" and "new" joined are `b`.
 * Texts too long to compare come back as one "gone" and one "new".
 */
function wordDiff(a, b) {
  const pieces = new Pieces();
  const [left, right] = [wordsOf(a), wordsOf(b)];
  const isTooLong = left.length + right.length > MOST_WORDS;
  const runs = isTooLong ? [] : readable(matches(left, right), left.length, right.length);
  let [atA, atB] = [0, 0];
  for (const [i, j, n] of runs) {
    for (let k = 0; k < n; k++) {
      // Between two words of a run white space may differ: then the white space alone is a change.
      const [one, other] = [left[i + k], right[j + k]];
      pieces.change(a.slice(atA, one.start), b.slice(atB, other.start));
      pieces.add("same", one.text);
      [atA, atB] = [one.end, other.end];
    }
  }
  pieces.change(a.slice(atA), b.slice(atB));
  return pieces.list;
}

class Pieces {
  constructor() {
    this.list = [];
  }

  add(kind, text) {
    if (!text) return;
    const last = this.list[this.list.length - 1];
    if (last?.[0] === kind) last[1] += text;
    else this.list.push([kind, text]);
  }

  /** `gone` in place of `neu`; white space that both begin or end with is the same. */
  change(gone, neu) {
    if (gone === neu) {
      this.add("same", gone);
      return;
    }
    const head = commonSpace(gone, neu, (text, k) => text[k]);
    const rest = [gone.slice(head), neu.slice(head)];
    const tail = commonSpace(...rest, (text, k) => text[text.length - 1 - k]);
    this.add("same", gone.slice(0, head));
    this.add("gone", rest[0].slice(0, rest[0].length - tail));
    this.add("new", rest[1].slice(0, rest[1].length - tail));
    this.add("same", rest[0].slice(rest[0].length - tail));
  }
}

function commonSpace(a, b, at) {
  let k = 0;
  while (k < a.length && k < b.length && at(a, k) === at(b, k) && /\s/.test(at(a, k))) k++;
  return k;
}

function wordsOf(text) {
  return Array.from(text.matchAll(WORD), ({ 0: word, index }) => ({
    text: word,
    start: index,
    end: index + word.length,
  }));
}

/** The runs [i, j, n] of words that are alike: n words from the i-th here and the j-th there. */
function matches(left, right) {
  const ids = new Map();
  const numbered = (words) =>
    Int32Array.from(words, ({ text }) => {
      if (!ids.has(text)) ids.set(text, ids.size);
      return ids.get(text);
    });
  const [x, y] = [numbered(left), numbered(right)];
  const found = [];
  const todo = [[0, x.length, 0, y.length]];
  while (todo.length) {
    let [i, iEnd, j, jEnd] = todo.pop();
    const [iBegin, jBegin] = [i, j];
    while (i < iEnd && j < jEnd && x[i] === y[j]) [i, j] = [i + 1, j + 1];
    if (i > iBegin) found.push([iBegin, jBegin, i - iBegin]);
    let n = 0;
    while (iEnd - n > i && jEnd - n > j && x[iEnd - n - 1] === y[jEnd - n - 1]) n++;
    if (n) found.push([iEnd - n, jEnd - n, n]);
    [iEnd, jEnd] = [iEnd - n, jEnd - n];
    if (i === iEnd || j === jEnd) continue;
    const anchors = unique(x, i, iEnd, y, j, jEnd);
    if (anchors.length) {
      // The gaps before, between and behind the anchors; each begins with its anchor.
      for (const [one, other] of [...anchors, [iEnd, jEnd]]) {
        todo.push([i, one, j, other]);
        [i, j] = [one, other];
      }
      continue;
    }
    if ((iEnd - i) * (jEnd - j) > MOST_CELLS) continue;
    const [p, q, size] = longest(x, i, iEnd, y, j, jEnd);
    if (size) todo.push([i, p, j, q], [p, iEnd, q, jEnd]);
  }
  return found.sort((one, other) => one[0] - other[0]);
}

/** The places [i, j] of words that stand once here and once there, as many as keep one order. */
function unique(x, i, iEnd, y, j, jEnd) {
  const there = new Map(); // id -> its place, -1 where it stands more than once
  for (let q = j; q < jEnd; q++) there.set(y[q], there.has(y[q]) ? -1 : q);
  const here = new Map();
  for (let p = i; p < iEnd; p++) here.set(x[p], here.has(x[p]) ? -1 : p);
  const pairs = [];
  for (const [id, p] of here) {
    const q = there.get(id) ?? -1;
    if (p >= 0 && q >= 0) pairs.push({ p, q, before: null });
  }
  pairs.sort((one, other) => one.p - other.p);
  const tails = []; // the pair with the least q that ends an ordered run of each length
  for (const pair of pairs) {
    let [low, high] = [0, tails.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (tails[middle].q < pair.q) low = middle + 1;
      else high = middle;
    }
    pair.before = tails[low - 1] ?? null;
    tails[low] = pair;
  }
  const run = [];
  for (let pair = tails[tails.length - 1]; pair; pair = pair.before) run.push([pair.p, pair.q]);
  return run.reverse();
}

/** The longest run of words alike, [i, j, n]: the first here, then there, among equals. */
function longest(x, i, iEnd, y, j, jEnd) {
  const places = new Map();
  for (let q = j; q < jEnd; q++) {
    if (!places.has(y[q])) places.set(y[q], []);
    places.get(y[q]).push(q);
  }
  let best = [i, j, 0];
  let before = new Int32Array(jEnd - j + 1); // length of the run that ends at each place there
  let now = new Int32Array(jEnd - j + 1);
  for (let p = i; p < iEnd; p++) {
    now.fill(0);
    for (const q of places.get(x[p]) ?? []) {
      const n = before[q - j] + 1;
      now[q - j + 1] = n;
      if (n > best[2]) best = [p - n + 1, q - n + 1, n];
    }
    [before, now] = [now, before];
  }
  return best;
}

/** The runs, joined where they touch, without those that only break up a change. */
function readable(runs, nLeft, nRight) {
  const joined = [];
  for (const run of runs) {
    const last = joined[joined.length - 1];
    if (last && last[0] + last[2] === run[0] && last[1] + last[2] === run[1]) last[2] += run[2];
    else joined.push([...run]);
  }
  const kept = [];
  const changedBefore = ([i, j]) => {
    const [p, q, n] = kept[kept.length - 1] ?? [0, 0, 0];
    return Math.max(i - p - n, j - q - n);
  };
  for (let k = 0; k < joined.length; k++) {
    const [i, j] = joined[k + 1] ?? [nLeft, nRight];
    const [p, q, n] = joined[k];
    const behind = Math.max(i - p - n, j - q - n);
    if (n > Math.min(changedBefore(joined[k]), behind)) kept.push(joined[k]);
  }
  return kept;
}
