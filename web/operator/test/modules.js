// The pages' own modules, as Vite serves them: tests run without a browser and without a build.

import { createServer } from 'vite';

const vite = await createServer({ server: { middlewareMode: true, ws: false, hmr: false }, appType: 'custom', logLevel: 'error' });

export const load = (path) => vite.ssrLoadModule(path);
export const close = () => vite.close();
