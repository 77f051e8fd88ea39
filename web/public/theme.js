// Runs before the first paint, so that nobody sees the other theme flash. src/app/preferences.ts takes over
// from here; the two must agree on the key and its values.
;(() => {
  let choice = 'system'
  try {
    choice = JSON.parse(localStorage.getItem('beep:preferences') ?? '{}').theme ?? 'system'
  } catch {
    // storage refused or damaged: the system's theme is right
  }
  const dark = choice === 'dark' || (choice !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches)
  document.documentElement.dataset.theme = dark ? 'dark' : 'light'
})()
