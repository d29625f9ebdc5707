// The desk for pairs as Streamlit's component.

export default (run) => stand(run, (data) => new PairDesk(data));
