// What a person reads when a key was refused or put away; allauth's scripts do the rest.
document.addEventListener("allauth.error", (event) => {
  event.preventDefault();
  const failed = document.getElementById("passkey-failed");
  if (failed) failed.hidden = false;
});
if (!window.PublicKeyCredential) {
  const impossible = document.getElementById("passkey-impossible");
  if (impossible) impossible.hidden = false;
}
