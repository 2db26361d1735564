// A sign-in link carries its token behind "#": it is taken from the address at once, and sent. It is good once.
const token = location.hash.slice(1);
if (/^[\w-]{20,100}$/.test(token)) {
  history.replaceState(null, "", location.pathname + location.search);
  const form = document.getElementById("sign-in");
  form.link.value = token;
  form.noValidate = true;
  form.requestSubmit();
}
