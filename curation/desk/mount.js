// The review desk as Streamlit's component.

export default (run) => stand(run, (data) => new Desk(data));

export const parts = { appendText, el, isCut, keyName, nextCut, plain, prepare, uuid };
