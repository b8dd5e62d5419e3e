/* Reviews: after an answer the next question is there, and whoever does not see it hears of it. */
import { announce } from "./lab.js";

document.addEventListener("htmx:after:swap", () => {
  const heading = document.getElementById("asked-title");
  if (!heading) return;
  heading.focus({ preventScroll: true });
  scrollTo({ top: 0 });
  announce(`Next question: ${heading.textContent.trim()}`);
});
