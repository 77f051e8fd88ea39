// Runs the browser tests and ends with one plain line that a Makefile or a CI can read.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

const { status } = spawnSync('npx', ['playwright', 'test', ...process.argv.slice(2)], { stdio: 'inherit' })
const { stats } = JSON.parse(readFileSync('test-results/e2e.json', 'utf8'))
console.log(`web: ${stats.expected + stats.flaky} passed, ${stats.unexpected} failed`)
process.exit(status ?? 1)
