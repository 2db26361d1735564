// Before the first paint, so that nothing flashes: the person's own choice of light or dark.
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  try {
    const chosen = localStorage.getItem("theme");
    if (chosen === "light" || chosen === "dark") root.dataset.theme = chosen;
  } catch { /* storage may be closed: the system's wish holds */ }
})();
