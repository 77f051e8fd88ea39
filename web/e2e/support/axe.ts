/** axe-core in a page. Its source is evaluated by the browser's debugger, which the page's own policy does not bind. */

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Page } from '@playwright/test'

const source = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

interface Violation {
  id: string
  nodes: { html: string; failureSummary?: string }[]
}

/** The rules that a theme can break: all others speak of what the two themes have in common. */
export const COLORS = ['color-contrast', 'link-in-text-block']

/** What axe finds wrong with the page as it stands: rule, element, reason. Empty is right. only names some rules. */
export async function violations(page: Page, only?: string[]): Promise<string[]> {
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(source)
  const found = await page.evaluate(
    async (options) => {
      const { axe } = globalThis as unknown as { axe: { run(options: object): Promise<{ violations: Violation[] }> } }
      return (await axe.run(options)).violations
    },
    { resultTypes: ['violations'], ...(only !== undefined && { runOnly: only }) },
  )
  return found.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html} ${node.failureSummary ?? ''}`))
}
