// Is the server there, how is the model, how far is the answer? Looked at again and again, sooner during an answer.
const PATIENCE = 10000; // ms without a word after which a server counts as gone

export function watchServer(room, places) {
  let looking = null;
  let next = 0;
  let last = "";
  const watch = { lost: false, look, lookLater }; // lost: the server did not answer when it was asked last

  function pause() {
    if (places.here.answering) return room.asking ? 1500 : 700;
    if (watch.lost || !places.here.opened) return 2000;
    return room.model?.state === "loading" ? 1000 : 15000;
  }

  function lookLater() {
    clearTimeout(next);
    next = setTimeout(look, pause());
  }

  function look() {
    looking ??= lookOnce().finally(() => {
      looking = null;
      lookLater();
    });
    return looking;
  }

  async function lookOnce() {
    try {
      const answer = await fetch("/api/model", { signal: AbortSignal.timeout(PATIENCE) });
      if (answer.status === 401) return void location.reload(); // the key has changed: it is asked for, and drafts are kept
      if (!answer.ok) throw new Error(String(answer.status));
      room.model = await answer.json();
      found();
    } catch {
      missing();
    }
    const now = JSON.stringify(room.model);
    if (now !== last) room.modelChanged();
    last = now;
    return !watch.lost;
  }

  function found() {
    room.unreachable?.(false);
    const back = watch.lost;
    watch.lost = false;
    if (back) room.reopen(); // the answer may have gone on without us
    else room.follow();
  }

  // What is being written can neither be seen nor stopped from here: the page must not say otherwise.
  function missing() {
    if (watch.lost || !room.unreachable) return; // said once: a reader who closed it knows, and is told again on asking
    watch.lost = true;
    room.unreachable(true);
    room.setAnswering(false);
    room.drawTurns?.();
  }

  return watch;
}
