
(() => {
  "use strict";
  // A fragment makes the page's own address another one of the same document, which no reload of it would load again; and it may hold the
  // token that the gateway's page needs. So the server is asked, and when it has an answer the page is loaded as it is.
  const note = document.querySelector(".again");
  const address = location.href.split("#")[0];
  let tries = 0, timer, asking = false;

  const state = (text) => { note.lastChild.textContent = text; };

  const ask = async () => {
    // A tab that is not looked at waits until it is.
    if (asking || document.hidden) return;
    clearTimeout(timer);
    asking = true;
    note.classList.add("asking");
    let status = 503;
    const stop = new AbortController();
    const limit = setTimeout(() => stop.abort(), 60000);
    try {
      const options = { method: "HEAD", cache: "no-store", redirect: "manual", signal: stop.signal };
      status = (await fetch(address, options)).status;
    } catch {
      // frontgate or the network is away.
    }
    clearTimeout(limit);
    note.classList.remove("asking");
    if (status < 502 || status > 504) {
      state("The gateway is back.");
      location.reload();
      return;
    }
    asking = false;
    tries += 1;
    state(`Waiting for the gateway: asked ${tries === 1 ? "once" : `${tries} times`}, last at ${new Date().toLocaleTimeString()}. ` +
      "This page goes on by itself.");
    // From one second to five, and a quarter of a minute to half a one for a gateway that is away for long; not all at once.
    const pause = tries > 120 ? 20000 : Math.min(5000, 1000 * 1.3 ** (tries - 1));
    timer = setTimeout(ask, pause * (0.75 + Math.random() / 2));
  };

  document.addEventListener("visibilitychange", ask);
  addEventListener("online", ask);
  state("Waiting for the gateway. This page goes on by itself.");
  timer = setTimeout(ask, 1000);
})();
