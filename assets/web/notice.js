// One sentence about what just went wrong or is under way, in the language of the page, until it is closed.
import { icon, node } from "./dom.js";
import { both, onSpeak, pick, say } from "./words.js";

export function drawNotice(part, room) {
  const text = node("span", { class: "notice-text" });
  const close = node("button", { class: "quiet icon-button", type: "button" }, icon("x"));
  const box = node("div", { class: "notice", role: "status", hidden: true }, icon("triangle-alert"), text, close);
  part.element.firstElementChild.append(box);
  let notices = [];

  // Up to three files' names before the sentence about them.
  function named(notice) {
    const names = notice.names ?? [];
    const more = names.length > 3 ? [` +${names.length - 3}`] : [];
    const shown = names.slice(0, 3).flatMap((name, k) => [k ? (document.documentElement.lang === "ar" ? "، " : ", ") : "", node("bdi", {}, name)]);
    return names.length ? [node("span", { class: "file-names" }, ...shown, ...more), " "] : [];
  }

  function draw() {
    box.hidden = notices.length === 0;
    box.dataset.kind = notices.at(-1)?.kind ?? "";
    box.setAttribute("role", notices.at(-1)?.kind === "error" ? "alert" : "status");
    text.replaceChildren(...notices.map((notice) => node("p", {}, ...named(notice), pick(notice.sentence))));
    close.setAttribute("aria-label", say("close"));
  }

  room.tell = (notice) => {
    const same = JSON.stringify(notice.sentence);
    const before = notices.find((each) => each.kind === notice.kind && JSON.stringify(each.sentence) === same);
    const names = [...new Set([...(before?.names ?? []), ...(notice.names ?? [])])];
    notices = [...notices.filter((each) => each.kind === notice.kind && each !== before), { ...notice, names }].slice(-4);
    draw();
  };
  room.hush = (kind) => {
    notices = notices.filter((each) => each.kind !== kind);
    draw();
  };
  // A question was taken: what was wrong with an earlier one is over; what happened to files stays.
  room.forgive = () => {
    notices = notices.filter((each) => each.kind !== "error" || each.stays);
    draw();
  };
  room.unreachable = (lost) => {
    if (lost) room.tell({ kind: "lost", sentence: both("server-lost") });
    else room.hush("lost");
  };
  close.addEventListener("click", () => {
    notices = [];
    draw();
  });
  part.watch("value", () => {
    const notice = part.props.value;
    if (notice?.sentence) room.tell(notice);
    else {
      notices = notices.filter((each) => each.kind === "lost" || each.kind === "error");
      draw();
    }
  });
  onSpeak(draw);
  draw();
}
