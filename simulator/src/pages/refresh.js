(() => {
  const here = document.getElementById("main");
  const look = async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(location.href, { cache: "no-store" });
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const [now, next] = [here.querySelector("#messages"), page.querySelector("#messages")];
      if (!now || !next || now.dataset.state === next.dataset.state) return;
      const held = document.activeElement && document.activeElement.getAttribute("href");
      now.replaceWith(next);
      if (held) here.querySelector(`a[href="${CSS.escape(held)}"]`)?.focus();
    } catch {}
  };
  setInterval(look, 2000);
})();
