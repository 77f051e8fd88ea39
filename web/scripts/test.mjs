// Runs the unit tests and ends with one plain line that a Makefile or a CI can read.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

const report = 'test-results/unit.json'
const { status } = spawnSync(
  'npx',
  [
    'vitest',
    'run',
    '--coverage',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
    ...process.argv.slice(2),
  ],
  { stdio: 'inherit' },
)
const { numPassedTests, numFailedTests } = JSON.parse(readFileSync(report, 'utf8'))
console.log(`web: ${numPassedTests} passed, ${numFailedTests} failed`)
process.exit(status ?? 1)
