// A link carries its token behind "#": it is taken from the address at once, and sent with the form.
const token = location.hash.slice(1);
if (/^[\w-]{20,100}$/.test(token)) {
  history.replaceState(null, "", location.pathname);
  document.getElementById("link").token.value = token;
}
