// What an edit changes: the original and the edited text in a field, and the words between them.
//
// A field of the page knows line feeds only, so what it holds is put back into the original's line
// ends wherever the text is the same: an edit changes what was typed and nothing else. Texts are
// compared by lines and sentences first and by words in what differs, so that a few edits of a long trace are
// found in some milliseconds. Nothing here is on screen but what `paintChanges` fills.

const CONTEXT_CHARS = 80; // of what stayed, before and after a change
const MOST_CHANGES = 100; // shown; the count counts all
const MOST_SHOWN = 3000; // characters of one change

/** `text` as a text field holds it: every line end a line feed. */
function fieldText(text) {
  return text.replace(/\r\n?/g, "\n");
}

/** What was typed, as it can be stored: no half characters, no NUL, the original's line ends. */
function typedText(original, typed) {
  const text = (typed.toWellFormed?.() ?? typed).replaceAll("\0", "");
  if (!original.includes("\r")) return text;
  const lineEnd = original.includes("\r\n") ? "\r\n" : "\n";
  let out = "";
  let at = 0; // in the original
  const add = (piece) => {
    // Two line ends that come to stand side by side stay two.
    if (out.endsWith("\r") && piece.startsWith("\n")) out += "\n";
    out += piece;
  };
  for (const [kind, piece] of changesBetween(fieldText(original), text)) {
    if (kind === "new") {
      add(piece.replaceAll("\n", lineEnd));
      continue;
    }
    const from = at;
    for (let n = 0; n < piece.length; n++) at += original.startsWith("\r\n", at) ? 2 : 1;
    if (kind === "same") add(original.slice(from, at));
  }
  return out;
}

/** The pieces [kind, text] that lead from `a` to `b`, as `wordDiff` has them, for texts of any length. */
function changesBetween(a, b) {
  const pieces = new Pieces();
  const [left, right] = [linesOf(a), linesOf(b)];
  const gap = (i, iEnd, j, jEnd) => {
    const text = (lines, from, to) =>
      lines
        .slice(from, to)
        .map((line) => line.text)
        .join("");
    for (const [kind, piece] of gapDiff(text(left, i, iEnd), text(right, j, jEnd)))
      pieces.add(kind, piece);
  };
  let [atA, atB] = [0, 0];
  for (const [i, j, n] of matches(left, right)) {
    gap(atA, i, atB, j);
    for (let k = 0; k < n; k++) pieces.add("same", left[i + k].text);
    [atA, atB] = [i + n, j + n];
  }
  gap(atA, left.length, atB, right.length);
  return pieces.list;
}

/** Lines, and sentences of a line: a trace may be one line. */
function linesOf(text) {
  return text
    .split(/(?<=\n|[.!?;] )/)
    .filter(Boolean)
    .map((line) => ({ text: line }));
}

/** The same for what differs: what both begin and end with, to the word, is no matter for words. */
function gapDiff(a, b) {
  const most = Math.min(a.length, b.length);
  let head = 0;
  while (head < most && a[head] === b[head]) head++;
  while (head > 0 && !/\s/.test(a[head - 1])) head--;
  let tail = 0;
  while (tail < most - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;
  while (tail > 0 && !/\s/.test(a[a.length - tail])) tail--;
  return [
    ...(head ? [["same", a.slice(0, head)]] : []),
    ...wordDiff(a.slice(head, a.length - tail), b.slice(head, b.length - tail)),
    ...(tail ? [["same", a.slice(a.length - tail)]] : []),
  ];
}

/** How many places changed, and how many words went and came there. */
function changeCounts(pieces) {
  const counts = { changes: 0, gone: 0, new: 0 };
  let isIn = false;
  for (const [kind, text] of pieces) {
    if (kind === "same") isIn = false;
    else {
      if (!isIn) counts.changes += 1;
      isIn = true;
      counts[kind] += wordsOf(text).length;
    }
  }
  return counts;
}

function countWords({ changes, gone, new: came }) {
  const words = (n) => `${n.toLocaleString("en")} ${n === 1 ? "word or sign" : "words or signs"}`;
  return `${changes} ${changes === 1 ? "change" : "changes"}: ${words(came)} in, ${words(gone)} out`;
}

/** Fill `place` with the changed places and a little of what stands around each. */
function paintChanges(place, pieces) {
  const rows = [];
  let row = null;
  let shown = 0;
  pieces.forEach(([kind, text], k) => {
    if (kind !== "same") {
      if (!row && shown < MOST_CHANGES) {
        row = el("p", { class: "change text", dir: "auto" });
        appendText(row, endOf(pieces[k - 1]?.[1] ?? ""));
        rows.push(row);
        shown += 1;
      }
      if (row) row.append(changed(kind, text));
      return;
    }
    if (!row) return;
    // Close by, the next change goes on in the same row.
    const isClose = text.length <= 2 * CONTEXT_CHARS && k + 1 < pieces.length && shown < MOST_CHANGES;
    appendText(row, isClose ? text : beginningOf(text));
    if (isClose) shown += 1;
    else row = null;
  });
  const left = changeCounts(pieces).changes - shown;
  if (left > 0) rows.push(el("p", { class: "dim" }, `${left} more changes are not shown here.`));
  place.replaceChildren(...rows);
}

/** The last words of what stands before a change, and the first of what stands behind it. */
function endOf(text) {
  if (text.length <= CONTEXT_CHARS) return text;
  return `… ${text.slice(nextCut(text, text.length - CONTEXT_CHARS)).replace(/^\S*\s+(?=\S)/, "")}`;
}

function beginningOf(text) {
  if (text.length <= CONTEXT_CHARS) return text;
  return `${text.slice(0, nextCut(text, CONTEXT_CHARS)).replace(/(?<=\S)\s+\S*$/, "")} …`;
}

/** A piece that went or came; line breaks in it have a sign, or a change of them showed nothing. */
function changed(kind, text) {
  const node = el(kind === "gone" ? "del" : "ins", {});
  const stop = nextCut(text, Math.min(text.length, MOST_SHOWN));
  text
    .slice(0, stop)
    .split("\n")
    .forEach((line, k) => {
      if (k) node.append(el("span", { class: "line-end", "aria-hidden": "true" }), "\n");
      appendText(node, line);
    });
  if (stop < text.length)
    node.append(` … ${(text.length - stop).toLocaleString("en")} more characters`);
  return node;
}
