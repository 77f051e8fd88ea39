import { defineConfig, mergeConfig } from 'vitest/config'
import base from './vite.config.ts'

export default mergeConfig(
  base,
  defineConfig({
    test: {
      environment: 'happy-dom',
      include: ['src/**/*.test.{ts,tsx}', 'test/**/*.test.ts'],
      setupFiles: ['./test/setup.ts'],
      restoreMocks: true,
      // A busy machine draws a component slowly; what hangs still fails.
      testTimeout: 20_000,
      coverage: {
        include: ['src/lib/**', 'src/store/**'],
        exclude: ['**/*.test.*', 'src/lib/api/schema.gen.ts', 'src/store/hooks.ts', '**/testing.ts'],
        reporter: ['text-summary', 'json-summary'],
        reportsDirectory: 'test-results/coverage',
        thresholds: { lines: 90 },
      },
    },
  }),
)
