// Bundles the page: `NODE_PATH=.../node_modules node build.mjs OUTPUT.js`.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const modules = process.env.NODE_PATH;
const load = createRequire(join(modules, 'none.js'));
const esbuild = load('esbuild');

// Grafana serves its icons as files. The page has no server, so it contains the icons of panels.
const SHOWN = ['info-circle', 'angle-down', 'angle-up', 'arrow-up', 'arrow-down', 'external-link-alt'];
const folder = join(dirname(load.resolve('@grafana/ui/package.json')), 'dist/public/img/icons/unicons');
const icons = Object.fromEntries(SHOWN.map((name) => [name, readFileSync(join(folder, `${name}.svg`), 'utf8')]));

await esbuild.build({
  entryPoints: [join(dirname(fileURLToPath(import.meta.url)), 'src/main.jsx')],
  outfile: process.argv[2],
  bundle: true,
  nodePaths: [modules],
  loader: { '.woff2': 'dataurl', '.woff': 'empty', '.svg': 'text' },
  define: { 'process.env.NODE_ENV': '"production"', global: 'window', ICONS: JSON.stringify(icons) },
  plugins: [
    {
      // The page does not use the editors and maps of @grafana/ui, which are larger than the rest.
      name: 'leave-out',
      setup(build) {
        build.onResolve({ filter: /^(monaco-editor|@monaco-editor|ol)(\/|$)/ }, (found) => ({
          path: found.path,
          namespace: 'left-out',
        }));
        build.onLoad({ filter: /.*/, namespace: 'left-out' }, () => ({ contents: 'module.exports = {}' }));
      },
    },
  ],
  logLevel: 'error',
});
