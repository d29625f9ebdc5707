// The desk for traces side by side as Streamlit's component.

export default (run) =>
  stand(run, (data) => (data.at_once > 2 ? new GroupDesk(data) : new PairDesk(data)));
