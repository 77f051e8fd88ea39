/** The code in what someone pasted: a link of ours or the code alone. Null when there is none. */
export function codeOf(pasted: string): string | null {
  const text = pasted.trim()
  const path = /\/invite\/([A-Za-z0-9]{4,64})\/?(?:[?#].*)?$/.exec(text)
  const code = path?.[1] ?? text
  return /^[A-Za-z0-9]{4,64}$/.test(code) ? code : null
}
