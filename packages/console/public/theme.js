// Applies the theme chosen on this machine before the first paint; src/ui/theme.ts writes it. Nothing chosen: the system's.
(function () {
  try {
    var theme = localStorage.getItem('throughline.theme');
    if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
  } catch {
    // Storage is switched off: the system's theme stays.
  }
})();
