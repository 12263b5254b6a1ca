// Passkeys: what the page holds goes to the browser, and the browser's answer into the form.
"use strict";
for (const form of document.querySelectorAll("form[data-passkey]")) {
  const says = form.querySelector("[role=alert]"), again = form.querySelector("[data-again]");
  const ask = async () => {
    says.hidden = again.hidden = true;
    try {
      const options = JSON.parse(form.dataset.options), create = form.dataset.passkey === "create";
      const publicKey = create
        ? PublicKeyCredential.parseCreationOptionsFromJSON(options)
        : PublicKeyCredential.parseRequestOptionsFromJSON(options);
      const answer = (await navigator.credentials[form.dataset.passkey]({ publicKey })).toJSON();
      answer.extensions = JSON.stringify(answer.clientExtensionResults);
      form.elements.credential.value = JSON.stringify(answer);
      form.submit();
    } catch (error) {
      says.textContent = error.name === "NotAllowedError" ? "Nothing was chosen, or it took too long."
        : error.name === "InvalidStateError" ? "This device has a passkey for you already."
        : "This browser could not do it.";
      says.hidden = again.hidden = false;
    }
  };
  again.addEventListener("click", ask);
  ask();
}
