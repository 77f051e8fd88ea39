// Holds the size of what a browser must load before the first channel: scripts and styles of index.html and
// what they import at once. Sizes are gzip -9, in KiB.
import { readdirSync, readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

const DIST = 'dist'
const budgets = { script: { wanted: 230, most: 250 }, style: { wanted: 20, most: 22 } }
const LARGEST_CHUNK = 500

const page = readFileSync(`${DIST}/index.html`, 'utf8')
const first = new Set([...page.matchAll(/(?:src|href)="\/([^"]+\.(?:js|css))"/g)].map((match) => match[1]))
// An import inside a chunk of the first load belongs to it; a dynamic one does not.
for (const file of first) {
  if (!file.startsWith('assets/') || !file.endsWith('.js')) continue
  const source = readFileSync(`${DIST}/${file}`, 'utf8')
  for (const match of source.matchAll(/(?:from|import)\s*["']\.\/([^"']+\.js)["']/g)) first.add(`assets/${match[1]}`)
}

const sizeOf = (file) => gzipSync(readFileSync(`${DIST}/${file}`), { level: 9 }).length / 1024
const total = (ending) =>
  [...first].filter((file) => file.endsWith(ending)).reduce((sum, file) => sum + sizeOf(file), 0)

let failed = false
for (const [kind, ending] of [
  ['script', '.js'],
  ['style', '.css'],
]) {
  const size = total(ending)
  const { wanted, most } = budgets[kind]
  const verdict = size > most ? 'TOO LARGE' : size > wanted ? 'over what is wanted' : 'fine'
  failed ||= size > most
  console.log(`${kind}: ${size.toFixed(1)} KiB of ${wanted} (fails at ${most}): ${verdict}`)
}
for (const file of readdirSync(`${DIST}/assets`).filter((name) => name.endsWith('.js'))) {
  const size = readFileSync(`${DIST}/assets/${file}`).length / 1024
  if (size <= LARGEST_CHUNK) continue
  failed = true
  console.log(`${file}: ${size.toFixed(0)} KiB unpacked, more than ${LARGEST_CHUNK}`)
}
process.exit(failed ? 1 : 0)
