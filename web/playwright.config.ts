import { defineConfig } from '@playwright/test'

// Debian's Chromium: nothing is downloaded. CHROMIUM names another one.
const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium'

export default defineConfig({
  testDir: 'e2e',
  outputDir: 'test-results/e2e',
  workers: 1,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  reporter: [['list'], ['json', { outputFile: 'test-results/e2e.json' }]],
  use: {
    browserName: 'chromium',
    launchOptions: { executablePath, args: ['--no-sandbox', '--disable-gpu', '--font-render-hinting=none'] },
    // Recording costs a third of the run; TRACE=1 asks for it when a failure is not clear from its picture.
    trace: process.env.TRACE ? 'retain-on-failure' : 'off',
    screenshot: 'only-on-failure',
    viewport: { width: 1440, height: 900 },
    locale: 'en-GB',
    timezoneId: 'Europe/Paris',
  },
  projects: [
    // Every screen in every state, over a scripted server.
    { name: 'screens', testDir: 'e2e/screens' },
    // What people do, over the real binary.
    { name: 'stories', testDir: 'e2e/stories' },
  ],
})
