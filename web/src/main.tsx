import { I18nProvider } from '@lingui/react'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { Tooltip } from 'radix-ui'
import { createRoot } from 'react-dom/client'
import { loadConfig } from './app/config'
import { ErrorPage } from './app/error-page'
import { followPreferences } from './app/preferences'
import { newRouter } from './app/routes'
import { createServices, start } from './app/services'
import { i18n } from './lib/i18n/i18n'
import { ServicesProvider } from './store/hooks'
import { newPreferences } from './store/preferences'
import './ui/styles/index.css'

/** Settings, session, then the screen: nothing is drawn for someone who is about to leave for the provider. */
async function run(draw: (screen: React.ReactNode) => void): Promise<void> {
  const services = createServices(await loadConfig(fetch))
  await followPreferences(services.preferences)
  const back = await services.session.restore(new URL(location.href))
  if (back === 'leaving') return
  if (back !== null) {
    const query = back.error === null ? '' : `?auth_error=${encodeURIComponent(back.error)}`
    history.replaceState(null, '', back.returnTo + query)
  }
  // Back from the provider without a word of trouble and without anyone signed in: that sign-in has ended.
  start(services, back?.error === null && services.session.state === 'signed-out')
  draw(
    <ServicesProvider value={services}>
      <QueryClientProvider client={new QueryClient()}>
        <RouterProvider router={newRouter()} />
      </QueryClientProvider>
    </ServicesProvider>,
  )
}

const element = document.getElementById('root')
if (element !== null) {
  const root = createRoot(element)
  const draw = (screen: React.ReactNode) =>
    root.render(
      <I18nProvider i18n={i18n}>
        <Tooltip.Provider delayDuration={400} skipDelayDuration={200}>
          {screen}
        </Tooltip.Provider>
      </I18nProvider>,
    )
  run(draw).catch(async (error: unknown) => {
    await followPreferences(newPreferences(localStorage))
    draw(<ErrorPage error={error} />)
  })
}
