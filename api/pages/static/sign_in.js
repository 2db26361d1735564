// A sign-in link carries its key behind "#": it is taken from the address at once, and sent.
const key = location.hash.slice(1);
if (key.startsWith("sl_")) {
  history.replaceState(null, "", location.pathname + location.search);
  const form = document.getElementById("sign-in");
  form.key.value = key;
  form.requestSubmit();
}
