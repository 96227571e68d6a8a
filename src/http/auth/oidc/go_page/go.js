
const go = document.getElementById("go"), { take, keep } = go.dataset;
let fragment = take ? "" : location.hash;
try {
  if (take) { fragment = sessionStorage.getItem(take) ?? ""; sessionStorage.removeItem(take); }
  if (keep && fragment) sessionStorage.setItem(keep, fragment);
} catch { /* A browser without storage logs in all the same, without the fragment. */ }
location.replace(keep ? go.href : go.href + fragment);
