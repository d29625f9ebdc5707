// Where Streamlit comes in.
//
// It calls the default export again with each change of `data`, and may call the clean-up of an
// older run after a newer one has begun. So a desk lives in this module, by its key; a run only
// hands it the news, and a clean-up counts only if no run follows it.

const desks = new Map();

/** The desk of these data: the one that stands, or in its place what `make` makes of them. */
function deskFor(data, make) {
  const known = desks.get(data.desk);
  const { store, reviewer, question } = known?.deck ?? {};
  const isHis = store === data.store && reviewer === data.reviewer && question === data.question;
  if (known && isHis) return known;
  known?.close();
  const desk = make(data);
  desks.set(data.desk, desk);
  return desk;
}

/** One run of the component: hand the standing desk the news; the answer is the run's clean-up. */
function stand({ data, parentElement, setStateValue }, make) {
  const desk = deskFor(data, make);
  desk.courier.set = setStateValue;
  desk.run = (desk.run ?? 0) + 1;
  const { run } = desk;
  desk.attach(parentElement);
  const isFirst = run === 1;
  desk.receive(data);
  if (isFirst && desk.deck.outbox.waiting().length) desk.courier.send();
  return () =>
    setTimeout(() => {
      // Unmounted for good only if no later run took over; decisions stay in storage and are sent by
      // whichever desk of this reviewer opens next.
      if (desk.run !== run) return;
      desk.close();
      if (desks.get(data.desk) === desk) desks.delete(data.desk);
    }, 0);
}
