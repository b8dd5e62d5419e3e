/* Before anything is drawn: the theme that the reader chose here, else the system's. */
try {
  const chosen = localStorage.getItem("evalkit-theme");
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
} catch { /* storage may be forbidden: the system's theme it is */ }
