"use strict";
/* The keyboard of a call's lanes, on the page of a run and on the lab's page of a case: one stop of the tab key a lane,
   the arrow keys go on within it. */
function rove(lane) {
  const stops = [...lane.querySelectorAll("button.block")];
  if (!stops.length) return;
  const choose = (to) => stops.forEach((stop, place) => { stop.tabIndex = place === to ? 0 : -1; });
  choose(0);
  lane.addEventListener("focusin", (event) => choose(stops.indexOf(event.target)));
  lane.addEventListener("keydown", (event) => {
    const now = stops.indexOf(document.activeElement);
    const to = { ArrowRight: now + 1, ArrowLeft: now - 1, Home: 0, End: stops.length - 1 }[event.key];
    if (now < 0 || !stops[to]) return;
    event.preventDefault();
    stops[to].focus();
  });
}
