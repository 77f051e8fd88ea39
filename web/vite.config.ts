import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { compileMessage } from '@lingui/message-utils/compileMessage'
import tailwindcss from '@tailwindcss/vite'
import react from '@vitejs/plugin-react'
import { defineConfig, type Plugin } from 'vite'

/** Compiles the ICU messages of src/i18n at build time, so that no message parser reaches the browser. */
export function catalogues(): Plugin {
  return {
    name: 'beep-catalogues',
    enforce: 'pre',
    transform(source, id) {
      if (!/\/src\/i18n\/[a-z]+\.json$/.test(id)) return null
      const messages = Object.entries<string>(JSON.parse(source))
      const compiled = Object.fromEntries(messages.map(([key, text]) => [key, compileMessage(text)]))
      // moduleType tells the bundler that this is JavaScript now; its own JSON step would refuse it.
      return { code: `export default ${JSON.stringify(compiled)}`, map: null, moduleType: 'js' }
    },
  }
}

/** Puts a .br and a .gz beside each text of the build, so that the server compresses nothing while it answers. */
function compressed(): Plugin {
  return {
    name: 'beep-compressed',
    apply: 'build',
    writeBundle({ dir = 'dist' }) {
      const files = readdirSync(dir, { recursive: true, encoding: 'utf8' })
      for (const file of files.filter((name) => /\.(js|css|svg|webmanifest)$/.test(name))) {
        const path = join(dir, file)
        const text = readFileSync(path)
        if (text.length < 1024) continue
        writeFileSync(`${path}.br`, brotliCompressSync(text))
        writeFileSync(`${path}.gz`, gzipSync(text, { level: 9 }))
      }
    },
  }
}

// BEEP_NO_COMPILER=1 builds without React Compiler, to prove that nothing depends on it.
const compiler = process.env.BEEP_NO_COMPILER === undefined
// BEEP_BACKEND is the running binary that "npm run dev" sends everything but the client to.
const backend = process.env.BEEP_BACKEND ?? 'http://127.0.0.1:8080'
const proxied = ['/api', '/oidc', '/config.json', '/.well-known', '/docs', '/mailbox']

export default defineConfig({
  plugins: [catalogues(), tailwindcss(), react({ compiler }), compressed()],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  build: {
    // The committed placeholder keeps the folder that Go embeds; public/ brings it back into each build.
    target: 'es2023',
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 500,
    rolldownOptions: {
      output: {
        // React and the router change far less often than we do: their chunk stays cached over our releases.
        codeSplitting: {
          groups: [
            { name: 'react', test: /node_modules\/(react|react-dom|scheduler)\// },
            { name: 'vendor', test: /node_modules\// },
          ],
        },
      },
    },
  },
  server: {
    proxy: { ...Object.fromEntries(proxied.map((path) => [path, backend])), '/ws': { target: backend, ws: true } },
  },
})
