// Asking, asking again and stopping: each act with the place it was made in and what stood on the screen then.
// Knows Gradio's events by what they hand over, and who watches the server; draws nothing.
import { stopGuard } from "./stop.js";
import { both, language } from "./words.js";

const HELD = { held: true }; // nothing is asked: the page has already said why; what is typed stays
const PATIENCE = 10000; // ms for a conversation to be opened, for an answer to be stopped
const STOP_AGAIN = 500; // ms: a question may reach the server after the wish to stop its answer

export function prepareAsking(room, places, watch) {
  let answeringSince = 0;
  const tooEarly = stopGuard(() => answeringSince);

  room.setAnswering = (on) => {
    const changed = on !== places.here.answering;
    if (on && changed) answeringSince = performance.now();
    places.here.answering = on;
    document.documentElement.dataset.answering = on ? "yes" : "no";
    if (changed) watch.lookLater();
  };

  async function begin(question) {
    const place = places.here;
    const asked = { view: room.view(), replaces: place.replaces, last: room.turns.at(-1)?.id ?? null, language: language() };
    const held = () => ["", place.id, HELD];
    if (place.beginning) return held(); // a double click, faster than a conversation is made
    place.beginning = true;
    try {
      if (!(await mayAsk(place))) return held();
      if (!question.trim()) return [question, place.id, null];
      if (!place.opened) {
        if (!(await opened(place))) return held();
        Object.assign(asked, { view: room.view(), last: room.turns.at(-1)?.id ?? null }); // as it has come to the screen
      }
      if (place === places.here && room.early()) { // on the screen, but not in the record: the model would see nothing
        room.tell({ kind: "error", sentence: both("error-image-underway") });
        return held();
      }
      const conversation = await places.name(place);
      place.sent = question;
      if (place === places.here) room.setAnswering(true);
      else place.answering = true;
      watch.look(); // what Gradio sends now is lost without a word if nobody is there
      return [question, conversation, asked];
    } catch (error) {
      if (error.sentence) room.tell({ kind: "error", sentence: error.sentence });
      else room.unreachable(true);
      return ["", "", HELD];
    } finally {
      place.beginning = false;
    }
  }

  async function mayAsk(place) {
    if ((place.answering || watch.lost) && !(await watch.look())) {
      room.unreachable(true); // said again, should it have been closed
      return false;
    }
    if (place.answering) room.tell({ kind: "error", sentence: both("error-still-answering") });
    return !place.answering;
  }

  // What was typed for a conversation that has been left before it came to the screen stays there, unsent.
  async function opened(place) {
    const late = new Promise((resolve) => setTimeout(resolve, PATIENCE));
    await Promise.race([place.arrival, late]);
    if (!place.opened && place === places.here) room.unreachable(true);
    return place.opened && place === places.here;
  }

  async function stop(event) {
    if (tooEarly(event)) return;
    const place = places.here;
    const until = performance.now() + PATIENCE;
    while (place.answering && performance.now() < until) {
      const answer = await fetch(`/api/conversations/${place.id}/stop`, { method: "POST" }).catch(() => null);
      if (answer?.ok && (await answer.json()).stopped) return;
      await new Promise((resolve) => setTimeout(resolve, STOP_AGAIN));
    }
  }
  window.basiraActs.on("stop", stop);

  // Asking while the server is gone: Gradio, whose stream broke, would not even run our `asked`.
  function askInVain(event) {
    if (!watch.lost) return;
    event.preventDefault();
    event.stopPropagation();
    room.unreachable(true);
  }
  window.addEventListener("click", (event) => event.target.closest?.("#send, #regenerate") && askInVain(event), true);
  window.addEventListener(
    "keydown",
    (event) => event.key === "Enter" && !event.shiftKey && !event.isComposing && event.target.closest?.("#question") && askInVain(event),
    true,
  );

  return {
    asked(question) {
      room.asking += 1;
      return begin(question);
    },
    askedAgain() {
      const place = places.here;
      place.replaces = null;
      room.asking += 1;
      if (room.turns.length) room.setAnswering(true);
      return [place.id, { last: room.turns.at(-1)?.id ?? null, language: language() }];
    },
    // Gradio's event is over, however it ended: if the page still waits, ask the server how things stand.
    settled() {
      room.asking -= 1;
      if (!room.asking && places.here.answering && places.here.opened) room.reopen();
      return [];
    },
  };
}
