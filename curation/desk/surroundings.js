// What the desk takes from the browser around it: the theme, preferences, what is pressed and typed.

/** A choice that outlives the page, if the browser allows. */
function preference(name, values, otherwise) {
  try {
    const value = localStorage.getItem(`${STORAGE}-${name}`);
    return values.includes(value) ? value : otherwise;
  } catch {
    return otherwise;
  }
}

function prefer(name, value) {
  try {
    localStorage.setItem(`${STORAGE}-${name}`, value);
  } catch {
    // It holds for this page, then.
  }
  return value;
}

/** Whether the theme's background is a dark one. */
function isDark(root) {
  const [r, g, b] = (
    getComputedStyle(root).backgroundColor.match(/[\d.]+/g) ?? [255, 255, 255]
  ).map(Number);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b < 128;
}

/** Everything that the desk hears of from outside; `signal` ends it all. */
function listen(desk, signal) {
  const on = (target, name, handler, more = {}) =>
    target.addEventListener(name, handler, { signal, ...more });
  on(document, "keydown", (event) => desk.onKey(event));
  // A press that is to become some action's key means nothing else, not to Streamlit either.
  on(
    window,
    "keydown",
    (event) => {
      if (!desk.sheet.isOpen || desk.sheet.waiting === null) return;
      desk.sheet.onKey(event);
      event.stopImmediatePropagation();
    },
    { capture: true },
  );
  for (const name of ["keydown", "pointerdown", "pointermove", "wheel"]) {
    on(document, name, () => desk.judgement.time.tick(), { passive: true, capture: true });
  }
  // What is selected with the mouse can be labelled once the button is up.
  let isPressed = false;
  const released = () => {
    isPressed = false;
    setTimeout(() => desk.labelling?.offer(), 0);
  };
  on(document, "pointerdown", () => (isPressed = true), { capture: true });
  for (const name of ["pointerup", "pointercancel"]) on(document, name, released, { capture: true });
  on(document, "selectionchange", () => isPressed || desk.labelling?.offer());
  on(document, "visibilitychange", () => {
    if (document.hidden) desk.editor?.keep();
    if (document.hidden) desk.judgement.time.tick();
    else desk.judgement.time.resume();
  });
  on(window, "pagehide", () => desk.editor?.keep());
  on(window, "online", () => desk.courier.send());
  on(window, "storage", (event) => desk.onStorage(event));
  on(window, "resize", () => desk.fit());
  on(desk.parts.problem, "scroll", () => (desk.isProblemScrolled = true), { passive: true });
  // Pressed with a pointer, a button gives the focus back: the next space is a skip.
  on(desk.root, "click", (event) => {
    if (event.detail > 0 && event.target.closest(".verdict, .undo, .sure, .reason, .top .segment, .past"))
      desk.focusTrace();
  });
  // So does a verdict on a step, to the step.
  on(desk.root, "click", (event) => {
    if (event.detail > 0 && event.target.closest(".judge")) desk.trace.moveStep(0);
  });
  for (const name of ["note", "directive"]) {
    if (!desk.parts[name]) continue; // a desk for pairs has no directive
    on(desk.parts[name], "input", () => desk.judgement.save());
    on(desk.parts[name], "keydown", (event) => {
      if (event.key === "Escape" && !event.isComposing) desk.focusTrace();
    });
  }
  if (desk.parts.editor) {
    on(desk.parts.editField, "input", () => desk.editor.onInput());
    on(desk.parts.editor, "keydown", (event) => {
      const isEnter = event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.repeat;
      if (event.isComposing || !(isEnter || event.key === "Escape")) return;
      event.preventDefault();
      desk.act(isEnter ? "editAccept" : "editLeave");
    });
  }
  // Streamlit writes its connection on the app's root; the courier's timer does not rely on it.
  const app = document.querySelector("[data-test-connection-state]");
  if (!app) return;
  const wire = new MutationObserver(() => {
    if (isConnected() && desk.deck.outbox.waiting().length) {
      setTimeout(() => desk.courier.send(), 300);
    }
    desk.receipt.paint();
  });
  wire.observe(app, { attributes: true, attributeFilter: ["data-test-connection-state"] });
  signal.addEventListener("abort", () => wire.disconnect());
}
